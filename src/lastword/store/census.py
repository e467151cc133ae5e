"""Adds up stretches of a set from its rows: what buckets are made of, and measured against."""

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple, Protocol

from lastword.replication.entries import Bucket, Held
from lastword.replication.hashing import (
    POSITION_BITS,
    POSITION_BYTES,
    PRIME,
    Sums,
    first_key,
    hasher,
    position_of,
)
from lastword.store.buckets import (
    SPLIT_BITS,
    Buckets,
    bucket_entries_max,
    depth_for,
    is_crowded,
    stretches,
    width,
)
from lastword.store.ledger import NO_TOTALS, Totals

READ_BITS = 6
"""What is read at once is divided into up to 64 parts: a few thousand rows."""


class RowsBetween(Protocol):
    """How a store reads a stretch of a set's rows."""

    def __call__(self, set_name: bytes, low: bytes, high: bytes | None, /) -> Iterable[Held]:
        """Return the rows of `low <= key < high`; None is above all keys."""


class Counted(NamedTuple):
    """What the rows of a whole set add up to."""

    totals: Totals
    buckets: Buckets | None


class _Stretch(NamedTuple):
    low: int
    bits: int
    totals: Totals


class Census:
    """Counts one set: its stored rows, and over them the stamps that a transaction gave."""

    def __init__(
        self,
        set_name: bytes,
        digest_key: bytes,
        *,
        stored: RowsBetween,
        changed: Mapping[bytes, int],
        bucketed_entries: int,
    ) -> None:
        self._set_name = set_name
        self._hasher = hasher(set_name, digest_key)
        self._stored = stored
        self._changed = changed
        self._changed_keys = sorted(changed)
        self._bucketed_entries = bucketed_entries
        self._largest = bucket_entries_max(bucketed_entries)

    def recount(self, held: Buckets | None) -> Counted:
        """Return what the set adds up to; its buckets are those of `held` if they are sound.

        Where it has none and is large, or they are no partition, new ones are made.
        """
        entries = self._entries()
        if held is not None and held.is_partition():
            parts: Iterable[_Stretch] = map(self._stretch, held.lows, held.bits)
        elif held is not None or entries > self._bucketed_entries:
            parts = self._all_divided(depth_for(entries, self._largest))
        else:
            return Counted(self._stretch(0, 0).totals, None)
        totals, buckets = NO_TOTALS, Buckets()
        for low, bits, part in parts:
            buckets.append(low, bits, part.entries, *part.sums)
            totals = totals.plus(part)
        return Counted(totals, buckets)

    def divided(self, crowded: Bucket) -> Iterator[Bucket]:
        """Yield the parts that take the place of a bucket that is too large."""
        depth = min(crowded.bits + SPLIT_BITS, POSITION_BITS)
        for low, bits, totals in self._divided(crowded.low, crowded.bits, depth):
            yield Bucket(low, bits, totals.entries, totals.sums)

    def _all_divided(self, depth: int) -> Iterator[_Stretch]:
        """Yield all parts of `depth` bits; so many are divided at once as rows are held easily."""
        bits = max(depth - READ_BITS, 0)
        for low in stretches(0, 0, bits):
            yield from self._divided(low, bits, depth)

    def _divided(self, low: int, bits: int, depth: int) -> Iterator[_Stretch]:
        """Yield the parts of a stretch, of `depth` bits or, where those are too large, of more."""
        starts = stretches(low, bits, depth)
        for start, totals in zip(starts, self._parts(low, bits, starts), strict=True):
            if is_crowded(totals.entries, depth, self._largest):
                yield from self._divided(start, depth, min(depth + SPLIT_BITS, POSITION_BITS))
            else:
                yield _Stretch(start, depth, totals)

    def _stretch(self, low: int, bits: int) -> _Stretch:
        return _Stretch(low, bits, self._totals(self._stamps(low, bits).items()))

    def _parts(self, low: int, bits: int, starts: range) -> Iterator[Totals]:
        """Return what each part of a stretch adds up to; its rows are read once."""
        parts: list[list[tuple[bytes, int]]] = [[] for _ in starts]
        for row in self._stamps(low, bits).items():
            parts[(position_of(row[0]) - low) // starts.step].append(row)
        return map(self._totals, parts)

    def _entries(self) -> int:
        stored = self._stored(self._set_name, b"", None)
        return len(self._changed) + sum(held.key not in self._changed for held in stored)

    def _totals(self, rows: Collection[tuple[bytes, int]]) -> Totals:
        first = second = tombstones = 0
        place = self._hasher.place
        for key, stamp in rows:
            _, a_first, b_first, a_second, b_second = place(key[POSITION_BYTES:])
            first += a_first * stamp + b_first
            second += a_second * stamp + b_second
            tombstones += stamp & 1
        sums = Sums(first % PRIME, second % PRIME)
        return Totals(len(rows) - tombstones, tombstones, sums)

    def _stamps(self, low: int, bits: int) -> dict[bytes, int]:
        start, end = first_key(low) or b"", first_key(low + width(bits))
        stored = self._stored(self._set_name, start, end)
        stamps = {key: stamp for key, stamp, _, _ in stored}
        keys = self._changed_keys
        for key in keys[bisect_left(keys, start) : _index(keys, end)]:
            stamps[key] = self._changed[key]
        return stamps


def _index(keys: list[bytes], end: bytes | None) -> int:
    return len(keys) if end is None else bisect_left(keys, end)
