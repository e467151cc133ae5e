"""All that can change a store. Each is one atomic operation of `transaction.Transaction`."""

from collections.abc import Iterable, Iterator, Mapping
from typing import ClassVar, NamedTuple

from msgspec import Struct

from lastword.crdt.stamp import checked_time, is_removed, next_above, pack, time_of
from lastword.errors import FutureTime, LastwordError
from lastword.limits import SHOWN_BYTES_MAX
from lastword.replication.entries import (
    Applied,
    Collected,
    CopyOrigin,
    Cursor,
    Dot,
    Entry,
    MemberReport,
    Page,
)
from lastword.replication.hashing import Place, element_of
from lastword.replication.vectors import Vector, covers
from lastword.store.ghosts import Ghosts, is_ghost, refusal
from lastword.store.ledger import Row
from lastword.store.transaction import Name, Transaction

PEERS_SET = b"_peers_"


class Write(Struct, frozen=True):
    """Add and remove elements of one set, atomically; an element stands in one of the two only.

    Without `time` each is made greater than what is held, so that it is visible here. With it,
    that time stands, and an element whose state is newer stays as it is.
    The result is the smallest time that was given. An element that is left out as a ghost counts
    as one whose state is newer.
    Raises FutureTime where `time` is too far ahead and would change something, and GhostElements.
    """

    is_brief: ClassVar[bool] = True

    set_name: bytes
    add: tuple[bytes, ...] = ()
    remove: tuple[bytes, ...] = ()
    time: int | None = None
    ghosts: Ghosts = Ghosts.REFUSE

    def touches(self) -> list[Name]:
        """Return all elements."""
        return [(self.set_name, element) for element in self.add + self.remove]

    def run(self, transaction: Transaction) -> int:
        """Write all, or raise and write nothing."""
        if self.time is None:
            if len(self.add) + len(self.remove) == 1:
                return self._write_one(transaction)
            return self._write_now(transaction)
        stamps = {element: pack(self.time, removed=False) for element in self.add}
        stamps |= {element: pack(self.time, removed=True) for element in self.remove}
        time = Merge(self.set_name, stamps, self.ghosts).run(transaction).time
        return self.time if time is None else time

    def _write_one(self, transaction: Transaction) -> int:
        """Do as `_write_now`, for what most writes are."""
        removed = not self.add
        (element,) = self.add or self.remove
        where = transaction.place(self.set_name, element)
        held = transaction.row(self.set_name, where.key)
        now = transaction.time_in(self.set_name)
        stamp = next_above(held and held.stamp, now, removed=removed)
        transaction.put_own(self.set_name, where, stamp)
        return time_of(stamp)

    def _write_now(self, transaction: Transaction) -> int:
        planned = self._plan(transaction, self.add, removed=False)
        if self.remove:
            planned += self._plan(transaction, self.remove, removed=True)
        for where, stamp in planned:
            transaction.put_own(self.set_name, where, stamp)
        return min([time_of(stamp) for _, stamp in planned], default=transaction.now())

    def _plan(
        self, transaction: Transaction, elements: tuple[bytes, ...], *, removed: bool
    ) -> list[tuple[Place, int]]:
        """Return what to put, or raise where an element can take no greater stamp."""
        set_name, now, planned = self.set_name, transaction.time_in(self.set_name), []
        for element in elements if len(elements) < 2 else dict.fromkeys(elements):
            where = transaction.place(set_name, element)
            held = transaction.row(set_name, where.key)
            planned.append((where, next_above(held and held.stamp, now, removed=removed)))
        return planned


class Written(NamedTuple):
    """How many writes were done, the smallest time that they gave, and why the next was not."""

    writes: int
    time: int | None
    refusal: LastwordError | None


class WriteInTurn(Struct, frozen=True):
    """Do several writes in one transaction, each atomic in itself, up to the first refused one.

    It raises nothing: those before a refused one stand, and the result says how many.
    """

    writes: tuple[Write, ...]

    def touches(self) -> list[Name]:
        """Return all elements of all writes."""
        return [
            (write.set_name, element)
            for write in self.writes
            for element in write.add + write.remove
        ]

    def run(self, transaction: Transaction) -> Written:
        """Write one after the other; a later one sees what an earlier one did."""
        times: list[int] = []
        for write in self.writes:
            try:
                times.append(write.run(transaction))
            except LastwordError as refusal:
                return Written(len(times), min(times, default=None), refusal)
        return Written(len(times), min(times, default=None), None)


class Merged(NamedTuple):
    """How many elements' state changed, and the smallest time of all; None for an empty state."""

    changed: int
    time: int | None


class Merge(Struct, frozen=True):
    """Merge a client's state (element -> stamp) into a set; `ghosts` says what becomes of these.

    Raises FutureTime, having changed nothing, where a stamp that is too far ahead would win, and
    GhostElements where there are ghosts and nobody said what becomes of them.
    """

    set_name: bytes
    stamps: Mapping[bytes, int]
    ghosts: Ghosts = Ghosts.REFUSE

    def touches(self) -> list[Name]:
        """Return all elements."""
        return [(self.set_name, element) for element in self.stamps]

    def run(self, transaction: Transaction) -> Merged:
        """Merge all, or raise and merge nothing."""
        transaction.check_sound(self.set_name)
        winning = list(self._winning(transaction, self.stamps))
        for where, stamp in winning:
            if time_of(stamp) > transaction.time_limit:
                raise future_time(element_of(where.key), time_of(stamp), transaction.time_limit)
        stamps, ghosts = self.stamps, self._found_ghosts(transaction, winning)
        if ghosts:
            stamps = self._without(transaction, ghosts)
            winning = list(self._winning(transaction, stamps))
        self._note_losers(transaction, stamps)
        for where, stamp in winning:
            transaction.put_own(self.set_name, where, stamp)
        return Merged(len(winning), min(map(time_of, stamps.values()), default=None))

    def _note_losers(self, transaction: Transaction, stamps: Mapping[bytes, int]) -> None:
        """Remember what is older than what is held; call it before anything is put."""
        for element, stamp in stamps.items():
            name = (self.set_name, transaction.place(self.set_name, element).key)
            held = transaction.row(*name)
            if held is not None:
                transaction.refuse(name, held, stamp)

    def _winning(
        self, transaction: Transaction, stamps: Mapping[bytes, int]
    ) -> Iterator[tuple[Place, int]]:
        for element, stamp in stamps.items():
            where = transaction.place(self.set_name, element)
            held = transaction.row(self.set_name, where.key)
            if held is None or stamp > held.stamp:
                yield where, stamp

    def _found_ghosts(
        self, transaction: Transaction, winning: list[tuple[Place, int]]
    ) -> list[bytes]:
        collected_time = transaction.collected_time(self.set_name)
        if not collected_time:
            return []
        found = []
        for where, stamp in winning:
            held = transaction.row(self.set_name, where.key)
            if is_ghost(stamp, held and held.stamp, collected_time):
                found.append(element_of(where.key))
        return found

    def _without(self, transaction: Transaction, ghosts: list[bytes]) -> dict[bytes, int]:
        """Return what is merged in place of a state with ghosts; raise GhostElements for none."""
        if self.ghosts is Ghosts.REFUSE:
            raise refusal(ghosts, transaction.collected_time(self.set_name))
        stamps = dict(self.stamps)
        if self.ghosts is Ghosts.READD:
            time = transaction.time_in(self.set_name)
            return stamps | dict.fromkeys(ghosts, pack(time, removed=False))
        for element in ghosts:
            del stamps[element]
        return stamps


def future_time(element: bytes, time: int, limit: int) -> FutureTime:
    """Return the error that says which element's time is too far ahead, and by how much."""
    shown = element[:SHOWN_BYTES_MAX].decode(errors="replace")
    return FutureTime(
        f"the time {checked_time(time)} of element {shown!r} is {time - limit} microseconds "
        "further ahead than this node allows"
    )


class ApplyPage(Struct, frozen=True):
    """Take in a page of another node's log; see replication.port.State.apply."""

    page: Page
    peer: str
    fenced_for: int = 0

    def touches(self) -> list[Name]:
        """Return all entries' elements."""
        return [(entry.set_name, entry.element) for entry in self.page.entries]

    def run(self, transaction: Transaction) -> Applied | None:
        """Store rows, cursor and, with the last page, the giver's vector; or do nothing."""
        page = self.page
        if page.for_run != transaction.run or page.cursor != transaction.cursor(self.peer):
            return None
        if not transaction.has_collected(self.fenced_for):
            return None
        applied = _apply_entries(transaction, page.entries)
        for set_name, time in page.times.items():
            transaction.raise_collected_time(set_name, time)
        cursor = Cursor(page.run, page.reached, page.head)
        if cursor != page.cursor:
            transaction.changes.cursors[self.peer] = cursor
        if page.run not in transaction.ledger.addresses:
            transaction.changes.addresses[page.run] = self.peer
        if page.seen is not None:
            transaction.raise_seen(page.seen)
            transaction.changes.may_collect = page.may_collect
            applied.finished = True
        return applied


class ApplyEntries(Struct, frozen=True):
    """Take in entries that a comparison brought; it raises neither cursor nor vector."""

    entries: tuple[Entry, ...]
    fenced_for: int = 0

    def touches(self) -> list[Name]:
        """Return all entries' elements."""
        return [(entry.set_name, entry.element) for entry in self.entries]

    def run(self, transaction: Transaction) -> Applied:
        """Store what is newer, and count what had been lost here."""
        if not transaction.has_collected(self.fenced_for):
            return Applied()
        return _apply_entries(transaction, self.entries)


def _apply_entries(transaction: Transaction, entries: Iterable[Entry]) -> Applied:
    applied = Applied()
    for entry in entries:
        _apply_entry(transaction, entry, applied)
    return applied


def _apply_entry(transaction: Transaction, entry: Entry, applied: Applied) -> None:
    applied.received += 1
    set_name, element, stamp, run, number = entry
    where = transaction.place(set_name, element)
    held = transaction.row(set_name, where.key)
    if held is None and is_removed(stamp):
        if transaction.was_collected(set_name, stamp, run, number):
            applied.collected.append(entry)
            return
        applied.changed += 1
        applied.future += time_of(stamp) > transaction.time_limit
    elif held is None or stamp > held.stamp:
        applied.changed += 1
        applied.repairs += transaction.covers(run, number)
        applied.future += time_of(stamp) > transaction.time_limit
    elif stamp == held.stamp and _may_adopt(transaction, held, run, number):
        applied.adopted += 1
    else:
        transaction.refuse((set_name, where.key), held, stamp, run, number)
        return
    transaction.put(set_name, where, stamp, run, number)


def _may_adopt(transaction: Transaction, held: Row, run: int, number: int) -> bool:
    """Return whether a row takes the arriving dot of its stamp, since its own is not covered.

    Of two that are not covered the greater stays: two holders would else swap theirs for ever.
    """
    own, other = (held.run, held.number), (run, number)
    if own == other or transaction.covers(*own):
        return False
    return other > own or transaction.covers(*other)


class Collect(Struct, frozen=True):
    """Collect tombstones of `after < arrived <= until` that `stable` and this node cover.

    Up to `limit` are looked at, in the order of their log numbers.
    """

    stable: Vector
    after: int
    until: int
    limit: int

    def touches(self) -> tuple[()]:
        """Touch no row: which they are is found out in the transaction."""
        return ()

    def run(self, transaction: Transaction) -> Collected:
        """Collect what is still there, is still a tombstone, and is covered."""
        collected, blocked = 0, []
        found = transaction.tombstones(self.after, self.until, self.limit)
        for name, row in found:
            if transaction.row(*name) != row:
                continue
            dot = Dot(row.run, row.number)
            if covers(self.stable, *dot) and transaction.covers(*dot):
                transaction.collect(name, row)
                collected += 1
            else:
                blocked.append(dot)
        reached = found[-1][1].arrived if len(found) == self.limit else self.until
        return Collected(collected, reached, tuple(blocked))


class CollectToo(Struct, frozen=True):
    """Collect tombstones that another node has collected, and this one still holds and covers.

    The result is how many went.
    """

    entries: tuple[Entry, ...]
    fenced_for: int

    def touches(self) -> list[Name]:
        """Return all entries' elements."""
        return [(entry.set_name, entry.element) for entry in self.entries]

    def run(self, transaction: Transaction) -> int:
        """Collect those whose state is still what the other node collected."""
        if not transaction.has_collected(self.fenced_for):
            return 0
        return sum(self._collect(transaction, entry) for entry in self.entries)

    @staticmethod
    def _collect(transaction: Transaction, entry: Entry) -> bool:
        name = (entry.set_name, transaction.place(entry.set_name, entry.element).key)
        row = transaction.row(*name)
        if row is None or row.stamp != entry.stamp or not is_removed(row.stamp):
            return False
        if name in transaction.changes.rows or not transaction.covers(row.run, row.number):
            return False
        transaction.collect(name, row)
        return True


class Offer(Struct, frozen=True):
    """Offer entries to a copy, as a client's merge: dots are its own.

    What the copy covers and lacks was collected by its source, or lost there, where it is newer
    than what was collected.
    The result is what it refuses: elements that would become present, no newer than what was
    collected of their set, so that they may have been removed long ago.
    """

    entries: tuple[Entry, ...]

    def touches(self) -> list[Name]:
        """Return all entries' elements."""
        return [(entry.set_name, entry.element) for entry in self.entries]

    def run(self, transaction: Transaction) -> list[Entry]:
        """Put what is newer."""
        return [entry for entry in self.entries if not self._put(transaction, entry)]

    @staticmethod
    def _put(transaction: Transaction, entry: Entry) -> bool:
        where = transaction.place(entry.set_name, entry.element)
        held = transaction.row(entry.set_name, where.key)
        if held is not None and held.stamp >= entry.stamp:
            return True
        is_present = held is not None and not is_removed(held.stamp)
        is_old = time_of(entry.stamp) <= transaction.collected_time(entry.set_name)
        if is_old and not is_present:
            if transaction.covers(entry.run, entry.number):
                return True  # its source knew it, and what came after it
            if not is_removed(entry.stamp):
                return False
        transaction.put_own(entry.set_name, where, entry.stamp)
        return True


class Complete(Struct, frozen=True):
    """Note in a copy what its source collected; see port.State.take_over."""

    collected: Vector
    least_time: int
    greatest_time: int
    listed_before: str | None
    clock_last: int

    def touches(self) -> tuple[()]:
        """Touch no row."""
        return ()

    def run(self, transaction: Transaction) -> None:
        """Note it, and let the clock go on from that of the file that the copy replaces."""
        transaction.observe(max(self.clock_last, self.greatest_time))
        changes, ledger = transaction.changes, transaction.ledger
        transaction.raise_collected(self.collected)
        changes.listed_before = self.listed_before
        for set_name in list(ledger.totals) if self.least_time else ():
            transaction.raise_collected_time(set_name, self.least_time)
        changes.greatest_collected = max(self.greatest_time, ledger.greatest_collected)


class KeepOrigin(Struct, frozen=True):
    """Keep where a copy comes from; NO_ORIGIN where it cannot be gone on with."""

    origin: CopyOrigin

    def touches(self) -> tuple[()]:
        """Touch no row."""
        return ()

    def run(self, transaction: Transaction) -> None:
        """Keep it."""
        transaction.changes.origin = self.origin


class AllowCollection(Struct, frozen=True):
    """Note that this file knows of all that its cluster has collected."""

    def touches(self) -> tuple[()]:
        """Touch no row."""
        return ()

    def run(self, transaction: Transaction) -> None:
        """Note it."""
        transaction.changes.may_collect = True


class KeepReports(Struct, frozen=True):
    """Keep what members last said that they cover, in place of what was kept before."""

    reports: Mapping[str, MemberReport]

    def touches(self) -> tuple[()]:
        """Touch no row."""
        return ()

    def run(self, transaction: Transaction) -> None:
        """Keep them."""
        transaction.changes.members = dict(self.reports)


class Redot(Struct, frozen=True):
    """Give orphaned rows new dots of this run, their stamps unchanged, and note how far we are.

    The result is how many still were as the read found them and still not covered.
    """

    orphans: tuple[Entry, ...]
    checked: int

    def touches(self) -> list[Name]:
        """Return all orphans' elements."""
        return [(orphan.set_name, orphan.element) for orphan in self.orphans]

    def run(self, transaction: Transaction) -> int:
        """Renew every dot that is still the same and still not covered."""
        transaction.changes.redotted = max(self.checked, transaction.ledger.redotted)
        return sum(self._renew(transaction, orphan) for orphan in self.orphans)

    @staticmethod
    def _renew(transaction: Transaction, orphan: Entry) -> bool:
        where = transaction.place(orphan.set_name, orphan.element)
        row = transaction.row(orphan.set_name, where.key)
        dot = (orphan.run, orphan.number)
        if row is None or (row.run, row.number) != dot or transaction.covers(*dot):
            return False
        transaction.put_own(orphan.set_name, where, row.stamp)
        return True


class Recount(Struct, frozen=True):
    """Add up a set's totals, sums and buckets anew from its rows.

    The result is whether anything had been wrong.
    """

    set_name: bytes

    def touches(self) -> tuple[()]:
        """Touch no row: they are only read."""
        return ()

    def run(self, transaction: Transaction) -> bool:
        """Recount the set; what was right stays as it is."""
        return transaction.recount(self.set_name)


class Distrust(Struct, frozen=True):
    """Add up a set from its rows, and note it as damaged where they are not what is kept of it.

    With `why` it is noted as it is. The result is whether it is damaged.
    """

    set_name: bytes
    why: str = ""

    def touches(self) -> tuple[()]:
        """Touch no row: they are only read."""
        return ()

    def run(self, transaction: Transaction) -> bool:
        """Note it at once, and in the file, so that the next start knows."""
        if not self.why and transaction.adds_up(self.set_name):
            return False
        transaction.distrust(self.set_name, *filter(None, (self.why,)))
        return True


class NoteDamage(Struct, frozen=True):
    """Keep in the file what is known of its damage."""

    def touches(self) -> tuple[()]:
        """Touch no row."""
        return ()

    def run(self, transaction: Transaction) -> None:
        """Keep it."""
        transaction.changes.distrusted = transaction.ledger.damage.kept


class BeginRun(Struct, frozen=True):
    """Begin a run on this file."""

    run_id: int

    def touches(self) -> tuple[()]:
        """Touch no row."""
        return ()

    def run(self, transaction: Transaction) -> None:
        """Note the run, and where in the log it begins."""
        transaction.begin_run(self.run_id)


class ListMember(Struct, frozen=True):
    """Put an address into `_peers_`, as this node's own."""

    address: str

    def touches(self) -> list[Name]:
        """Return the address."""
        return self._write().touches()

    def run(self, transaction: Transaction) -> None:
        """Add it, and note that this file listed it."""
        self._write().run(transaction)
        transaction.changes.listed_before = self.address

    def _write(self) -> Write:
        return Write(PEERS_SET, add=(self.address.encode(),))
