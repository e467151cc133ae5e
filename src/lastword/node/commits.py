"""The way of a write from the event loop to the disk and back.

Writes of clients begin on the loop, those of one turn together, and are committed there as long
as the disk is quick; otherwise the writer's thread waits for it, and the loop goes on. All results
of one commit come back in one call into the loop.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from lastword.store.sqlite.store import SqliteStore
from lastword.store.transaction import Operation, is_brief, only_reads

T = TypeVar("T")
R = TypeVar("R")

Told = Callable[[Any, BaseException | None], None]
"""Called on the loop, with the result or the error of a write that has ended."""


class Commits:
    """Submits operations, and lets the loop hear of those that are on disk.

    `on_delivery` is called before anyone hears of a commit. `check` raises where nothing may be
    written; what only reads passes.
    """

    def __init__(
        self,
        store: SqliteStore,
        loop: asyncio.AbstractEventLoop,
        on_delivery: Callable[[], None] = lambda: None,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self._check = check
        self._writer = store.writer
        self._on_delivery = on_delivery
        self._loop = loop
        self._thread = threading.get_ident()
        self._finished: deque[Callable[[], None]] = deque()
        self._called = False
        self._writer.begin_by(self._wake)

    def submit(self, operation: Operation[T], render: Callable[[T], R]) -> asyncio.Future[R]:
        """Return a future of `render(result)`, done when the operation is on disk."""
        future: asyncio.Future[R] = self._loop.create_future()
        self.call(operation, partial(_resolve, future, render))
        return future

    def call(self, operation: Operation[T], told: Told) -> None:
        """Do as `submit`, but call `told` on the loop: it costs less than a future."""
        if not only_reads(operation):
            self._check()
        self._writer.submit(operation, partial(self._done, told), brief=is_brief(operation))

    def close(self) -> None:
        """Let the writer's thread begin what is still to come, as the loop ends."""
        self._writer.begin_by(None)

    def _wake(self) -> None:
        """Begin a group, soon: after all that this turn of the loop submits."""
        self._soon(self._writer.start)

    def _soon(self, work: Callable[[], None]) -> None:
        if threading.get_ident() == self._thread:
            self._loop.call_soon(work)
        else:
            self._loop.call_soon_threadsafe(work)

    def _done(self, told: Told, result: Any, error: BaseException | None) -> None:
        """Hand over, from whatever thread the commit was waited for on."""
        self._finished.append(partial(told, result, error))
        if not self._called:
            self._called = True
            self._soon(self._deliver)

    def _deliver(self) -> None:
        self._called = False
        self._on_delivery()
        try:
            while self._finished:
                self._finished.popleft()()
        finally:
            if self._finished:  # one of them had a fault, which is not the others'
                self._called = True
                self._loop.call_soon(self._deliver)


def _resolve(
    future: asyncio.Future[Any],
    render: Callable[[Any], Any],
    result: Any,
    error: BaseException | None,
) -> None:
    if future.cancelled():
        return
    if error is not None:
        future.set_exception(error)
        return
    try:
        future.set_result(render(result))
    except Exception as fault:  # noqa: BLE001 - whoever waits hears of it, and nobody else
        future.set_exception(fault)
