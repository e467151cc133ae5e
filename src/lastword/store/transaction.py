"""One transaction, as a pure function of what was held: it gathers changes and stores nothing.

Both stores run their operations through it, so a rule stands in one place. A store fetches the
rows that the operations will touch (`Operation.touches`), runs the operations in order, stores
`changes`, and only then lets anyone hear of them. An operation checks before it changes: one
that raises has changed nothing.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Protocol, TypeVar

from lastword.crdt.clock import HybridClock, Wall
from lastword.crdt.stamp import is_removed, time_of
from lastword.replication.entries import Cursor, Held
from lastword.replication.hashing import Hasher, Place, element_of, hasher
from lastword.replication.vectors import Vector, covers, note_growth
from lastword.store.buckets import added_up, bucket_entries_max, divided_at_once, is_crowded
from lastword.store.census import Census
from lastword.store.ledger import NO_TOTALS, Changes, Key, Ledger, OwnRun, Row, Totals
from lastword.store.past import KEY_BYTES_MAX, NO_ROW
from lastword.store.tally import Tally

T_co = TypeVar("T_co", covariant=True)

_new_row = tuple.__new__  # what a named tuple's own constructor calls, without its call

Name = tuple[bytes, bytes]
"""What names a row outside the store: the set's name and the element."""


class Operation(Protocol[T_co]):
    """Something that changes a store, atomically.

    One whose `is_brief` is there and true needs no rows but those that it touches; one whose
    `only_reads` is changes nothing.
    """

    def touches(self) -> Sequence[Name]:
        """Return the set and the element of every row that `run` will ask for."""

    def run(self, transaction: "Transaction") -> T_co:
        """Do it. Raise before the first change, or not at all."""


def is_brief(operation: Operation[object]) -> bool:
    """Return whether an operation needs no rows but those that it touches, as far as it says."""
    return getattr(operation, "is_brief", False)


def only_reads(operation: Operation[object]) -> bool:
    """Return whether an operation changes nothing, as far as it says."""
    return getattr(operation, "only_reads", False)


class Stored(Protocol):
    """The rows of a store, as they are before a transaction."""

    def fetch(self, set_name: bytes, keys: Sequence[bytes]) -> Iterable[tuple[bytes, Row]]:
        """Return those of `keys`, sorted, that have rows, with these."""

    def rows_between(self, set_name: bytes, low: bytes, high: bytes | None, /) -> Iterable[Held]:
        """Return the rows of `low <= key < high` in the order of keys; None is above all keys."""

    def tombstones(self, after: int, until: int, limit: int) -> Iterable[tuple[Key, Row]]:
        """Return up to `limit` tombstones with `after < arrived <= until`, in that order."""


class Transaction:
    """A group of operations on `stored` rows, and on a ledger that stays as it is.

    What the operations touch is loaded at once, before the first of them runs; one that finds out
    later what it needs loads that itself.
    """

    __slots__ = (
        "_bucketed_entries",
        "_clock",
        "_places",
        "_rows",
        "_stored",
        "_tallies",
        "_time",
        "changes",
        "ledger",
        "wall_us",
    )

    def __init__(
        self,
        ledger: Ledger,
        *,
        wall: Wall,
        max_skew_us: int,
        bucketed_entries: int,
        stored: Stored,
    ) -> None:
        self.ledger = ledger
        self._bucketed_entries = bucketed_entries
        self._stored = stored
        self.wall_us = wall_us = wall()
        self.changes = Changes(ledger.log_end, ledger.clock_last, wall_us=wall_us)
        self._rows: dict[Key, Row] = {}
        self._places: dict[bytes, dict[bytes, Place]] = {}
        self._tallies: dict[bytes, Tally] = {}
        self._clock = HybridClock(lambda: wall_us, last=ledger.clock_last, max_skew_us=max_skew_us)
        self._time: int | None = None

    @property
    def time_limit(self) -> int:
        """The greatest time that a client may give now, in microseconds since 1970."""
        return self.wall_us + self._clock.max_skew_us

    def now(self) -> int:
        """Return the time of this transaction: one for all its writes, since elements differ."""
        if self._time is None:
            self._time = self._clock.now()
        return self._time

    def observe(self, time: int) -> None:
        """Let the clock go on from `time`, unless that is too far ahead."""
        self._clock.observe(time)

    def time_in(self, set_name: bytes) -> int:
        """Return the time of this transaction's own writes to a set.

        It is after every tombstone that was collected there, one from the future too. Raises
        CorruptStore for a set that is damaged.
        """
        self.check_sound(set_name)
        return max(self.now(), self.collected_time(set_name) + 1)

    def check_sound(self, set_name: bytes) -> None:
        """Raise CorruptStore for a set that does not add up: clients neither read nor write it."""
        self.ledger.damage.check(set_name)

    def collected_time(self, set_name: bytes) -> int:
        """Return the greatest time of a tombstone that was collected from a set; 0 for none."""
        tally = self._tallies.get(set_name)
        held = self.ledger.collected_time(set_name)
        return held if tally is None else max(held, tally.collected_time)

    def raise_collected_time(self, set_name: bytes, time: int) -> None:
        """Note that a tombstone of `time` is collected from a set."""
        tally, changes = self._tally(set_name), self.changes
        tally.collected_time = max(tally.collected_time, time)
        if time > max(changes.greatest_collected, self.ledger.greatest_collected):
            changes.greatest_collected = time

    def load(self, names: Iterable[Name]) -> None:
        """Fetch the rows that are named by set and element, so that `row` finds them."""
        elements: dict[bytes, list[bytes]] = {}
        for set_name, element in names:
            elements.setdefault(set_name, []).append(element)
        for set_name, named in elements.items():
            places = dict(zip(named, map(self._hasher(set_name).place, named), strict=True))
            self._places.setdefault(set_name, {}).update(places)
            wanted = sorted([where[0] for where in places.values()])
            for key, row in self._stored.fetch(set_name, wanted):
                self._rows[set_name, key] = row

    def place(self, set_name: bytes, element: bytes) -> Place:
        """Return where `element` lies in its set; it is hashed once in a transaction."""
        places = self._places.get(set_name)
        if places is None:
            places = self._places[set_name] = {}
        where = places.get(element)
        if where is None:
            where = places[element] = self._hasher(set_name).place(element)
        return where

    def _hasher(self, set_name: bytes) -> Hasher:
        return hasher(set_name, self.ledger.digest_key)

    def row(self, set_name: bytes, key: bytes) -> Row | None:
        """Return a row that was loaded, as this transaction has it, or None."""
        name = (set_name, key)
        return self.changes.rows.get(name) or self._rows.get(name)

    def totals(self, set_name: bytes) -> Totals:
        """Return what a set adds up to, as this transaction has it."""
        tally = self._tallies.get(set_name)
        return self.ledger.totals.get(set_name, NO_TOTALS) if tally is None else tally.totals()

    def members(self, set_name: bytes) -> Iterator[bytes]:
        """Yield the present elements of a set, as this transaction has it; none is loaded.

        The set must not be changed meanwhile. O(entries).
        """
        rows = self.changes.rows
        for key, stamp, _, _ in self._stored_between(set_name, b"", None):
            if (set_name, key) not in rows and not is_removed(stamp):
                yield element_of(key)
        for (name, key), row in rows.items():
            if name == set_name and not is_removed(row.stamp):
                yield element_of(key)

    def rows_between(
        self, set_name: bytes, low: bytes, high: bytes | None, limit: int
    ) -> list[tuple[bytes, int]]:
        """Return up to `limit` keys with their stamps, of `low <= key < high`, in their order.

        They are as this transaction has them; None is above all keys. O(limit + changes).
        """
        stored = islice(self._stored_between(set_name, low, high), limit)
        rows = {held.key: held.stamp for held in stored}
        for (name, key), row in self.changes.rows.items():
            if name == set_name and low <= key and (high is None or key < high):
                rows[key] = row.stamp
        return sorted(rows.items())[:limit]

    def _stored_between(self, set_name: bytes, low: bytes, high: bytes | None) -> Iterator[Held]:
        """Yield the stored rows of a stretch that were not collected by this transaction."""
        dropped = self.changes.dropped
        for held in self._stored.rows_between(set_name, low, high):
            if not dropped or (set_name, held.key) not in dropped:
                yield held

    def covers(self, run: int, number: int) -> bool:
        """Return whether this node has seen the dot `(run, number)`."""
        return self.covered(run) >= number

    def covered(self, run: int) -> int:
        """Return up to which number this node has seen the dots of `run`."""
        return max(self.changes.seen.get(run, 0), self.ledger.seen.get(run, 0))

    def has_collected(self, fenced_for: int) -> bool:
        """Return whether what this node has collected is still what has the hash `fenced_for`."""
        return not self.changes.collected and self.ledger.collected.state.hash == fenced_for

    def was_collected(self, set_name: bytes, stamp: int, run: int, number: int) -> bool:
        """Return whether a tombstone that is not held went because it was collected here."""
        is_covered = covers(self.ledger.collected, run, number)
        return is_covered and time_of(stamp) <= self.collected_time(set_name)

    def cursor(self, peer: str) -> Cursor:
        """Return how far the log of `peer` was read, as this transaction has it."""
        return self.changes.cursors.get(peer) or self.ledger.cursor(peer)

    def tombstones(self, after: int, until: int, limit: int) -> list[tuple[Key, Row]]:
        """Return up to `limit` stored tombstones of `after < arrived <= until`, in that order.

        They are loaded; those that this transaction changed or dropped are as they were.
        """
        found = list(self._stored.tombstones(after, until, limit))
        dropped = self.changes.dropped
        self._rows.update((name, row) for name, row in found if name not in dropped)
        return found

    def collect(self, name: Key, row: Row) -> None:
        """Take a tombstone out for good, and note that what it stood for is still covered.

        It must be loaded, and be the state of its element.
        """
        changes, (set_name, key) = self.changes, name
        where = self.place(set_name, element_of(key))
        del self._rows[name]
        changes.dropped[name] = row
        changes.forgotten = max(changes.forgotten, self.ledger.forgotten, row.arrived)
        if len(key) <= KEY_BYTES_MAX:
            changes.replaced.append((*name, *row, *NO_ROW, self.wall_us))
        self.raise_collected({row.run: row.number})
        self.raise_collected_time(set_name, time_of(row.stamp))
        self._tally(set_name).take_out(where, row.stamp)

    def raise_collected(self, vector: Vector) -> None:
        """Note that tombstones were collected up to `vector`: the maximum for each run."""
        note_growth(self.changes.collected, self.ledger.collected, vector)

    def put_own(self, set_name: bytes, where: Place, stamp: int) -> None:
        """Give a row a stamp by this node's own dot: a write, or a new dot for an old one."""
        run = self.run
        number = self.changes.log_end + 1
        self.put(set_name, where, stamp, run, number)
        self.changes.seen[run] = number

    def put(self, set_name: bytes, where: Place, stamp: int, run: int, number: int) -> None:
        """Give a row a stamp and a dot, and the next log number."""
        changes = self.changes
        name = (set_name, where[0])
        old = changes.rows.get(name)
        if old is None:
            old = changes.before[name] = self._rows.get(name)
        changes.log_end = arrived = changes.log_end + 1
        changes.rows[name] = _new_row(Row, (stamp, run, number, arrived))
        if old is None or old.stamp != stamp:
            tally = self._tallies.get(set_name) or self._tally(set_name)
            tally.add_up(where, None if old is None else old.stamp, stamp)
            if stamp >> 1 > self._clock.last:
                self._clock.observe(stamp >> 1)
            if old is not None and len(where[0]) <= KEY_BYTES_MAX:
                changes.replaced.append((*name, *old, *changes.rows[name], self.wall_us))

    def refuse(self, name: Key, held: Row, stamp: int, run: int = 0, number: int = 0) -> None:
        """Remember that a state came that is older than what is held, and changed nothing.

        A client's has no dot.
        """
        if stamp < held.stamp and len(name[1]) <= KEY_BYTES_MAX:
            self.changes.refused.append((*name, stamp, run, number, 0, *held, self.wall_us))

    def raise_seen(self, vector: Vector) -> None:
        """Take another's vector into this node's own: the maximum for each run."""
        note_growth(self.changes.seen, self.ledger.seen, vector)

    @property
    def run(self) -> int:
        """The present run, also where this transaction began it."""
        begun = self.changes.own_run
        return self.ledger.run if begun is None else begun.run

    def begin_run(self, run: int) -> None:
        """Begin `run` on this file; it begins one above the log's end, so its numbers are new."""
        self.changes.own_run = OwnRun(run, self.changes.log_end + 1)

    def recount(self, set_name: bytes) -> bool:
        """Add a set up anew from its rows; return whether that was not what was held."""
        tally = self._tallies.get(set_name) or self._new_tally(set_name)
        totals, buckets = tally.totals(), tally.buckets
        if buckets is not None:
            buckets = buckets.copy()
            buckets.change(tally.changed())
        counted = self._census(set_name).recount(buckets)
        if counted.totals == totals._replace(collected_time=0) and counted.buckets == buckets:
            return False
        renewed = counted.totals._replace(collected_time=totals.collected_time)
        self._tallies[set_name] = Tally(renewed, counted.buckets, recounted=True)
        return True

    def adds_up(self, set_name: bytes) -> bool:
        """Return whether a set's rows add up to its buckets and totals. O(rows)."""
        totals, buckets = self.totals(set_name), self.ledger.buckets.get(set_name)
        if buckets is not None and not buckets.is_partition():
            return False
        counted = self._census(set_name).recount(buckets)
        if counted.totals != totals._replace(collected_time=0):
            return False
        return buckets is None or counted.buckets == buckets

    def finish(self) -> Changes:
        """Return all that was done."""
        changes = self.changes
        changes.clock_last = self._clock.last
        for set_name, tally in self._tallies.items():
            totals = tally.totals()
            changes.totals[set_name] = totals
            if not totals.entries:
                continue
            if tally.buckets is not None:
                self._finish_buckets(set_name, tally)
            elif totals.entries > self._bucketed_entries:
                self._make_buckets(set_name, totals)
        if not changes.is_empty:
            changes.mark = self.ledger.next_mark(self.wall_us, self.ledger.log_end)
        return changes

    def _make_buckets(self, set_name: bytes, totals: Totals) -> None:
        """Give a set buckets that has grown large; not one whose rows do not add up."""
        counted = self._census(set_name).recount(None)
        if counted.totals != totals._replace(collected_time=0):
            self.distrust(set_name)
        elif counted.buckets is not None:
            self.changes.rebucketed[set_name] = counted.buckets

    def distrust(self, set_name: bytes, why: str = "its rows do not add up to its sums") -> None:
        """Note a set as damaged, at once and in the file, so that the next start knows."""
        self.ledger.damage.distrust(set_name, why)
        self.changes.distrusted = self.ledger.damage.kept

    def _finish_buckets(self, set_name: bytes, tally: Tally) -> None:
        """Divide the buckets that grew too large; note which are new."""
        changed = tally.changed()
        largest = bucket_entries_max(self._bucketed_entries)
        crowded = [at for at in changed.values() if is_crowded(at.entries, at.bits, largest)]
        if crowded:
            # All buckets of a set that grows become too large at about the same time.
            crowded = crowded[: divided_at_once(len(self.changes.rows))]
            census = self._census(set_name)
            for at in crowded:
                parts = list(census.divided(at))
                # Sums of parts are made of rows: what they lie about would be right from then on.
                if added_up(parts) == at[2:]:
                    changed.update((part.low, part) for part in parts)
                else:
                    self.distrust(set_name)
        if tally.recounted and tally.buckets is not None:
            tally.buckets.change(changed)
            self.changes.rebucketed[set_name] = tally.buckets
        elif changed:
            self.changes.buckets[set_name] = changed

    def _census(self, set_name: bytes) -> Census:
        rows = self.changes.rows.items()
        return Census(
            set_name,
            self.ledger.digest_key,
            stored=self._stored_between,
            changed={key: row.stamp for (name, key), row in rows if name == set_name},
            bucketed_entries=self._bucketed_entries,
        )

    def _tally(self, set_name: bytes) -> Tally:
        tally = self._tallies.get(set_name)
        if tally is None:
            tally = self._tallies[set_name] = self._new_tally(set_name)
        return tally

    def _new_tally(self, set_name: bytes) -> Tally:
        ledger = self.ledger
        held = ledger.totals.get(set_name) or NO_TOTALS
        before = held._replace(collected_time=ledger.collected_time(set_name))
        return Tally(before, ledger.buckets.get(set_name))
