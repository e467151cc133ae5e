"""Virtual time: events on one heap, played in order of time, and of planning at equal times."""

import heapq
from collections.abc import Callable
from typing import Any

Action = Callable[..., None]


class Timeline:
    """The clock of a run, and what is still to come. Times are microseconds from its begin."""

    def __init__(self) -> None:
        self.now_us = 0
        self._events: list[tuple[int, int, Action, tuple[Any, ...]]] = []
        self._planned = 0

    def after(self, delay_us: int, action: Action, *arguments: Any) -> None:
        """Plan `action(*arguments)` for `delay_us` from now."""
        self._planned += 1
        event = (self.now_us + delay_us, self._planned, action, arguments)
        heapq.heappush(self._events, event)

    def play_until(self, until_us: int) -> None:
        """Play all that is planned up to `until_us`, which is then the time."""
        events = self._events
        while events and events[0][0] <= until_us:
            self.now_us, _, action, arguments = heapq.heappop(events)
            action(*arguments)
        self.now_us = until_us
