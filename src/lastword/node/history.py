"""What a node did during the last hour, as it can be drawn: a ring of samples of its counters.

A sample is a few numbers that are counted anyway, so that it costs nothing worth a figure; the
differences are taken when somebody asks.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from lastword.client.history import History, Stretch
from lastword.store.sqlite.durations import BOUNDS_S

HISTORY_INTERVAL_S: Final = 10.0
"""Between two samples: shorter, and a chart of an hour has more points than it is wide."""

HISTORY_STRETCHES_MAX: Final = 360
"""An hour of them: about 100 kB of memory, and as much in an answer."""

UNDER_WAY_S: Final = 1.0
"""A stretch that is shorter than this says nothing yet, and is not shown."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Counters at one moment: `at_s` on a clock that does not jump, `time_us` on the wall's.

    `commits` are cumulative by the bounds of `Durations`. `run` tells whether the file is the
    same.
    """

    time_us: int
    at_s: float
    run: int
    writes: int
    reads: int
    sent_bytes: int
    received_bytes: int
    commits: tuple[int, ...] = field(default=(0,) * (len(BOUNDS_S) + 1))


class Recorder:
    """Takes samples, keeps those of an hour, and shows what was done between them."""

    def __init__(self, take: Callable[[], Sample]) -> None:
        self._take = take
        self._samples: deque[Sample] = deque(maxlen=HISTORY_STRETCHES_MAX + 1)

    async def tick(self) -> None:
        """Take a sample."""
        self._samples.append(self._take())

    def shown(self) -> History:
        """Return the stretches between samples, and the one since the last of them."""
        samples = list(self._samples)
        now = self._take()
        if samples and now.at_s - samples[-1].at_s >= UNDER_WAY_S:
            samples.append(now)
        stretches = [
            _stretch(before, after)
            for before, after in pairwise(samples)
            if before.run == after.run  # another file counts from elsewhere
        ]
        return History(HISTORY_INTERVAL_S, stretches[-HISTORY_STRETCHES_MAX:])


def _stretch(before: Sample, after: Sample) -> Stretch:
    took = [late - early for early, late in zip(before.commits, after.commits, strict=True)]
    return Stretch(
        time=after.time_us,
        seconds=after.at_s - before.at_s,
        writes=max(0, after.writes - before.writes),
        reads=after.reads - before.reads,
        sent_bytes=after.sent_bytes - before.sent_bytes,
        received_bytes=after.received_bytes - before.received_bytes,
        commits=took[-1],
        commit_p50_seconds=quantile_s(took, 0.5),
        commit_p99_seconds=quantile_s(took, 0.99),
    )


def quantile_s(cumulative: Sequence[int], share: float) -> float | None:
    """Return within how many seconds `share` of what was counted ended; None where nothing was.

    `cumulative` is by BOUNDS_S. Between two bounds it takes what was counted for evenly spread,
    as `histogram_quantile` of Prometheus does; of what took longer than all of them it says the
    last.
    """
    total = cumulative[-1]
    if total == 0:
        return None
    wanted = share * total
    below, low_s = 0, 0.0
    for bound_s, count in zip(BOUNDS_S, cumulative, strict=False):
        if count >= wanted and count > below:
            return low_s + (bound_s - low_s) * (wanted - below) / (count - below)
        below, low_s = count, bound_s
    return BOUNDS_S[-1]
