"""A histogram of latencies: buckets that grow with what they count, so each is known to 6 %.

Source: the layout of HdrHistogram (Tene): of each power of two an equal number of buckets.
"""

from typing import Final

BUCKETS_PER_DOUBLING: Final = 16
"""A bucket is at most a sixteenth of its lower bound wide; narrower ones would tell no more."""

_BITS: Final = BUCKETS_PER_DOUBLING.bit_length() - 1
DOUBLINGS_MAX: Final = 40
"""Up to a million seconds, in microseconds; what is longer is counted in the last bucket."""

_PARTS: Final = " ▏▎▍▌▋▊▉█"


class Histogram:
    """Counts latencies in microseconds. Its size does not depend on how many it counts."""

    __slots__ = ("_counts", "count", "max_us")

    def __init__(self) -> None:
        self._counts = [0] * (DOUBLINGS_MAX * BUCKETS_PER_DOUBLING)
        self.count = 0
        self.max_us = 0

    def note(self, latency_us: int) -> None:
        """Count one latency."""
        latency_us = max(0, latency_us)
        self._counts[min(_bucket_of(latency_us), len(self._counts) - 1)] += 1
        self.count += 1
        self.max_us = max(self.max_us, latency_us)

    def quantile_us(self, share: float) -> int:
        """Return a latency that `share` of all do not exceed, to 6 %; 0 where there is none."""
        wanted, seen = share * self.count, 0
        for bucket, count in enumerate(self._counts):
            seen += count
            if count and seen >= wanted:
                return min(_upper_us(bucket), self.max_us)
        return self.max_us

    def doublings(self) -> list[tuple[int, int]]:
        """Return, from the first to the last that has any, upper bounds in us and their counts."""
        counts: dict[int, int] = {}
        for bucket, count in enumerate(self._counts):
            if count:
                bound = 1 << max(_upper_us(bucket) - 1, 0).bit_length()
                counts[bound] = counts.get(bound, 0) + count
        bounds, shown = sorted(counts), []
        bound = bounds[0] if bounds else 0
        while bounds and bound <= bounds[-1]:
            shown.append((bound, counts.get(bound, 0)))
            bound *= 2
        return shown

    def summary(self) -> str:
        """Return the quantiles in one line."""
        parts = [f"p{share:g} {shown_latency(self.quantile_us(share / 100))}" for share in _SHARES]
        return ", ".join([*parts, f"max {shown_latency(self.max_us)}"])

    def lines(self, width: int) -> list[str]:
        """Return the histogram as text: a bar of at most `width` cells for each doubling."""
        rows = self.doublings()
        most = max((count for _, count in rows), default=1)
        return [
            f"{shown_latency(bound):>8}  {_bar(count / most, width):<{width}}  {count:,}"
            for bound, count in rows
        ]


_SHARES: Final = (50, 90, 99, 99.9)


def shown_latency(us: int) -> str:
    """Return a latency in the unit that people read it in."""
    if us < 1_000:
        return f"{us} us"
    if us < 1_000_000:
        return f"{us / 1_000:.3g} ms"
    return f"{us / 1_000_000:.3g} s"


def _bucket_of(us: int) -> int:
    """Return the bucket of a latency: exact below 16 us, and 16 to each doubling from there."""
    doubling = max(us.bit_length() - 1 - _BITS, 0)
    return (doubling << _BITS) + (us >> doubling)


def _upper_us(bucket: int) -> int:
    """Return the least latency that is above all of a bucket."""
    doubling = max((bucket >> _BITS) - 1, 0)
    return (bucket - (doubling << _BITS) + 1) << doubling


def _bar(share: float, width: int) -> str:
    eighths = round(share * width * 8)
    return _PARTS[8] * (eighths // 8) + (_PARTS[eighths % 8] if eighths % 8 else "")
