"""What every store does alike: the protocol's port, over a few primitives.

A store provides `execute` and the reads that are declared here; the rest follows.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from lastword.crdt.clock import Wall
from lastword.crdt.stamp import is_removed, time_of
from lastword.errors import CorruptStore, StoreError
from lastword.limits import (
    CACHE_BYTES_DEFAULT,
    MAX_SKEW_US_DEFAULT,
    PAGE_BYTES_MAX,
    PAGE_ROWS_MAX,
    REDOT_ROWS_MAX,
)
from lastword.replication.entries import (
    ENTRY_BYTES,
    Applied,
    Bucket,
    Collected,
    CopyOrigin,
    Cursor,
    Entry,
    Held,
    MemberReport,
    Page,
    Redotted,
    SetDigest,
)
from lastword.replication.hashing import DIGEST_KEY_DEFAULT, NO_SUMS, Sums, element_of, place
from lastword.replication.vectors import GrowingVector, Vector, covers
from lastword.store.buckets import BUCKETED_ENTRIES
from lastword.store.check import check_rows
from lastword.store.damage import Damage
from lastword.store.directory import Directory
from lastword.store.ledger import MARK_INTERVAL_US, NO_TOTALS, Key, Ledger, Row, Totals
from lastword.store.news import Bounds, News, Wants
from lastword.store.operations import (
    PEERS_SET,
    AllowCollection,
    ApplyEntries,
    ApplyPage,
    BeginRun,
    Collect,
    CollectToo,
    Complete,
    Distrust,
    KeepOrigin,
    KeepReports,
    ListMember,
    NoteDamage,
    Recount,
    Redot,
    Write,
    future_time,
)
from lastword.store.past import Past, Span
from lastword.store.transaction import Operation

T = TypeVar("T")

MEMBERS_CHUNK = 1_000
"""Members that are read at once."""


@dataclass(frozen=True, slots=True)
class StoreOptions:
    """How a store is opened.

    `wall` gives the time, `new_run` a random 63-bit id for each run. `digest_key` is used where
    the file is made and must be the same on all nodes of a cluster. `page_rows` bounds the rows
    looked at for one page, and a set of more than `bucketed_entries` has sums of its stretches;
    tests make both small. `cache_bytes` bounds caches: half of it pages, half of it whole sets.
    """

    wall: Wall
    new_run: Callable[[], int]
    max_skew_us: int = MAX_SKEW_US_DEFAULT
    digest_key: bytes = DIGEST_KEY_DEFAULT
    page_rows: int = PAGE_ROWS_MAX
    cache_bytes: int = CACHE_BYTES_DEFAULT
    bucketed_entries: int = BUCKETED_ENTRIES


class LogRow(NamedTuple):
    """A row as it is met in the log, under its own log number `arrived`."""

    arrived: int
    entry: Entry


@dataclass(frozen=True, slots=True)
class LogSlice:
    """Rows of the log, with the log's end, of one snapshot."""

    log_end: int
    rows: list[LogRow]


class _Members(NamedTuple):
    """The listed addresses, and the digest sums of the entries that they were read from."""

    addresses: frozenset[str]
    sums: Sums


class BaseStore(ABC):
    """The port of `replication`, and the reads of a node, over one ledger."""

    copy: "BaseStore | None"

    def __init__(self, options: StoreOptions, ledger: Ledger) -> None:
        self.options = options
        self.ledger = ledger
        self.past = Past(options.wall())
        self.past.forget_numbers(ledger.log_end)
        self.forget_derived()

    def forget_derived(self) -> None:
        """Forget what was derived from the ledger: it is another one now."""
        self._members = _Members(frozenset(), NO_SUMS)
        self._directory = Directory(self.ledger.digest_key)

    @abstractmethod
    def execute(self, operation: Operation[T]) -> T:
        """Do `operation`; return its result when it is on disk, or raise its error."""

    @abstractmethod
    def begin_copy(self) -> "BaseStore":
        """Begin a copy in a new file, in place of any other copy."""

    @abstractmethod
    def drop_copy(self) -> None:
        """Give up the copy."""

    @abstractmethod
    def take_over(self, collected: Vector, least_time: int, greatest_time: int) -> int:
        """Put the copy in the place of what is held; see port.State.take_over."""

    @abstractmethod
    def stamp_of(self, set_name: bytes, element: bytes) -> int | None:
        """Return the stamp of an element, or None where none is held."""

    @abstractmethod
    def row_of(self, set_name: bytes, element: bytes) -> Row | None:
        """Return the row of an element, or None where none is held."""

    @abstractmethod
    def marks_around(self, number: int) -> Span:
        """Return between which marks a log number was given, where the file can tell.

        A wall that stepped back set a mark of number 0, which vouches for nothing.
        """

    def contains_each(self, set_name: bytes, elements: Sequence[bytes]) -> list[bool]:
        """Return of each of `elements` whether it is present."""
        return [self.contains(set_name, element) is True for element in elements]

    def entries(
        self, set_name: bytes, *, after: bytes = b"", limit: int
    ) -> list[tuple[bytes, int]]:
        """Return up to `limit` keys with their stamps, in the order of keys, after key `after`."""
        self.damage.check(set_name)
        return self.read_entries(set_name, after, limit)

    def rows_between(
        self, set_name: bytes, low: bytes, high: bytes | None, limit: int
    ) -> list[Held]:
        """Return up to `limit` rows of `low <= key < high`, in the order of keys.

        None is above all keys.
        """
        self.damage.check(set_name)
        return self.read_rows(set_name, low, high, limit)

    @abstractmethod
    def read_entries(self, set_name: bytes, after: bytes, limit: int) -> list[tuple[bytes, int]]:
        """Do as `entries`, also of a set that is damaged."""

    @abstractmethod
    def read_rows(self, set_name: bytes, low: bytes, high: bytes | None, limit: int) -> list[Held]:
        """Do as `rows_between`, also of a set that is damaged."""

    @abstractmethod
    def reading(self) -> AbstractContextManager[None]:
        """Let the rows that this thread reads within the block come from one snapshot.

        Totals, sums and buckets are those of the last commit, so they may be newer.
        """

    @abstractmethod
    def read_log(self, after: int, limit: int) -> LogSlice:
        """Return up to `limit` rows after log number `after`, in order, from one snapshot."""

    @abstractmethod
    def read_news(self, after: int, wants: Wants, bounds: Bounds) -> News:
        """Return what is new in some sets after a log number, from one snapshot."""

    @abstractmethod
    def greatest_arrived(self) -> int:
        """Return the greatest log number that a row has, 0 where there is none."""

    @abstractmethod
    def mark_after(self, wall_us: int) -> int | None:
        """Return the number of the first mark that was set after `wall_us`, if there is one."""

    @abstractmethod
    def tombstones_until(self, number: int) -> int:
        """Return how many tombstones arrived up to a log number. O(as many)."""

    @abstractmethod
    def all_rows(self) -> Iterator[tuple[Key, Row]]:
        """Yield every row, from one snapshot."""

    @abstractmethod
    def close(self) -> None:
        """Let go of everything; a second call does nothing."""

    def check(self) -> None:
        """Verify every invariant; raise CorruptStore with what does not hold. O(rows)."""
        self.damage.check_nothing()
        check_rows(self.ledger, self.all_rows(), self.options.bucketed_entries)

    def number_at(self, wall_us: int) -> int:
        """Return a log number that was certainly reached by `wall_us`; a minute late at most."""
        log_end = self.ledger.log_end  # before the marks: what comes meanwhile is not older
        number = self.mark_after(wall_us - MARK_INTERVAL_US)
        return log_end if number is None else number

    def arrival_of(self, number: int) -> Span:
        """Return when a log number was given: from memory, or else to a minute, by the marks."""
        remembered = self.past.arrival(number)
        if remembered is not None:
            return remembered
        span = self.marks_around(number)
        if span.from_us is None or self.mark_after(span.from_us) == 0:  # the wall stepped back
            return span
        return Span(span.from_us, span.from_us + MARK_INTERVAL_US)

    def contains(self, set_name: bytes, element: bytes) -> bool | None:
        """Return whether an element is present; None where the set has no entries at all."""
        if set_name not in self.ledger.totals:
            self.damage.check_absent(set_name)
            return None
        stamp = self.stamp_of(set_name, element)
        return stamp is not None and not is_removed(stamp)

    def totals(self) -> Mapping[bytes, Totals]:
        """Return the totals of every set that holds or held an entry."""
        return self.ledger.totals

    @property
    def entries_held(self) -> int:
        """How many entries all sets hold. O(sets)."""
        return sum(totals.entries for totals in self.ledger.totals.values())

    def check_times(self, set_name: bytes, stamps: Mapping[bytes, int]) -> None:
        """Raise FutureTime where a stamp of a state is too far ahead and would change something.

        What passes still passes later: the wall goes on, and held stamps only grow.
        """
        limit = self.options.wall() + self.options.max_skew_us
        for element, stamp in stamps.items():
            if time_of(stamp) > limit:
                held = self.stamp_of(set_name, element)
                if held is None or stamp > held:
                    raise future_time(element, time_of(stamp), limit)

    # -- the protocol's port

    @property
    def run(self) -> int:
        """The run that this start of the node began."""
        return self.ledger.run

    @property
    def log_end(self) -> int:
        """The greatest log number that was ever given."""
        return self.ledger.log_end

    @property
    def seen(self) -> GrowingVector:
        """What this node covers."""
        return self.ledger.seen

    @property
    def listed_before(self) -> str | None:
        """The address that this file was last listed under by itself."""
        return self.ledger.listed_before

    def cursor(self, peer: str) -> Cursor:
        """Return how far this node has read the log of `peer`."""
        return self.ledger.cursor(peer)

    def sums(self) -> Sums:
        """Return the digest sums of all that is held."""
        return self.ledger.sums

    def sets_between(self, low: int, high: int) -> list[SetDigest]:
        """Return the sets of `low <= position < high` that have entries, by position."""
        gone, totals = self.ledger.sets_gone, self.ledger.totals
        return [
            SetDigest(position, name, at.entries, at.sums)
            for position, name in self._directory.between(totals, gone, low, high)
            if (at := totals.get(name)) is not None and at.entries
        ]

    def buckets_between(self, set_name: bytes, low: int, high: int) -> list[Bucket]:
        """Return the set's buckets that overlap `low <= position < high`, if it has any."""
        buckets = self.ledger.buckets.get(set_name)
        return [] if buckets is None else buckets.between(low, high)

    @property
    def digest_key(self) -> bytes:
        """The key of positions and digest sums."""
        return self.ledger.digest_key

    def page(self, cursor: Cursor, *, for_run: int, seen: Vector, vouched: Vector) -> Page:
        """Return the page that follows `cursor`, without what `seen` covers.

        `vouched`, read before, goes with the page that reaches the log's end.
        """
        start = cursor.number
        log = self.read_log(start, self.options.page_rows)
        holds = self.ledger.holds(cursor, log.log_end)
        if not holds and start > 0:
            start, log = 0, self.read_log(0, self.options.page_rows)
        covered = seen.get  # not `covers`: every row is looked at once for each peer
        wanted = [row for row in log.rows if covered(row.entry.run, 0) < row.entry.number]
        entries, cut = _bounded(wanted)
        reached = cut if cut is not None else _reached(log, self.options.page_rows)
        return Page(
            run=self.run,
            for_run=for_run,
            cursor=cursor,
            reached=reached,
            head=log.log_end,
            entries=entries,
            seen=vouched if reached == log.log_end else None,
            from_start=not holds,
        )

    def apply(self, page: Page, peer: str, fenced_for: int = 0) -> Applied | None:
        """Take in a page from `peer`; None where it does not follow the present cursor."""
        return self.execute(ApplyPage(page, peer, fenced_for))

    def apply_entries(self, entries: tuple[Entry, ...], fenced_for: int = 0) -> Applied:
        """Take in entries that a comparison brought."""
        return self.execute(ApplyEntries(entries, fenced_for))

    @property
    def collected(self) -> GrowingVector:
        """What was collected here."""
        return self.ledger.collected

    @property
    def collected_time(self) -> int:
        """The greatest time that was ever collected."""
        return self.ledger.greatest_collected

    def collected_times(self, set_names: Sequence[bytes]) -> list[int]:
        """Return for each set the greatest time of its tombstones that were collected."""
        return [self.ledger.collected_time(name) for name in set_names]

    def complete(
        self, copy: "BaseStore", collected: Vector, least_time: int, greatest_time: int
    ) -> None:
        """Note in a copy that is whole what its source collected; see port.State.take_over."""
        clock_last = self.ledger.clock_last
        copy.execute(
            Complete(collected, least_time, greatest_time, self.listed_before, clock_last)
        )

    @property
    def origin(self) -> CopyOrigin:
        """Where this copy comes from, if it is one that can be gone on with."""
        return self.ledger.origin

    def keep_origin(self, origin: CopyOrigin) -> None:
        """Keep where this copy comes from."""
        self.execute(KeepOrigin(origin))

    @property
    def may_collect(self) -> bool:
        """Whether this file knows of what its cluster has collected."""
        return self.ledger.may_collect

    def allow_collection(self) -> None:
        """Note that it does."""
        self.execute(AllowCollection())

    def collect(self, stable: Vector, after: int, until: int, limit: int) -> Collected:
        """Collect tombstones that `stable` covers; up to `limit` are looked at."""
        return self.execute(Collect(stable, after, until, limit))

    def collect_too(self, entries: tuple[Entry, ...], fenced_for: int) -> int:
        """Collect tombstones that another node has collected."""
        return self.execute(CollectToo(entries, fenced_for))

    def reports(self) -> Mapping[str, MemberReport]:
        """Return what members last said that they cover."""
        return self.ledger.members

    def keep_reports(self, reports: Mapping[str, MemberReport]) -> None:
        """Keep what members last said, in place of what was kept before."""
        self.execute(KeepReports(reports))

    # -- damage

    @property
    def damage(self) -> Damage:
        """The register of what is damaged."""
        return self.ledger.damage

    @property
    def is_damaged(self) -> bool:
        """Whether anything is damaged: nothing is given to others then."""
        return bool(self.ledger.damage)

    def distrust(self, set_name: bytes, why: str = "") -> bool:
        """Serve a set no longer whose rows and sums differ; return whether they do. O(rows).

        With `why` they are known to.
        """
        if set_name in self.damage.sets:
            return True
        try:
            is_damaged = self.execute(Distrust(set_name, why))
        except StoreError as error:  # it cannot be read, or cannot be noted in the file
            self.damage.distrust(set_name, why or str(error))
            return True
        return is_damaged

    def note_fact(self, what: str) -> None:
        """Note of the file itself what cannot be true; it is kept, if that can be."""
        if self.damage.note_fact(what):
            with suppress(StoreError):
                self.execute(NoteDamage())

    def recount(self, set_name: bytes) -> bool:
        """Add up a set anew from its rows; return whether anything had been wrong. O(rows)."""
        return self.execute(Recount(set_name))

    def redot(self, *, age_us: int) -> Redotted:
        """Give new dots to rows that arrived before `age_us` ago and are not covered yet."""
        old, seen = self.number_at(self.options.wall() - age_us), dict(self.seen)
        checked = self.ledger.redotted
        if checked >= old:
            return Redotted(0, more=False)
        log = self.read_log(checked, REDOT_ROWS_MAX)
        rows = [row for row in log.rows if row.arrived <= old]
        orphans = tuple(
            row.entry for row in rows if not covers(seen, row.entry.run, row.entry.number)
        )
        more = len(rows) == REDOT_ROWS_MAX
        renewed = self.execute(Redot(orphans, rows[-1].arrived if more else old))
        return Redotted(renewed, more=more)

    def begin_run(self) -> None:
        """Begin a new run on this file."""
        self.execute(BeginRun(self.options.new_run()))

    def members(self) -> frozenset[str]:
        """Return the listed addresses; O(1) while they stay the same.

        They are kept only if they are what the totals say: a thread that reads an older snapshot
        must not let the others see it.
        """
        totals = self.ledger.totals.get(PEERS_SET, NO_TOTALS)
        kept = self._members
        if kept.sums == totals.sums:
            return kept.addresses
        try:
            read = self._read_members()
        except CorruptStore:  # noted; whoever is known otherwise can be asked for a copy
            return kept.addresses or frozenset((*self.ledger.members, *self.ledger.cursors))
        if read.sums == totals.sums:
            self._members = read
        return read.addresses

    def _read_members(self) -> "_Members":
        addresses, sums, after = set[str](), NO_SUMS, b""
        while chunk := self.read_entries(PEERS_SET, after, MEMBERS_CHUNK):
            after = chunk[-1][0]
            for key, stamp in chunk:
                element = element_of(key)
                where = place(PEERS_SET, element, self.ledger.digest_key)
                sums = sums.plus(where.change(None, stamp))
                if not is_removed(stamp):
                    addresses.add(element.decode(errors="replace"))
        return _Members(frozenset(addresses), sums)

    def list_member(self, address: str) -> None:
        """Add `address` to the listed addresses, as this node's own.

        Where the list is damaged it is listed when the file is whole again.
        """
        with suppress(CorruptStore):
            self.execute(ListMember(address))

    def unlist_member(self, address: str) -> None:
        """Remove `address` from the listed addresses; where the list is damaged it stays."""
        with suppress(CorruptStore):
            self.execute(Write(PEERS_SET, remove=(address.encode(),)))


def _bounded(rows: Iterable[LogRow]) -> tuple[tuple[Entry, ...], int | None]:
    """Return the entries that fit a page, and the log number reached if some did not.

    At least one entry is returned where there is any.
    """
    entries: list[Entry] = []
    size, reached = 0, 0
    for row in rows:
        size += len(row.entry.element) + ENTRY_BYTES
        if size > PAGE_BYTES_MAX and entries:
            return tuple(entries), reached
        entries.append(row.entry)
        reached = row.arrived
    return tuple(entries), None


def _reached(log: LogSlice, limit: int) -> int:
    """Return how far a reading that was not cut has come: the log's end if nothing follows."""
    return log.rows[-1].arrived if len(log.rows) == limit else log.log_end
