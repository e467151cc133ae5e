"""A listening socket and its connections, from the first to the last."""

import asyncio
import logging
import ssl
from collections.abc import Callable

from lastword.api.door import Door
from lastword.api.http.connection import Connection
from lastword.api.http.limits import HttpLimits
from lastword.api.http.messages import Handler
from lastword.api.http.shared import Shared
from lastword.api.listening import listen

_log = logging.getLogger("lastword.http")


def log_fault(fault: BaseException) -> None:
    """Log a fault of our own with its trace."""
    _log.error("a request met a fault in lastword", exc_info=fault)


class HttpServer:
    """Serves a handler on one address. `port` is the bound one."""

    __slots__ = ("_listener", "_shared", "_timer", "port")

    def __init__(self, shared: Shared, listener: asyncio.Server) -> None:
        self._shared = shared
        self._listener = listener
        self.port: int = listener.sockets[0].getsockname()[1]
        self._timer: asyncio.TimerHandle | None = None
        self._plan_tick()

    @property
    def door(self) -> Door:
        """Who is inside, and who was refused or given up."""
        return self._shared.door

    @classmethod
    async def start(
        cls,
        handler: Handler,
        *,
        host: str,
        port: int,
        limits: HttpLimits = HttpLimits(),  # noqa: B008 - frozen
        on_fault: Callable[[BaseException], None] = log_fault,
        tls: ssl.SSLContext | None = None,
    ) -> "HttpServer":
        """Listen on `host` and `port`; 0 picks a free port.

        `on_fault` hears of every exception of the handler, or of what it returned, that is no
        LastwordError, and of every one that cut off a streamed body. Raises ConfigError where the
        address cannot be had.
        """
        shared = Shared(handler, limits, on_fault)
        listener = await listen(
            lambda: Connection(shared),
            host,
            port,
            option="--port",
            tls=tls,
            handshake_s=limits.handshake_s,
        )
        return cls(shared, listener)

    async def close(self, drain_s: float = 10.0) -> None:
        """Stop listening, answer what is in flight, close every connection.

        What is not answered after `drain_s` seconds is cut off, and tasks are cancelled. May be
        called again, and leaves nothing running.
        """
        self._shared.draining = True
        self._listener.close()
        for connection in list(self._shared.connections):
            connection.drain()
        try:
            async with asyncio.timeout(drain_s):
                await self._shared.all_lost()
                await self._shared.all_done()
        except TimeoutError:
            pass  # the rest is cut off below
        finally:
            for connection in list(self._shared.connections):
                connection.abort()
            for task in self._shared.tasks:
                task.cancel()
            if self._timer is not None:
                self._timer.cancel()
        await self._shared.all_lost()
        await self._shared.all_done()
        await self._listener.wait_closed()

    def sweep(self, now: float) -> None:
        """Look at every connection for a client that keeps it waiting; `now` in loop time."""
        for connection in list(self._shared.connections):
            connection.sweep(now)

    def _plan_tick(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._shared.limits.sweep_s, self._tick)

    def _tick(self) -> None:
        self._plan_tick()
        self._shared.heads.refresh()
        self.sweep(asyncio.get_running_loop().time())
