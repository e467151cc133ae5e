"""A node that speaks RESP within the test, and clients of it that see every byte."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import hiredis

from lastword.api.resp.limits import RespLimits
from lastword.api.resp.server import RespServer
from lastword.api.resp.service import Facts
from tests.api.http.raw_http import PATIENCE_S, RawClient
from tests.api.living_node import LivingNode

LIMITS = RespLimits()


def encoded(*arguments: bytes | str | int) -> bytes:
    """Return a command as clients send it."""
    raw = [item if isinstance(item, bytes) else str(item).encode() for item in arguments]
    return b"*%d\r\n" % len(raw) + b"".join(b"$%d\r\n%b\r\n" % (len(item), item) for item in raw)


class RespClient(RawClient):
    """One connection, which reads replies one by one."""

    _reader: hiredis.Reader

    async def send_commands(self, commands: Iterable[tuple[bytes | str | int, ...]]) -> None:
        await self.send(b"".join(encoded(*command) for command in commands))

    async def reply(self) -> Any:
        """Return the next reply; errors are returned, not raised."""
        if not hasattr(self, "_reader"):
            self._reader = hiredis.Reader()
        while (reply := self._reader.gets()) is False:
            data = await self._receive()
            if not data:
                raise EOFError("the connection ended")
            self._reader.feed(data)
        return reply

    async def call(self, *arguments: bytes | str | int) -> Any:
        await self.send(encoded(*arguments))
        return await self.reply()

    async def error(self, *arguments: bytes | str | int) -> str:
        """Return the text of the error that a command gets."""
        reply = await self.call(*arguments)
        assert isinstance(reply, hiredis.ReplyError), reply
        return str(reply)


class RespNode:
    """A node with its RESP server."""

    def __init__(self, path: Path) -> None:
        self.living = LivingNode(path)
        self._clients: list[RespClient] = []

    async def start(
        self,
        limits: RespLimits = LIMITS,
        *,
        allow_flush: bool = True,
        contacts: tuple[str, ...] = (),
        listed: bool = False,
    ) -> None:
        await self.living.start(contacts=contacts, listed=listed)
        self.server = await RespServer.start(
            self.living.node,
            host="127.0.0.1",
            port=0,
            facts=Facts("test", allow_flush=allow_flush),
            on_fault=self.living.faults.append,
            limits=limits,
        )

    async def client(self, *, receive_bytes: int | None = None) -> RespClient:
        connected = await RespClient.connect(self.server.port, receive_bytes=receive_bytes)
        assert isinstance(connected, RespClient)
        self._clients.append(connected)
        return connected

    async def close(self) -> None:
        """Stop as the service does; what is left running, and any fault, fails the test."""
        for client in self._clients:
            client.close()
        await self.server.close(drain_s=PATIENCE_S)
        await self.living.close()
