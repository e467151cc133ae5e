"""What a store knows beside its rows: the file's own facts and the totals of its sets.

It is held in memory whole, and changed only by `absorb`, after the change is on disk; so whoever
reads it sees what a crash would leave. 100,000 sets cost about 30 MB here, the buckets of ten
million elements in large sets about 5 MB.
"""

from dataclasses import dataclass, field, fields, replace
from typing import NamedTuple

from lastword.replication.entries import (
    NO_CURSOR,
    NO_ORIGIN,
    Bucket,
    CopyOrigin,
    Cursor,
    MemberReport,
)
from lastword.replication.hashing import DIGEST_KEY_DEFAULT, NO_SUMS, Sums
from lastword.replication.vectors import GrowingVector
from lastword.store.buckets import Buckets
from lastword.store.damage import Damage, Distrusted

Key = tuple[bytes, bytes]
"""A row's name: the set's name, and the element's key (position and element)."""


class Row(NamedTuple):
    """The state of an element: its stamp, the dot of its write, and its own log number here."""

    stamp: int
    run: int
    number: int
    arrived: int


class Totals(NamedTuple):
    """What a set adds up to. `collected_time` is the greatest time of a collected tombstone."""

    present: int = 0
    tombstones: int = 0
    sums: Sums = NO_SUMS
    collected_time: int = 0

    @property
    def entries(self) -> int:
        """How many rows the set has."""
        return self.present + self.tombstones

    def plus(self, other: "Totals") -> "Totals":
        """Return the totals of both together; the collected time stays."""
        return self._replace(
            present=self.present + other.present,
            tombstones=self.tombstones + other.tombstones,
            sums=self.sums.plus(other.sums),
        )


NO_TOTALS = Totals()

MARK_INTERVAL_US = 60_000_000
"""A mark a minute: half a million rows a year, and an hour is known to a minute."""


class OwnRun(NamedTuple):
    """A start of a node on this file, and the log number at which it began."""

    run: int
    began: int


class Mark(NamedTuple):
    """The log had reached `number` when the first change after it was made at `wall_us`.

    A minute after a mark the next change sets the next one, so what lies between two was written
    within a minute of the first of them.
    """

    wall_us: int
    number: int


FlatLoss = tuple[bytes, bytes, int, int, int, int, int, int, int, int, int]
"""A state that lost, as it is remembered: set, key, its row, the row that it lost against, when.

It is flat so that the collector of cycles has nothing to look at in thousands of them.
"""


@dataclass(slots=True)
class Changes:
    """What one transaction did, complete: applied whole to a file and to a ledger, or dropped.

    `buckets` has those that changed, by their lows; of a set in `rebucketed` all are new. Rows in
    `dropped` were collected, and are gone before any in `rows` come: those are new then. A set
    in `totals` without entries has gone. `replaced` and `refused` are for the memory of what lost
    (past.py), `wall_us` is when it was done; none of them is stored.
    """

    log_end: int
    clock_last: int
    rows: dict[Key, Row] = field(default_factory=dict)
    before: dict[Key, Row | None] = field(default_factory=dict)
    dropped: dict[Key, Row] = field(default_factory=dict)
    collected: dict[int, int] = field(default_factory=dict)
    greatest_collected: int = 0
    forgotten: int = 0
    may_collect: bool = False
    members: dict[str, MemberReport] | None = None
    totals: dict[bytes, Totals] = field(default_factory=dict)
    buckets: dict[bytes, dict[int, Bucket]] = field(default_factory=dict)
    rebucketed: dict[bytes, Buckets] = field(default_factory=dict)
    seen: dict[int, int] = field(default_factory=dict)
    addresses: dict[int, str] = field(default_factory=dict)
    cursors: dict[str, Cursor] = field(default_factory=dict)
    own_run: OwnRun | None = None
    mark: Mark | None = None
    redotted: int | None = None
    listed_before: str | None = None
    origin: CopyOrigin | None = None
    wall_us: int = 0
    replaced: list[FlatLoss] = field(default_factory=list)
    refused: list[FlatLoss] = field(default_factory=list)
    distrusted: Distrusted | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing needs to be stored."""
        return not (
            self.rows
            or self.dropped
            or self.collected
            or self.greatest_collected
            or self.may_collect
            or self.members is not None
            or self.totals
            or self.seen
            or self.addresses
            or self.cursors
            or self.own_run
            or self.redotted is not None
            or self.listed_before is not None
            or self.origin is not None
            or self.distrusted is not None
        )


@dataclass(slots=True)
class Ledger:
    """The facts of one file.

    `redotted` is the log number up to which every row's dot was covered or renewed. `collected`
    says, for each run, up to which number tombstones were collected; `greatest_collected` is
    the greatest time ever collected, which stands for sets that have gone, and `forgotten` the
    greatest log number that a collected tombstone had: who has not read up to there may have
    missed a remove. `may_collect` is false in a file that was born empty until it knows what its
    cluster has. `members` holds what each member last said that it covers, as it was at the last
    collection. `origin` is of a copy under way. `damage` is the register of
    what of the file is damaged.
    """

    digest_key: bytes = DIGEST_KEY_DEFAULT
    own_runs: list[OwnRun] = field(default_factory=list)
    log_end: int = 0
    clock_last: int = 0
    seen: GrowingVector = field(default_factory=GrowingVector)
    collected: GrowingVector = field(default_factory=GrowingVector)
    greatest_collected: int = 0
    forgotten: int = 0
    may_collect: bool = False
    members: dict[str, MemberReport] = field(default_factory=dict)
    addresses: dict[int, str] = field(default_factory=dict)
    totals: dict[bytes, Totals] = field(default_factory=dict)
    buckets: dict[bytes, Buckets] = field(default_factory=dict)
    cursors: dict[str, Cursor] = field(default_factory=dict)
    last_mark: Mark | None = None
    redotted: int = 0
    listed_before: str | None = None
    origin: CopyOrigin = NO_ORIGIN
    sums: Sums = NO_SUMS
    sets_gone: int = field(default=0, compare=False)
    damage: Damage = field(default_factory=Damage, compare=False)

    @property
    def run(self) -> int:
        """The present run."""
        return self.own_runs[-1].run

    def cursor(self, peer: str) -> Cursor:
        """Return how far the log of `peer` was read."""
        return self.cursors.get(peer, NO_CURSOR)

    def collected_time(self, set_name: bytes) -> int:
        """Return the greatest time of a tombstone that was collected from a set; 0 for none."""
        held = self.totals.get(set_name)
        return self.greatest_collected if held is None else held.collected_time

    def holds(self, cursor: Cursor, log_end: int) -> bool:
        """Return whether this file still reaches the cursor's head within the cursor's run.

        `log_end` is the log's end in the snapshot that is read. If the cursor does not hold, it
        was made on another file, or on a later state of this one.
        """
        ends = [own.began - 1 for own in self.own_runs[1:]] + [log_end]
        return any(
            own.run == cursor.run and cursor.number <= cursor.head <= end
            for own, end in zip(self.own_runs, ends, strict=True)
        )

    def absorb(self, changes: Changes) -> None:
        """Take over what a transaction did, after it is on disk."""
        self.log_end = changes.log_end
        self.clock_last = changes.clock_last
        sums = self.sums
        for name, totals in changes.totals.items():
            sums = sums.plus(totals.sums).minus(self.totals.get(name, NO_TOTALS).sums)
            self._put_totals(name, totals)
        self.sums = sums  # at once: another thread may read it at any time
        for name, buckets in changes.rebucketed.items():
            self.buckets[name] = buckets.copy()  # the changes may be taken over twice
        for name, changed in changes.buckets.items():
            self.buckets[name].change(changed)
        self.seen.grow(changes.seen)
        self._absorb_collection(changes)
        self.addresses.update(changes.addresses)
        self.cursors.update(changes.cursors)
        if changes.own_run is not None:
            self.own_runs.append(changes.own_run)
        if changes.mark is not None:
            self.last_mark = changes.mark
        if changes.redotted is not None:
            self.redotted = changes.redotted
        if changes.listed_before is not None:
            self.listed_before = changes.listed_before
        if changes.origin is not None:
            self.origin = changes.origin
        if changes.distrusted is not None:
            self.damage.take(changes.distrusted)

    def _absorb_collection(self, changes: Changes) -> None:
        self.collected.grow(changes.collected)
        self.may_collect |= changes.may_collect
        if changes.members is not None:
            self.members = changes.members
        self.greatest_collected = max(self.greatest_collected, changes.greatest_collected)
        self.forgotten = max(self.forgotten, changes.forgotten)

    def _put_totals(self, name: bytes, totals: Totals) -> None:
        if totals.entries:
            self.totals[name] = totals
        elif self.totals.pop(name, None) is not None:
            self.buckets.pop(name, None)
            self.sets_gone += 1

    def copy(self) -> "Ledger":
        """Return a ledger that later changes to this one leave alone."""
        twin = replace(self)
        for at in fields(self):
            value = getattr(self, at.name)
            if isinstance(value, dict | list):
                setattr(twin, at.name, value.copy())
        twin.damage = self.damage.copy()
        twin.buckets = {name: buckets.copy() for name, buckets in self.buckets.items()}
        return twin

    def next_mark(self, wall_us: int, number: int) -> Mark | None:
        """Return the mark to set at `wall_us`, or None within a minute of the last one.

        A wall that stepped back further sets one that vouches for nothing, in place of all after
        it: a wrong wall set those, and nothing would grow old until it is reached.
        """
        last = self.last_mark
        if last is not None and abs(wall_us - last.wall_us) < MARK_INTERVAL_US:
            return None
        stepped_back = last is not None and wall_us < last.wall_us
        return Mark(wall_us, 0 if stepped_back else number)
