"""What the connections of one server have in common."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Protocol

from lastword.api.door import Door
from lastword.api.http.answers import Heads, error_response
from lastword.api.http.limits import HttpLimits
from lastword.api.http.messages import Handler, Request, Response
from lastword.errors import LastwordError


class Connected(Protocol):
    """A connection, as its server sees it."""

    def sweep(self, now: float) -> None:
        """Give up on a client that keeps the server waiting; `now` is the loop's time."""

    def drain(self) -> None:
        """Answer what has begun to arrive, then close."""

    def abort(self) -> None:
        """Cut the connection off."""


@dataclass(slots=True)
class Shared:
    """The server's handler, its limits, and all that it must see the end of."""

    handler: Handler
    limits: HttpLimits
    on_fault: Callable[[BaseException], None]
    heads: Heads = field(default_factory=Heads)
    connections: set[Connected] = field(default_factory=set)
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    draining: bool = False
    door: Door = field(init=False)
    _last_lost: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        limits = self.limits
        self.door = Door(
            connections_max=limits.connections_max,
            address_connections_max=limits.address_connections_max,
            held_bytes_max=limits.held_bytes_max,
        )

    def lose(self, connection: Connected) -> None:
        """Forget a connection that has ended."""
        self.connections.discard(connection)
        if not self.connections:
            self._last_lost.set()

    async def all_lost(self) -> None:
        """Wait until no connection is left."""
        while self.connections:
            self._last_lost.clear()
            await self._last_lost.wait()

    async def all_done(self) -> None:
        """Wait until no task is left."""
        while self.tasks:
            await asyncio.wait(self.tasks)

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Start a task that the server will not outlive."""
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    def fault(self, fault: BaseException, request: Request) -> Response:
        """Report a fault of our own, and return its answer."""
        self.on_fault(fault)
        return error_response(LastwordError("internal error"), request)

    def discard(self, response: Response) -> None:
        """Close the body of an answer that nobody will read."""
        if not isinstance(response.body, bytes):
            self.spawn(self._close(response.body))

    async def _close(self, body: AsyncIterator[bytes]) -> None:
        close = getattr(body, "aclose", None)
        try:
            if close is not None:
                await close()
        except Exception as fault:  # noqa: BLE001 - reported; there is nobody left to answer
            self.on_fault(fault)
