"""A server under test with its clients, and handlers for it."""

import asyncio
from collections.abc import Awaitable
from typing import Any

from lastword.api.http import Handler, HttpLimits, HttpServer, Request, Response
from lastword.api.http.connection import Connection
from tests.api.http.raw_http import PATIENCE_S, RawClient, until

NEVER_S = 1e9


def echo(request: Request) -> Response:
    """Answer with what was asked for."""
    return Response(body=request.method.encode() + b" " + request.target + b" " + request.body)


class Later:
    """A handler whose answers are given by hand, in any order."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []
        self.answers: dict[bytes, asyncio.Future[Response]] = {}

    def __call__(self, request: Request) -> Awaitable[Response]:
        self.asked.append(request.path)
        answer = asyncio.get_running_loop().create_future()
        self.answers[request.path] = answer
        return answer

    def give(self, path: bytes) -> None:
        self.answers[path].set_result(Response(body=path))

    async def wait(self, count: int) -> None:
        await until(lambda: len(self.asked) == count)


class Site:
    """A server under test. Its timer stands still: tests call `server.sweep` with times."""

    server: HttpServer

    def __init__(self) -> None:
        self.faults: list[BaseException] = []
        self.clients: list[RawClient] = []

    async def start(self, handler: Handler, **limits: Any) -> None:
        limits = {"sweep_s": NEVER_S} | limits
        self.server = await HttpServer.start(
            handler,
            host="127.0.0.1",
            port=0,
            limits=HttpLimits(**limits),
            on_fault=self.faults.append,
        )

    async def client(self, send: bytes = b"", *, receive_bytes: int | None = None) -> RawClient:
        client = await RawClient.connect(self.server.port, receive_bytes=receive_bytes)
        self.clients.append(client)
        await client.send(send)
        return client

    async def connection(self) -> Connection:
        """Return the server's side of the only connection."""
        await until(lambda: len(self.server._shared.connections) == 1)
        (connection,) = self.server._shared.connections
        assert isinstance(connection, Connection)
        return connection

    async def close(self) -> None:
        for client in self.clients:
            client.close()
        await self.server.close(drain_s=PATIENCE_S)
