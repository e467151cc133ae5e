"""What a set adds up to, while a transaction changes its rows.

Steps are added up as they are, for the set and for each bucket that a row lies in, and reduced
modulo the prime once, at the end.
"""

from bisect import bisect_right
from collections.abc import Sequence

from lastword.replication.entries import Bucket
from lastword.replication.hashing import POSITION_BYTES, PRIME, Place, Sums
from lastword.store.buckets import Buckets
from lastword.store.ledger import Totals

WAITING_MAX = 5_000
"""Changes that are added up together: as many as a commit has, and a megabyte."""

LISTED_MIN = 500
"""From so many searches on, a list of the lows is sooner made and searched than their array."""

_new = tuple.__new__  # what a named tuple's own constructor calls, without its call


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
        "_waiting",
        "buckets",
        "collected_time",
        "recounted",
    )

    def __init__(
        self, before: Totals, buckets: Buckets | None, *, recounted: bool = False
    ) -> None:
        self.buckets = buckets
        self.recounted = recounted
        self.collected_time = before.collected_time
        self._before = before
        self._present = before.present
        self._tombstones = before.tombstones
        self._first, self._second = before.sums
        self._parts: dict[int, list[int]] = {}
        self._waiting: list[tuple[Place, int | None, int]] = []

    def add_up(self, where: Place, old: int | None, stamp: int) -> None:
        """Count a row's change from stamp `old`, None where there was no row, to `stamp`."""
        waiting = self._waiting
        waiting.append((where, old, stamp))
        if len(waiting) == WAITING_MAX:
            self._add_all()

    def _add_all(self) -> None:
        """Count what waits. These are the hottest lines of the ledger: they call nothing of ours.

        A change is `a * stamp + b` anew, or `a` times the difference: `hashing` says why.
        """
        waiting, self._waiting = self._waiting, []
        lows, parts = _searched(self.buckets, len(waiting)), self._parts
        number, width = int.from_bytes, POSITION_BYTES
        added = removed = fewer_removed = sum_first = sum_second = 0
        for (key, a_first, b_first, a_second, b_second), old, stamp in waiting:
            if old is None:
                entries = 1
                first = a_first * stamp + b_first
                second = a_second * stamp + b_second
            else:
                entries = 0
                step = stamp - old
                first = a_first * step
                second = a_second * step
                fewer_removed += old & 1
            added += entries
            removed += stamp & 1
            sum_first += first
            sum_second += second
            if lows:
                index = bisect_right(lows, number(key[:width])) - 1
                part = parts.get(index)
                if part is None:
                    parts[index] = [entries, first, second]
                else:
                    part[0] += entries
                    part[1] += first
                    part[2] += second
        tombstones = removed - fewer_removed
        self._tombstones += tombstones
        self._present += added - tombstones
        self._first += sum_first
        self._second += sum_second

    def take_out(self, where: Place, stamp: int) -> None:
        """Count a tombstone out that was collected."""
        key, a_first, b_first, a_second, b_second = where
        first = a_first * stamp + b_first
        second = a_second * stamp + b_second
        self._first -= first
        self._second -= second
        self._tombstones -= 1
        if self.buckets is not None:
            index = bisect_right(self.buckets.lows, int.from_bytes(key[:POSITION_BYTES])) - 1
            part = self._parts.setdefault(index, [0, 0, 0])
            part[0] -= 1
            part[1] -= first
            part[2] -= second

    def totals(self) -> Totals:
        """Return the totals so far."""
        self._add_all()
        return self._before._replace(
            present=self._present,
            tombstones=self._tombstones,
            sums=Sums(self._first % PRIME, self._second % PRIME),
            collected_time=self.collected_time,
        )

    def changed(self) -> dict[int, Bucket]:
        """Return the buckets that rows changed in, as they are now, by their lows."""
        buckets = self.buckets
        if buckets is None:
            return {}
        self._add_all()
        changed = {}
        lows, bits, held = buckets.lows, buckets.bits, buckets.entries
        firsts, seconds = buckets.firsts, buckets.seconds
        for index, (added, first, second) in self._parts.items():
            low = lows[index]
            sums = _new(Sums, ((firsts[index] + first) % PRIME, (seconds[index] + second) % PRIME))
            changed[low] = _new(Bucket, (low, bits[index], held[index] + added, sums))
        return changed


def _searched(buckets: Buckets | None, times: int) -> Sequence[int]:
    """Return the lows in the form in which they are searched so often soonest."""
    if buckets is None:
        return ()
    return buckets.lows.tolist() if times > LISTED_MIN else buckets.lows
