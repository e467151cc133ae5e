"""What a store remembers of states that lost: replaced ones, and writes that changed nothing.

The file holds one state for each element, the greatest. What lost against it leaves no trace
there, and is what somebody looks for whose write has vanished. So the last of it is kept in
memory, since the file was opened, together with when the log reached which number. It costs a
write one tuple where something lost, and nothing where not; it promises nothing to anybody.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple

from lastword.store.ledger import Changes, FlatLoss, Key, Row

LOSSES_MAX: Final = 10_000
"""Of each kind: some megabytes, with keys of up to KEY_BYTES_MAX. Of a busy element, or of a node
that takes thousands of writes a second, that reaches back for seconds; of most for hours."""

KEY_BYTES_MAX: Final = 256
"""Longer keys are not remembered: with them the memory could be a thousand times as large."""

MOMENT_US: Final = 100_000
"""So exactly is known when something arrived: a tenth of a second."""

MOMENTS_MAX: Final = 10_000
"""Moments that are remembered: a quarter of an hour of writing without a pause, or far more."""


NO_ROW: Final = Row(0, 0, 0, 0)
"""Stands for the winner where a tombstone was collected."""


class Loss(NamedTuple):
    """A state that lost: it was held and replaced, or it came and was not newer than what is held.

    What only came has no log number, and a client that gives a time of its own gives no dot: both
    are 0 then. `by` is the row that it lost against, None where a tombstone was collected; `at_us`
    is when, by the wall.
    """

    row: Row
    by: Row | None
    at_us: int

    @classmethod
    def of(cls, flat: FlatLoss) -> "Loss":
        """Return what was remembered flat."""
        by = Row(*flat[6:10])
        return cls(Row(*flat[2:6]), None if by == NO_ROW else by, flat[10])


class Span(NamedTuple):
    """Between which times of the wall something was, in microseconds; None where nobody knows."""

    from_us: int | None
    to_us: int | None


class _Moment(NamedTuple):
    """Log numbers from `number` on were given at `wall_us`, or within MOMENT_US after it."""

    number: int
    wall_us: int


class Past:
    """The memory of one open store. One thread takes, any may ask."""

    def __init__(self, since_us: int) -> None:
        self._since_us = since_us
        self._replaced: deque[FlatLoss] = deque(maxlen=LOSSES_MAX)
        self._refused: deque[FlatLoss] = deque(maxlen=LOSSES_MAX)
        self._moments: deque[_Moment] = deque(maxlen=MOMENTS_MAX)
        self._log_end = 0

    def take(self, changes: Changes) -> None:
        """Remember what lost in a transaction, which is done, and when it was."""
        if changes.replaced:
            self._replaced.extend(changes.replaced)
        if changes.refused:
            self._refused.extend(changes.refused)
        self._note_moment(changes)

    def _note_moment(self, changes: Changes) -> None:
        before, self._log_end = self._log_end, changes.log_end
        if not changes.rows:
            return
        moments = self._moments
        if not moments or abs(changes.wall_us - moments[-1].wall_us) >= MOMENT_US:
            moments.append(_Moment(before + 1, changes.wall_us))

    def forget_numbers(self, log_end: int) -> None:
        """Forget when numbers were given: those of another file follow, from `log_end` on."""
        self._moments.clear()
        self._log_end = log_end

    def replaced(self, name: Key) -> list[Loss]:
        """Return the states of an element that others took the place of, the oldest first."""
        return _of(self._replaced, name)

    def refused(self, name: Key) -> list[Loss]:
        """Return what came of an element and was no newer than what was held, the oldest first."""
        return _of(self._refused, name)

    @property
    def since_us(self) -> int:
        """Since when nothing that lost was forgotten, as wall microseconds."""
        full = [at[0][-1] for at in (self._replaced, self._refused) if len(at) == LOSSES_MAX]
        return max(full, default=self._since_us)

    def arrival(self, number: int) -> Span | None:
        """Return when a log number was given, exact to MOMENT_US; None where that is forgotten."""
        moments: Sequence[_Moment] = list(self._moments)
        index = bisect_right(moments, number, key=lambda at: at.number) - 1
        if index < 0 or number > self._log_end:
            return None
        return Span(moments[index].wall_us, moments[index].wall_us + MOMENT_US)


def _of(losses: deque[FlatLoss], name: Key) -> list[Loss]:
    """Return those of one element; another thread may add to them meanwhile."""
    return [Loss.of(flat) for flat in losses.copy() if flat[:2] == name]
