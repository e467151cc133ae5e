"""One transaction, as a pure function of what was held: it gathers changes and stores nothing.

Both stores run their operations through it, so a rule stands in one place. A store fetches the
rows that the operations will touch (`Operation.touches`), runs the operations in order, stores
`changes`, and only then lets anyone hear of them. An operation checks before it changes: one
that raises has changed nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, TypeVar

from lastword.crdt.clock import HybridClock, Wall
from lastword.crdt.stamp import is_removed, time_of
from lastword.replication.entries import Cursor
from lastword.replication.hashing import Place, Sums, place
from lastword.replication.vectors import Vector, covers
from lastword.store.ledger import NO_TOTALS, Changes, Key, Ledger, Mark, OwnRun, Row, Totals

T_co = TypeVar("T_co", covariant=True)

Name = tuple[bytes, bytes]
"""What names a row outside the store: the set's name and the element."""


class Operation(Protocol[T_co]):
    """Something that changes a store, atomically."""

    def touches(self) -> Sequence[Name]:
        """Return the set and the element of every row that `run` will ask for."""

    def run(self, transaction: "Transaction") -> T_co:
        """Do it. Raise before the first change, or not at all."""


class Transaction:
    """A group of operations on rows that were fetched, and on a ledger that stays as it is."""

    __slots__ = ("_clock", "_places", "_rows", "_time", "changes", "ledger", "wall_us")

    def __init__(self, ledger: Ledger, *, wall: Wall, max_skew_us: int) -> None:
        self.ledger = ledger
        self.wall_us = wall()
        self.changes = Changes(ledger.log_end, ledger.clock_last)
        self._rows: Mapping[Key, Row] = {}
        self._places: dict[tuple[bytes, bytes], Place] = {}
        self._clock = HybridClock(
            lambda: self.wall_us, last=ledger.clock_last, max_skew_us=max_skew_us
        )
        self._time: int | None = None

    @property
    def time_limit(self) -> int:
        """The greatest time that a client may give now, in microseconds since 1970."""
        return self.wall_us + self._clock.max_skew_us

    def now(self) -> int:
        """Return the time of this transaction: one for all its writes, since elements differ."""
        if self._time is None:
            self._time = self._clock.now()
            self.changes.clock_last = self._clock.last
        return self._time

    def keys(self, names: Iterable[Name]) -> list[Key]:
        """Return the key of every row that is named by set and element, each once, sorted."""
        place = self.place
        return sorted({(set_name, place(set_name, element).key) for set_name, element in names})

    def hold(self, rows: Mapping[Key, Row]) -> None:
        """Take the rows that were fetched for the keys of all operations."""
        self._rows = rows

    def place(self, set_name: bytes, element: bytes) -> Place:
        """Return where `element` lies in its set; it is hashed once in a transaction."""
        name = (set_name, element)
        where = self._places.get(name)
        if where is None:
            where = self._places[name] = place(set_name, element, self.ledger.digest_key)
        return where

    def row(self, set_name: bytes, key: bytes) -> Row | None:
        """Return the row as this transaction has it, or None."""
        name = (set_name, key)
        return self.changes.rows.get(name) or self._rows.get(name)

    def covers(self, run: int, number: int) -> bool:
        """Return whether this node has seen the dot `(run, number)`."""
        return covers(self.changes.seen, run, number) or covers(self.ledger.seen, run, number)

    def totals(self, set_name: bytes) -> Totals:
        """Return a set's totals as this transaction has them."""
        return self.changes.totals.get(set_name) or self.ledger.totals.get(set_name, NO_TOTALS)

    def cursor(self, peer: str) -> Cursor:
        """Return how far the log of `peer` was read, as this transaction has it."""
        return self.changes.cursors.get(peer) or self.ledger.cursor(peer)

    def put_own(self, set_name: bytes, where: Place, stamp: int) -> None:
        """Give a row a stamp by this node's own dot: a write, or a new dot for an old one."""
        run = self.run
        number = self.changes.log_end + 1
        self.put(set_name, where, stamp, run, number)
        self.changes.seen[run] = number

    def put(self, set_name: bytes, where: Place, stamp: int, run: int, number: int) -> None:
        """Give a row a stamp and a dot, and the next log number."""
        changes = self.changes
        name = (set_name, where.key)
        old = self.row(set_name, where.key)
        changes.log_end += 1
        changes.before.setdefault(name, old)
        changes.rows[name] = Row(stamp, run, number, changes.log_end)
        if old is None or old.stamp != stamp:
            self._add_up(set_name, where, old, stamp)
            self._observe(time_of(stamp))

    def raise_seen(self, vector: Vector) -> None:
        """Take another's vector into this node's own: the maximum for each run."""
        for run, number in vector.items():
            if not self.covers(run, number):
                self.changes.seen[run] = number

    @property
    def run(self) -> int:
        """The present run, also where this transaction began it."""
        begun = self.changes.own_run
        return self.ledger.run if begun is None else begun.run

    def begin_run(self, run: int, address: str | None = None) -> None:
        """Begin `run` on this file; it begins one above the log's end, so its numbers are new."""
        self.changes.own_run = OwnRun(run, self.changes.log_end + 1)
        if address is not None:
            self.changes.addresses[run] = address

    def finish(self) -> Changes:
        """Return all that was done."""
        changes = self.changes
        if not changes.is_empty:
            changes.mark = self._mark()
        return changes

    def _mark(self) -> Mark | None:
        return self.ledger.next_mark(self.wall_us, self.changes.log_end)

    def _add_up(self, set_name: bytes, where: Place, old: Row | None, stamp: int) -> None:
        totals = self.totals(set_name)
        step = where.change(None if old is None else old.stamp, stamp)
        present = (not is_removed(stamp)) - (old is not None and not is_removed(old.stamp))
        tombstones = is_removed(stamp) - (old is not None and is_removed(old.stamp))
        self.changes.totals[set_name] = Totals(
            totals.present + present,
            totals.tombstones + tombstones,
            Sums.plus(totals.sums, step),
            totals.collected_time,
        )

    def _observe(self, time: int) -> None:
        self._clock.observe(time)
        self.changes.clock_last = self._clock.last
