"""What a set adds up to, while a transaction changes its rows.

Steps are added up as they are, for the set and for each bucket that a row lies in, and reduced
modulo the prime once, at the end.
"""

from bisect import bisect_right

from lastword.replication.entries import Bucket
from lastword.replication.hashing import POSITION_BYTES, PRIME, Place, Sums
from lastword.store.buckets import Buckets
from lastword.store.ledger import Row, Totals


class Tally:
    """A set's totals and buckets: those before, and what was added to them.

    `recounted` says that those before are not the ledger's but were added up anew from rows.
    """

    __slots__ = (
        "_before",
        "_first",
        "_parts",
        "_present",
        "_second",
        "_tombstones",
        "buckets",
        "recounted",
    )

    def __init__(
        self, before: Totals, buckets: Buckets | None, *, recounted: bool = False
    ) -> None:
        self.buckets = buckets
        self.recounted = recounted
        self._before = before
        self._present = before.present
        self._tombstones = before.tombstones
        self._first, self._second = before.sums
        self._parts: dict[int, list[int]] = {}

    def add_up(self, where: Place, old: Row | None, stamp: int) -> None:
        """Count a row's change from `old` to `stamp`."""
        key, a_first, b_first, a_second, b_second = where
        if old is None:
            entries = 1
            first = a_first * stamp + b_first
            second = a_second * stamp + b_second
        else:
            entries = 0
            step = stamp - old.stamp
            first = a_first * step
            second = a_second * step
            if old.stamp & 1:
                self._tombstones -= 1
            else:
                self._present -= 1
        self._first += first
        self._second += second
        if stamp & 1:
            self._tombstones += 1
        else:
            self._present += 1
        if self.buckets is not None:
            # The hottest lines of the ledger: one call each, none of our own.
            index = bisect_right(self.buckets.lows, int.from_bytes(key[:POSITION_BYTES])) - 1
            part = self._parts.get(index)
            if part is None:
                self._parts[index] = [entries, first, second]
            else:
                part[0] += entries
                part[1] += first
                part[2] += second

    def totals(self) -> Totals:
        """Return the totals so far."""
        return self._before._replace(
            present=self._present,
            tombstones=self._tombstones,
            sums=Sums(self._first % PRIME, self._second % PRIME),
        )

    def changed(self) -> dict[int, Bucket]:
        """Return the buckets that rows changed in, as they are now, by their lows."""
        buckets = self.buckets
        if buckets is None:
            return {}
        changed = {}
        for index, (added, first, second) in self._parts.items():
            low, entries = buckets.lows[index], buckets.entries[index] + added
            sums = Sums(
                (buckets.firsts[index] + first) % PRIME, (buckets.seconds[index] + second) % PRIME
            )
            changed[low] = Bucket(low, buckets.bits[index], entries, sums)
        return changed
