"""A listening socket and its connections, from the first to the last."""

import asyncio
import errno
import logging
import os
import ssl
from collections.abc import Callable
from typing import Final

from lastword.api.http.connection import Connection
from lastword.api.http.limits import HttpLimits
from lastword.api.http.messages import Handler
from lastword.api.http.shared import Shared
from lastword.errors import ConfigError

BACKLOG: Final = 1_024
"""Connections that the kernel keeps until they are accepted: a burst of clients that all
reconnect at once. The kernel may hold fewer (net.core.somaxconn)."""

PORT_MAX: Final = 65_535

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
        if not 0 <= port <= PORT_MAX:  # uvloop would take it modulo 65536
            raise _cannot_listen(host, port, f"a port is a number from 0 to {PORT_MAX}")
        shared = Shared(handler, limits, on_fault)
        loop = asyncio.get_running_loop()
        try:
            listener = await loop.create_server(
                lambda: Connection(shared), host, port, backlog=BACKLOG, ssl=tls
            )
        except OSError as fault:
            raise _cannot_listen(host, port, _reason(fault)) from fault
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


def _cannot_listen(host: str, port: int, reason: str) -> ConfigError:
    return ConfigError(
        f"cannot listen on {host}:{port}: {reason}",
        hint="Give this node another --host or --port, or stop what has the address.",
    )


def _reason(fault: OSError) -> str:
    if fault.errno == errno.EADDRINUSE:
        return "another program listens there"
    if fault.errno is not None and fault.errno > 0:
        return os.strerror(fault.errno)
    return fault.strerror or str(fault)  # from the resolver, whose numbers are negative
