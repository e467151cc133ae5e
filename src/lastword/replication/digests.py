"""The digests of a state, range by range, under a salt.

A range's sums are those of its entries; a fingerprint is a salted, short form of them. What is
finer than the store's own sums is added up from rows.

Source: hash-prefix range reconciliation after Meyer, "Range-Based Set Reconciliation", SRDS 2023;
salted linear fingerprints are 2-universal hashing after Carter and Wegman, JCSS 1979.
"""

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from struct import Struct
from typing import NamedTuple

from lastword.replication.claims import FINGERPRINT_BYTES, Range
from lastword.replication.entries import Bucket, Held, SetDigest
from lastword.replication.hashing import (
    POSITION_BITS,
    PRIME,
    Sums,
    element_of,
    place,
    position_of,
)
from lastword.replication.port import State

_SALT = Struct("<QQ")
_SHORT_MASK = (1 << 8 * FINGERPRINT_BYTES) - 1
_STRETCH_ROWS = 64
"""Rows that are read at once: of the largest elements that is 4 MiB, though few of them are sent;
of small ones a reading costs far less than to hash what was read."""

PART_ITEMS = 12
"""About how many entries the parts of a range should have at the end: fewer cost more fingerprints
of parts, more cost more of items. 8 to 24 differ by a tenth."""

PART_SETS = 3
"""The same for sets, which are listed by ten bytes each, and entries by two."""

KEPT_PER_ROW = 4
"""Sums of a set or of a bucket that cost as much to read as one row with its hash."""

CROSSED_ROWS_MAX = 256
"""A range of so many rows is divided further than the store keeps sums of: to read them all costs
less than another step. Above, parts stop at what the store keeps."""


class Salt(NamedTuple):
    """The factors of one pass's fingerprints."""

    x: int
    y: int

    def root(self, sums: Sums) -> int:
        """Return the root fingerprint of `sums`, below 2^61."""
        return (self.x * sums.first + self.y * sums.second) % PRIME

    def short(self, sums: Sums) -> bytes:
        """Return the short fingerprint of `sums`."""
        return (self.root(sums) & _SHORT_MASK).to_bytes(FINGERPRINT_BYTES, "little")


def salt_of(nonce: int) -> Salt:
    """Return the salt that both sides make of a nonce."""
    x, y = _SALT.unpack(blake2b(nonce.to_bytes(8, "little"), digest_size=16).digest())
    return Salt(x % (PRIME - 1) + 1, y % (PRIME - 1) + 1)


class Part(NamedTuple):
    """What a part of a range holds: so many entries of a set, or sets of the directory."""

    size: int
    sums: Sums


class Digests:
    """Reads the digests of a state.

    `read` counts the rows that it reads; sums that the store keeps count a quarter of a row each.

    `suspects` are sets, as the store sums them up, that do not add up to that: damage, or a write
    between two reads, after which the store's sums are others.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self.read = 0
        self.suspects: set[SetDigest] = set()

    def set_named(self, at: Range) -> SetDigest | None:
        """Return the set whose elements a range is of, or None where none is held."""
        position = at.set_position
        if position is None:
            return None
        found = self._state.sets_between(position, position + 1)
        return found[0] if found else None

    def sets(self, at: Range) -> list[SetDigest]:
        """Return the sets of a range of the directory, in the order of positions."""
        return self._state.sets_between(at.low, at.high)

    def rows(self, at: Range, *, above: bytes | None = None) -> Iterator[tuple[Held, Sums]]:
        """Yield the rows of a range of a set with their sums, in order, after key `above`."""
        named = self.set_named(at)
        low, high = at.keys()
        if above is not None:
            low = max(low, above + b"\0")
        while named is not None:
            rows = self._state.rows_between(named.name, low, high, _STRETCH_ROWS)
            for row in rows:
                self.read += 1
                yield row, self._sums(named.name, row)
            if len(rows) < _STRETCH_ROWS:
                return
            low = rows[-1].key + b"\0"

    def listed(self, at: Range) -> list[tuple[Held, Sums]]:
        """Return all rows of a range of a set, which is small, and check what is kept of them."""
        rows = list(self.rows(at))
        kept = self._kept(at)
        if kept is not None and kept != _added_up((1, sums) for _, sums in rows):
            self._suspect(at)
        return rows

    def count(self, at: Range) -> int:
        """Return how many entries a range of a set holds."""
        named = self.set_named(at)
        if named is None:
            return 0
        if at.bits == 0:
            return named.entries
        return sum(part.size for part in self.parts(at, 0))

    def parts(self, at: Range, step: int) -> list[Part]:
        """Return the `2^step` equal parts of a range."""
        counts = [0] * (1 << step)
        first, second = counts.copy(), counts.copy()
        for position, count, sums in self._pieces(at, at.bits + step):
            index = position - at.low >> POSITION_BITS - at.bits - step
            counts[index] += count
            first[index] += sums.first
            second[index] += sums.second
        parts = [
            Part(count, Sums(one % PRIME, other % PRIME))
            for count, one, other in zip(counts, first, second, strict=True)
        ]
        if at.set_position is not None and at.bits == 0:
            kept = self._kept(at)
            if kept is not None and kept != _added_up(parts):
                self._suspect(at)
        return parts

    def best_step(self, at: Range, count: int, wanted: int) -> int:
        """Return how many bits to go on from a range that holds `count`.

        `wanted`, but no further than to parts that can be listed, nor beyond what the store keeps
        sums of, since the rows of all parts would be read.
        """
        part = PART_SETS if at.set_position is None else PART_ITEMS
        step = min(wanted, POSITION_BITS - at.bits, max(1, (count // part).bit_length()))
        if count > CROSSED_ROWS_MAX >= count >> step and at.set_position is not None:
            kept = min((bucket.bits for bucket in self._buckets(at)), default=0)
            if at.bits < kept:
                return min(step, kept - at.bits)
        return step

    def _pieces(self, at: Range, bits: int) -> Iterator[tuple[int, int, Sums]]:
        """Yield (position, count, sums) of pieces that each lie in one part of `bits` bits."""
        if at.set_position is None:
            sets = self.sets(at)
            self.read += len(sets) // KEPT_PER_ROW
            for found in sets:
                yield found.position, 1, found.sums
            return
        buckets = self._buckets(at)
        for bucket in buckets:
            if bucket.bits >= bits:
                yield bucket.low, bucket.entries, bucket.sums
            else:
                yield from self._rows_of_bucket(at, bucket)
        if not buckets:
            yield from self._row_pieces(at)

    def _rows_of_bucket(self, at: Range, bucket: Bucket) -> Iterator[tuple[int, int, Sums]]:
        """Yield the rows of a bucket that lie in a range, and check the bucket where all do."""
        kept = Range(at.set_position, bucket.bits, bucket.low >> POSITION_BITS - bucket.bits)
        if at.bits > kept.bits:
            yield from self._row_pieces(at)
            return
        pieces = list(self._row_pieces(kept))
        yield from pieces
        if _added_up((count, sums) for _, count, sums in pieces) != bucket[2:]:
            self._suspect(at)

    def _row_pieces(self, at: Range) -> Iterator[tuple[int, int, Sums]]:
        for row, sums in self.rows(at):
            yield position_of(row.key), 1, sums

    def _kept(self, at: Range) -> Part | None:
        """Return what the store says of a whole range; None where it keeps nothing as fine."""
        named = self.set_named(at)
        if named is None or at.bits == 0:
            return None if named is None else Part(named.entries, named.sums)
        buckets = self._buckets(at)
        if not buckets or buckets[0].bits < at.bits:
            return None
        return _added_up(bucket[2:] for bucket in buckets)

    def _suspect(self, at: Range) -> None:
        named = self.set_named(at)
        if named is not None:
            self.suspects.add(named)

    def _buckets(self, at: Range) -> list[Bucket]:
        named = self.set_named(at)
        if named is None:
            return []
        found = self._state.buckets_between(named.name, at.low, at.high)
        self.read += len(found) // KEPT_PER_ROW
        return found

    def _sums(self, set_name: bytes, row: Held) -> Sums:
        where = place(set_name, element_of(row.key), self._state.digest_key)
        return where.change(None, row.stamp)


def _added_up(parts: Iterable[tuple[int, Sums]]) -> Part:
    size = first = second = 0
    for count, sums in parts:
        size, first, second = size + count, first + sums.first, second + sums.second
    return Part(size, Sums(first % PRIME, second % PRIME))
