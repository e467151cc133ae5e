"""What a store offers to the copy that takes its place, in passes, so that writes wait for little.

A sound store offers its log. Of a damaged one the log's index may be what is damaged, so it
offers its sets by stretches, each of which has sums: the rows of one that adds up are as good as
any. Those of one that does not are not offered, since a stamp among them that was raised would win
everywhere: they are refused, for an operator to look at. What cannot be read, and what does not
add up, is counted and named: rows of either may be gone.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from lastword.errors import CorruptStore
from lastword.replication.entries import Bucket, Entry, Held
from lastword.replication.hashing import PRIME, Sums, element_of, first_key, hasher
from lastword.store.buckets import width
from lastword.store.operations import Offer

if TYPE_CHECKING:
    from lastword.store.base import BaseStore

OFFERED_ROWS: Final = 1_000
"""Rows that are looked at and offered to a copy in one transaction."""

STRETCH_ROWS: Final = 10_000
"""Rows of a stretch that are read at once: of a small set, or of a bucket, far fewer; a set whose
buckets are damaged is one stretch."""

Refused = Iterator[list[Entry]]


class Offers:
    """The passes of one store's offers to one copy."""

    def __init__(self, store: "BaseStore", copy: "BaseStore") -> None:
        self._store = store
        self._copy = copy
        self._reached = 0
        self._by_log = not store.is_damaged
        self._offered: dict[tuple[bytes, int, int], tuple[int, Sums]] = {}
        self.unreadable: list[bytes] = []
        self.unsound: list[bytes] = []
        self.untrue = 0

    def make(self, *, is_last: bool = False) -> Refused:
        """Offer what was not offered before; yield what the copy refuses.

        The last pass is made while nothing is written; only then is what does not add up settled.
        """
        return self._of_log() if self._by_log else self._of_sets(is_last=is_last)

    def _of_log(self) -> Refused:
        """Offer all of the log up to where it ends now."""
        store, until = self._store, self._store.log_end
        while self._reached < until:
            rows = store.read_log(self._reached, OFFERED_ROWS).rows
            if not rows:
                return
            self._reached = rows[-1].arrived
            yield self._copy.execute(Offer(tuple(row.entry for row in rows)))

    def _of_sets(self, *, is_last: bool) -> Refused:
        waiting: list[Entry] = []
        for set_name in list(self._store.totals()):
            for at in stretches_of(self._store, set_name):
                waiting += self._new_rows(set_name, at, is_last=is_last)
                if len(waiting) >= OFFERED_ROWS:
                    yield self._copy.execute(Offer(tuple(waiting)))
                    waiting = []
                yield self._untrue(set_name, at) if is_last else []
        yield self._copy.execute(Offer(tuple(waiting)))

    def _new_rows(self, set_name: bytes, at: Bucket, *, is_last: bool) -> list[Entry]:
        """Return the rows of a stretch that adds up and was not offered as it is now."""
        name = (set_name, at.low, at.bits)
        if self._offered.get(name) == at[2:]:
            return []
        try:
            rows = rows_of(self._store, set_name, at)
        except CorruptStore:
            if is_last:
                self.unreadable.append(set_name)
            return []
        if added_up(self._store, set_name, rows) != at[2:]:
            return []
        self._offered[name] = (at.entries, at.sums)
        return [_entry(set_name, row) for row in rows]

    def _untrue(self, set_name: bytes, at: Bucket) -> list[Entry]:
        """Return the rows of a stretch that does not add up, where the copy has not as much."""
        if self._offered.get((set_name, at.low, at.bits)) == at[2:]:
            return []
        try:
            rows = rows_of(self._store, set_name, at)
        except CorruptStore:
            return []
        self.unsound.append(set_name)
        found = [_entry(set_name, row) for row in rows if not self._is_held(set_name, row)]
        self.untrue += len(found)
        return found

    def _is_held(self, set_name: bytes, row: Held) -> bool:
        held = self._copy.stamp_of(set_name, element_of(row.key))
        return held is not None and held >= row.stamp


def stretches_of(store: "BaseStore", set_name: bytes) -> Iterator[Bucket]:
    """Yield what a set is divided into, with what each part should add up to."""
    totals = store.totals().get(set_name)
    if totals is None:
        return
    buckets = store.ledger.buckets.get(set_name)
    if buckets is None or not buckets.is_partition():
        yield Bucket(0, 0, totals.entries, totals.sums)
    else:
        yield from buckets.copy()


def rows_of(store: "BaseStore", set_name: bytes, at: Bucket) -> list[Held]:
    """Return the rows of a stretch; raise CorruptStore where they cannot be read."""
    low, high = first_key(at.low) or b"", first_key(at.low + width(at.bits))
    rows: list[Held] = []
    while chunk := store.read_rows(set_name, low, high, STRETCH_ROWS):
        rows += chunk
        if len(chunk) < STRETCH_ROWS or chunk[-1].key < low:
            break
        low = chunk[-1].key + b"\0"
    return rows


def added_up(store: "BaseStore", set_name: bytes, rows: list[Held]) -> tuple[int, Sums] | None:
    """Return what rows add up to, as a bucket says it; None where one lies out of place."""
    first = second = 0
    place = hasher(set_name, store.digest_key).place
    for row in rows:
        where = place(element_of(row.key))
        if where.key != row.key:
            return None
        sums = where.change(None, row.stamp)
        first += sums.first
        second += sums.second
    return len(rows), Sums(first % PRIME, second % PRIME)


def _entry(set_name: bytes, row: Held) -> Entry:
    return Entry(set_name, element_of(row.key), row.stamp, row.run, row.number)
