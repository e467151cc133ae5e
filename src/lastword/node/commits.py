"""The way of a write from the event loop to the writer's thread and back.

All results of one commit come back in one call into the loop.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from lastword.store.sqlite.store import SqliteStore
from lastword.store.transaction import Operation

T = TypeVar("T")
R = TypeVar("R")


class Commits:
    """Submits operations, and keeps the futures of those that are not on disk yet.

    `on_delivery` is called before anyone hears of a commit.
    """

    def __init__(
        self,
        store: SqliteStore,
        loop: asyncio.AbstractEventLoop,
        on_delivery: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._on_delivery = on_delivery
        self._loop = loop
        self._finished: deque[Callable[[], None]] = deque()
        self._called = False

    def submit(self, operation: Operation[T], render: Callable[[T], R]) -> asyncio.Future[R]:
        """Return a future of `render(result)`, done when the operation is on disk."""
        future: asyncio.Future[R] = self._loop.create_future()
        self._store.submit(operation, partial(self._done, future, render))
        return future

    def _done(
        self,
        future: asyncio.Future[R],
        render: Callable[[T], R],
        result: T,
        error: BaseException | None,
    ) -> None:
        """Hand over from the writer's thread."""
        self._finished.append(partial(_resolve, future, render, result, error))
        if not self._called:
            self._called = True
            self._loop.call_soon_threadsafe(self._deliver)

    def _deliver(self) -> None:
        self._called = False
        self._on_delivery()
        while self._finished:
            self._finished.popleft()()


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
