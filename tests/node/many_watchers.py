"""A crowd that watches: connections that count events as they come, as cheaply as Python can."""

import asyncio
import json
from collections.abc import Callable
from typing import cast

PATIENCE_S = 60.0


class Listener(asyncio.Protocol):
    """Keeps what one stream of NDJSON says."""

    def __init__(self, head: bytes, heard: asyncio.Event) -> None:
        self.data = bytearray()
        self.events = 0
        self.is_open = False
        self.transport: asyncio.Transport
        self._head = head
        self._heard = heard

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.write(self._head)

    def data_received(self, data: bytes) -> None:
        self.data += data
        self.events += data.count(b'{"event":"add"')
        self.is_open = self.is_open or b'{"event":"open"' in data
        self._heard.set()

    def elements(self) -> frozenset[str]:
        lines = [line for line in bytes(self.data).splitlines() if line.startswith(b"{")]
        events = [json.loads(line) for line in lines]
        assert {event["event"] for event in events} <= {"open", "add", "beat"}
        return frozenset(event["element"] for event in events if event["event"] == "add")


class Crowd:
    """Many streams of one node."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._heard = asyncio.Event()
        self.listeners: list[Listener] = []

    async def join(self, path: str, count: int) -> None:
        """Let so many more watch; return when all have been told where they begin."""
        head = f"GET {path} HTTP/1.1\r\nHost: {self._address}\r\nAccept: application/x-ndjson\r\n"
        host, _, port = self._address.rpartition(":")
        loop = asyncio.get_running_loop()
        for _ in range(count):
            _, listener = await loop.create_connection(
                lambda: Listener(f"{head}\r\n".encode(), self._heard), host, int(port)
            )
            self.listeners.append(listener)
        await self._until(lambda listener: listener.is_open)

    async def wait(self, events: int) -> None:
        """Wait until each was told of so many adds."""
        await self._until(lambda listener: listener.events >= events)

    def told(self) -> set[frozenset[str]]:
        """Return the sets of elements that they were told of: one where all heard the same."""
        return {listener.elements() for listener in self.listeners}

    def close(self) -> None:
        for listener in self.listeners:
            listener.transport.abort()

    async def _until(self, holds: Callable[[Listener], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            for listener in self.listeners:
                while not holds(listener):
                    self._heard.clear()
                    await self._heard.wait()
