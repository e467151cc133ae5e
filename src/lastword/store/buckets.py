"""The digest sums of stretches of a large set, as columns: 29 bytes a stretch.

A bucket is the stretch of all positions that share its leading `bits` bits with `low`. Buckets of
a set partition the positions, so the last one that does not begin above a position holds it.

One thread changes them and may read them as it likes. Others copy what they want of the columns
while nothing changes, so they meet buckets as they were before a change or after it.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from operator import add, eq, mod
from threading import Lock

from lastword.replication.entries import Bucket
from lastword.replication.hashing import POSITION_BITS, PRIME, Sums

Columns = tuple["array[int]", ...]

POSITIONS_END = 1 << POSITION_BITS

BUCKETED_ENTRIES = 512
"""A set of more entries has buckets. Below, its rows are compared as cheaply as its buckets would
be, and hundreds of thousands of small sets cost one row of sums each."""

SPLIT_BITS = 2
"""A bucket that is too large becomes four: it was just over its limit, so that each part is a
quarter full and grows fourfold before it is divided again."""

_WIDTHS = tuple(1 << (POSITION_BITS - bits) for bits in range(POSITION_BITS + 1))


def bucket_entries_max(bucketed_entries: int) -> int:
    """Return the entries above which a bucket is divided: a quarter of what makes a set large.

    At the default that is 128, and about 64 in the mean. Buckets of 256 made a comparison read
    four times the rows and send a twelfth less; smaller ones cost more with every write.
    """
    return max(bucketed_entries // 4, 1)


def is_crowded(entries: int, bits: int, largest: int) -> bool:
    """Return whether a bucket is to be divided; one of a single position cannot be."""
    return entries > largest and bits < POSITION_BITS


def divided_at_once(rows: int) -> int:
    """Return how many buckets a transaction that changed `rows` divides; others wait for a later.

    A growing set needs one for every hundred rows. To divide one takes half a millisecond, and
    without a bound a commit of fifty rows would now and then divide fifty.
    """
    return 2 + rows // 32


def width(bits: int) -> int:
    """Return how many positions share their leading `bits` bits."""
    return _WIDTHS[bits]


def stretches(low: int, bits: int, depth: int) -> range:
    """Return where the stretches of `depth` bits begin that the one of `bits` is made of."""
    return range(low, low + width(bits), width(depth))


def depth_for(entries: int, largest: int) -> int:
    """Return the bits by which `entries` are divided into buckets of at most `largest`.

    They are half full in the mean, up to three quarters: few positions are then so crowded that
    their bucket is too large.
    """
    return min((entries * 4 // (largest * 3)).bit_length(), POSITION_BITS)


def added_up(buckets: Iterable[Bucket]) -> tuple[int, Sums]:
    """Return the entries and the sums of buckets together."""
    entries = first = second = 0
    for bucket in buckets:
        entries += bucket.entries
        first += bucket.sums.first
        second += bucket.sums.second
    return entries, Sums(first % PRIME, second % PRIME)


class Buckets:
    """The buckets of one set, in order of positions."""

    __slots__ = ("_changing", "bits", "entries", "firsts", "lows", "seconds")

    def __init__(self) -> None:
        self._changing = Lock()
        self.lows = array("Q")
        self.bits = array("B")
        self.entries = array("I")
        self.firsts = array("Q")
        self.seconds = array("Q")

    @classmethod
    def of(cls, buckets: Iterable[Bucket]) -> "Buckets":
        """Return what is made of `buckets`, which come in order."""
        made = cls()
        for low, bits, entries, sums in buckets:
            made.append(low, bits, entries, *sums)
        return made

    def append(self, low: int, bits: int, entries: int, first: int, second: int) -> None:
        """Add a bucket that begins where the last one ends, as no other thread reads these yet."""
        self.lows.append(low)
        self.bits.append(bits)
        self.entries.append(entries)
        self.firsts.append(first)
        self.seconds.append(second)

    def __len__(self) -> int:
        return len(self.lows)

    def __iter__(self) -> Iterator[Bucket]:
        return iter(_buckets(self._columns(0, len(self))))

    def __getitem__(self, index: int) -> Bucket:
        return Bucket(
            self.lows[index],
            self.bits[index],
            self.entries[index],
            Sums(self.firsts[index], self.seconds[index]),
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Buckets):
            return NotImplemented
        return self._columns(0, len(self)) == other._columns(0, len(other))

    __hash__ = None  # type: ignore[assignment]  # they change

    def index_of(self, position: int) -> int:
        """Return the index of the bucket that holds `position`."""
        return bisect_right(self.lows, position) - 1

    def between(self, low: int, high: int) -> list[Bucket]:
        """Return the buckets that overlap `low <= position < high`; any thread may ask."""
        if low >= high:
            return []
        with self._changing:
            columns = self._columns(self.index_of(low), bisect_left(self.lows, high))
        return _buckets(columns)

    def change(self, changes: Mapping[int, Bucket]) -> None:
        """Take over changed buckets, by their lows; one that is divided, with all of its parts."""
        with self._changing:
            parts = []
            for low, bucket in changes.items():
                index = self.index_of(low)
                if self.lows[index] == low and self.bits[index] == bucket.bits:
                    self.entries[index] = bucket.entries
                    self.firsts[index], self.seconds[index] = bucket.sums
                else:
                    parts.append(bucket)
            for index, found in groupby(sorted(parts, reverse=True), key=self._index_of):
                self._replace(index, sorted(found))

    def totals(self) -> tuple[int, Sums]:
        """Return the entries and the sums of all together."""
        return sum(self.entries), Sums(sum(self.firsts) % PRIME, sum(self.seconds) % PRIME)

    def is_partition(self) -> bool:
        """Return whether every position lies in one bucket and no more."""
        if not self.lows or self.lows[0] != 0 or max(self.bits) > POSITION_BITS:
            return False
        widths = [_WIDTHS[bits] for bits in self.bits]
        ends = [*self.lows[1:], POSITIONS_END]
        return not any(map(mod, self.lows, widths)) and all(
            map(eq, map(add, self.lows, widths), ends)
        )

    def emptied(self) -> "Buckets":
        """Return buckets of the same stretches without any entries."""
        made = self.copy()
        for column in (made.entries, made.firsts, made.seconds):
            column[:] = array(column.typecode, bytes(column.itemsize * len(column)))
        return made

    def copy(self) -> "Buckets":
        """Return buckets that later changes to these leave alone."""
        made = Buckets()
        made.lows, made.bits, made.entries, made.firsts, made.seconds = self._columns(0, len(self))
        return made

    def _index_of(self, bucket: Bucket) -> int:
        return self.index_of(bucket.low)

    def _replace(self, index: int, parts: list[Bucket]) -> None:
        """Put `parts` in the place of one bucket; from the last to the first, indices stay."""
        at = slice(index, index + 1)
        self.lows[at] = array("Q", [part.low for part in parts])
        self.bits[at] = array("B", [part.bits for part in parts])
        self.entries[at] = array("I", [part.entries for part in parts])
        self.firsts[at] = array("Q", [part.sums.first for part in parts])
        self.seconds[at] = array("Q", [part.sums.second for part in parts])

    def _columns(self, start: int, end: int) -> "Columns":
        return (
            self.lows[start:end],
            self.bits[start:end],
            self.entries[start:end],
            self.firsts[start:end],
            self.seconds[start:end],
        )


def _buckets(columns: "Columns") -> list[Bucket]:
    return [
        Bucket(low, bits, entries, Sums(first, second))
        for low, bits, entries, first, second in zip(*columns, strict=True)
    ]
