"""Servers that are no nodes, or bad ones: real ones, on a port of this machine."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    """Yield the address of a server that answers every request by `handler`."""
    app = web.Application(client_max_size=1 << 26)
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        yield f"{host}:{port}"
    finally:
        left = [] if runner.server is None else runner.server.connections
        transports = [at.transport for at in left if at.transport is not None]
        await runner.cleanup()
        for transport in transports:  # one whose client does not read would outlive the loop
            transport.abort()


@asynccontextmanager
async def answering(
    body: bytes, status: int = 200, headers: dict[str, str] | None = None
) -> AsyncIterator[str]:
    """Yield the address of a server that gives the same answer to everything."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, body=body, headers=headers)

    async with serving(answer) as address:
        yield address
