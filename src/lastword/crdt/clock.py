"""A hybrid logical clock, folded into one integer of microseconds.

It promises times that rise strictly on this node, stay close to the wall, and come after every
time that was observed, unless that one is more than `max_skew_us` ahead of the wall: such a time
is a fault of somebody's clock, and following it would spread the fault.

It reads no clock itself: the wall is a function that it is given.

Source: Kulkarni, Demirbas, Madeppa, Avva, Leone, "Logical Physical Clocks", OPODIS 2014. Their
logical part is here added to the physical one, so a time stays one comparable integer.
"""

from collections.abc import Callable
from typing import Protocol

from lastword.limits import MAX_SKEW_US_DEFAULT, TIME_MAX

Wall = Callable[[], int]
"""The wall's time, in microseconds since 1970."""


class Clock(Protocol):
    """What an LWWSet needs of a clock."""

    def now(self) -> int:
        """Return a time above every one given or observed before."""

    def observe(self, time: int) -> None:
        """Take note of a time from elsewhere."""


class HybridClock:
    """A hybrid logical clock over a wall.

    `last` is the time to go on from, as `last` of an earlier clock was saved. One that is more
    than `max_skew_us` ahead of the wall is dropped when the next time is asked for: then the wall
    was wrong and came back.
    """

    __slots__ = ("last", "max_skew_us", "wall")

    def __init__(
        self, wall: Wall, *, last: int = 0, max_skew_us: int = MAX_SKEW_US_DEFAULT
    ) -> None:
        self.wall = wall
        self.last = last
        self.max_skew_us = max_skew_us

    def now(self) -> int:
        """Return the next time, in microseconds since 1970: `max(wall, last + 1)`."""
        wall_us = min(self.wall(), TIME_MAX)
        if self.last > wall_us + self.max_skew_us:
            self.last = wall_us
        else:
            self.last = max(wall_us, self.last + 1)
        return self.last

    def observe(self, time: int) -> None:
        """Move forward to `time`, unless it is too far ahead of the wall to be believed."""
        if self.last < time <= self.wall() + self.max_skew_us:
            self.last = time
