"""A listening socket for Redis clients, and its connections, from the first to the last."""

import asyncio
import ssl
from collections.abc import Callable
from functools import partial

from lastword.access.gate import Gate
from lastword.api.door import Door
from lastword.api.listening import HANDSHAKE_S, listen
from lastword.api.resp.connection import Connection
from lastword.api.resp.limits import RespLimits
from lastword.api.resp.service import Facts, Service
from lastword.api.resp.session import Roster
from lastword.api.resp.table import Table
from lastword.node.node import Node


class RespServer:
    """Serves a node's sets on one address. `port` is the bound one."""

    __slots__ = ("_listener", "_roster", "_service", "_timer", "port")

    def __init__(self, service: Service, roster: Roster, listener: asyncio.Server) -> None:
        self._service = service
        self._roster = roster
        self._listener = listener
        self.port: int = listener.sockets[0].getsockname()[1]
        service.port = self.port
        service.began_s = service.now()
        self._timer: asyncio.TimerHandle | None = None
        self._plan_tick()

    @property
    def door(self) -> Door:
        """Who is inside, and who was refused or given up."""
        return self._service.door

    @classmethod
    async def start(
        cls,
        node: Node,
        *,
        host: str,
        port: int,
        facts: Facts,
        on_fault: Callable[[BaseException], None],
        limits: RespLimits = RespLimits(),  # noqa: B008 - frozen
        tls: ssl.SSLContext | None = None,
        gate: Gate | None = None,
        handshake_s: float = HANDSHAKE_S,
    ) -> "RespServer":
        """Listen on `host` and `port`; 0 picks a free port.

        `on_fault` hears of every exception that is no LastwordError. Raises ConfigError where the
        address cannot be had.
        """
        table = Table(allow_flush=facts.allow_flush)
        service, roster = Service(node, limits, facts, on_fault, gate), Roster()
        listener = await listen(
            partial(Connection, service, roster, table),
            host,
            port,
            option="--redis-port",
            tls=tls,
            handshake_s=handshake_s,
        )
        return cls(service, roster, listener)

    async def close(self, drain_s: float = 10.0) -> None:
        """Stop listening, answer what is in flight, close every connection.

        What is not answered after `drain_s` seconds is cut off. May be called again, and leaves
        nothing running.
        """
        service = self._service
        service.draining = True
        self._listener.close()
        for session in self._roster.sessions:
            session.line.drain()
        try:
            async with asyncio.timeout(drain_s):
                await self._roster.all_lost()
                await service.ended()
        except TimeoutError:
            pass  # the rest is cut off below
        finally:
            for session in self._roster.sessions:
                session.line.abort()
            for task in service.tasks:
                task.cancel()
            if self._timer is not None:
                self._timer.cancel()
        await self._roster.all_lost()
        await service.ended()
        await self._listener.wait_closed()

    def sweep(self, now: float) -> None:
        """Look at every connection for a client that keeps it waiting; `now` in loop time."""
        for session in self._roster.sessions:
            session.line.sweep(now)

    def _plan_tick(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._service.limits.sweep_s, self._tick)

    def _tick(self) -> None:
        self._plan_tick()
        self.sweep(self._service.now())
