"""What commands do to the store: each one atomic operation of `store.transaction.Transaction`.

A result is the value of the reply. An operation looks at no more than one transaction may hold
(`view.ROWS_ATOMIC_MAX`); beyond that it raises CommandTooLarge and has changed nothing.
"""

from collections.abc import Iterable, Sequence
from random import Random
from typing import ClassVar

from msgspec import Struct

from lastword.api.resp.algebra import Combine
from lastword.api.resp.chance import sample
from lastword.api.resp.replies import Status
from lastword.api.resp.view import TransactionView
from lastword.crdt.stamp import is_removed, next_above
from lastword.errors import CommandTooLarge, InvalidCommand
from lastword.replication.hashing import Place, element_of
from lastword.store.transaction import Name, Transaction

POP_ROWS_MAX = 1_000_000
"""Rows that a pop looks at: more than other commands, since it finds members among tombstones."""

SLICE_ROWS = 10_000
"""Rows of one transaction where a large set is deleted in several: a tenth of a second each."""

Planned = tuple[bytes, Place, int]
"""A set, where an element of it lies, and the stamp that it will get."""


class OfMembers(Struct, frozen=True):
    """Something that is done to members of one set."""

    is_brief: ClassVar[bool] = True

    set_name: bytes
    members: tuple[bytes, ...]

    def touches(self) -> list[Name]:
        """Return all members."""
        return [(self.set_name, member) for member in self.members]


class Add(OfMembers, frozen=True):
    """Add members to a set; the result is how many were not present."""

    def run(self, transaction: Transaction) -> int:
        """Write all: a member that is present gets a newer stamp, too."""
        planned, present = plan(transaction, self.set_name, self.members, removed=False)
        put(transaction, planned)
        return len(planned) - present


class Remove(OfMembers, frozen=True):
    """Remove members from a set; the result is how many were present."""

    def run(self, transaction: Transaction) -> int:
        """Write a tombstone for each, also for one that is not present."""
        planned, present = plan(transaction, self.set_name, self.members, removed=True)
        put(transaction, planned)
        return present


class Pop(Struct, frozen=True):
    """Remove members at random; the result is the members, or without `count` one or None.

    `seed` decides which.
    """

    set_name: bytes
    count: int | None
    seed: int

    def touches(self) -> list[Name]:
        """Return a name for each member, so that a group of pops does not grow too large."""
        return [(self.set_name, b"")]

    def run(self, transaction: Transaction) -> frozenset[bytes] | bytes | None:
        """Choose and remove."""
        view = TransactionView(transaction, POP_ROWS_MAX)
        count = 1 if self.count is None else self.count
        TransactionView(transaction).spend(min(count, view.totals(self.set_name).present))
        chosen = sample(view, self.set_name, count, Random(self.seed))  # noqa: S311 - no secret
        put(transaction, clearing(transaction, self.set_name, chosen))
        if self.count is not None:
            return frozenset(chosen)
        return chosen[0] if chosen else None


class Move(Struct, frozen=True):
    """Move a member to another set; the result is whether it was there."""

    is_brief: ClassVar[bool] = True

    source: bytes
    destination: bytes
    member: bytes

    def touches(self) -> list[Name]:
        """Return the member in both sets."""
        return [(self.source, self.member), (self.destination, self.member)]

    def run(self, transaction: Transaction) -> bool:
        """Remove it there and add it here, or do nothing."""
        transaction.check_sound(self.source)
        transaction.check_sound(self.destination)
        where = transaction.place(self.source, self.member)
        row = transaction.row(self.source, where.key)
        if row is None or is_removed(row.stamp):
            return False
        if self.source != self.destination:
            gone, _ = plan(transaction, self.source, (self.member,), removed=True)
            come, _ = plan(transaction, self.destination, (self.member,), removed=False)
            put(transaction, gone + come)
        return True


class Store(Struct, frozen=True):
    """Let a set become what others make together; the result is how many members that are."""

    destination: bytes
    combine: Combine
    sources: tuple[bytes, ...]

    def touches(self) -> tuple[()]:
        """Touch no row that is known before."""
        return ()

    def run(self, transaction: Transaction) -> int:
        """Combine, then write what differs and what stays."""
        view = TransactionView(transaction)
        members: dict[bytes, None] = {}
        for chunk in self.combine(view, self.sources):
            view.spend(len(chunk), sum(map(len, chunk)))
            members.update(dict.fromkeys(chunk))
        put(transaction, replacing(transaction, view, self.destination, members))
        return len(members)


class Rename(Struct, frozen=True):
    """Let the members of a set be those of another, and none of the first; the result is OK."""

    source: bytes
    destination: bytes

    def touches(self) -> tuple[()]:
        """Touch no row that is known before."""
        return ()

    def run(self, transaction: Transaction) -> Status:
        """Move all members; raise InvalidCommand where there are none."""
        view = TransactionView(transaction)
        if not view.totals(self.source).present:
            raise InvalidCommand("no such key")
        if self.source != self.destination:
            members = dict.fromkeys(view.members(self.source))
            planned = replacing(transaction, view, self.destination, members)
            put(transaction, planned + clearing(transaction, self.source, members))
        return Status("OK")


class Delete(Struct, frozen=True):
    """Remove all members of sets; the result is how many sets there were."""

    names: tuple[bytes, ...]

    def touches(self) -> tuple[()]:
        """Touch no row that is known before."""
        return ()

    def run(self, transaction: Transaction) -> int:
        """Remove all of all, or raise CommandTooLarge."""
        view, planned, found = TransactionView(transaction), list[Planned](), 0
        for name in dict.fromkeys(self.names):
            if view.totals(name).present:
                found += 1
                planned += clearing(transaction, name, view.members(name))
        put(transaction, planned)
        return found


class Flush(Struct, frozen=True):
    """Remove all members of all sets; the result is OK."""

    def touches(self) -> tuple[()]:
        """Touch no row that is known before."""
        return ()

    def run(self, transaction: Transaction) -> Status:
        """Remove all, or raise CommandTooLarge."""
        names = TransactionView(transaction).names()
        Delete(tuple(names)).run(transaction)
        return Status("OK")


class DeleteSlice(Struct, frozen=True):
    """Remove the members of a stretch of a set, from key `low` on.

    The result is where the next one begins, or None at the set's end.
    """

    set_name: bytes
    low: bytes

    def touches(self) -> tuple[()]:
        """Touch no row that is known before."""
        return ()

    def run(self, transaction: Transaction) -> bytes | None:
        """Remove those that are present."""
        rows = transaction.rows_between(self.set_name, self.low, None, SLICE_ROWS)
        members = [element_of(key) for key, stamp in rows if not is_removed(stamp)]
        put(transaction, clearing(transaction, self.set_name, members))
        return rows[-1][0] + b"\0" if len(rows) == SLICE_ROWS else None


def plan(
    transaction: Transaction, set_name: bytes, members: Sequence[bytes], *, removed: bool
) -> tuple[list[Planned], int]:
    """Return what to put for members that are loaded, and how many of them are present.

    Raises InvalidTime where one can take no greater stamp.
    """
    now, planned, present = transaction.time_in(set_name), [], 0
    for member in members if len(members) < 2 else dict.fromkeys(members):
        where = transaction.place(set_name, member)
        held = transaction.row(set_name, where.key)
        if held is None:
            stamp = next_above(None, now, removed=removed)
        else:
            present += not is_removed(held.stamp)
            stamp = next_above(held.stamp, now, removed=removed)
        planned.append((set_name, where, stamp))
    return planned, present


def clearing(transaction: Transaction, set_name: bytes, members: Iterable[bytes]) -> list[Planned]:
    """Return what to put so that `members` are removed."""
    gone = list(members)
    transaction.load((set_name, member) for member in gone)
    return plan(transaction, set_name, gone, removed=True)[0]


def replacing(
    transaction: Transaction, view: TransactionView, set_name: bytes, members: dict[bytes, None]
) -> list[Planned]:
    """Return what to put so that `members` are all that a set has."""
    gone = [member for member in view.members(set_name) if member not in members]
    transaction.load((set_name, member) for member in members)
    planned, _ = plan(transaction, set_name, list(members), removed=False)
    return planned + clearing(transaction, set_name, gone)


def put(transaction: Transaction, planned: list[Planned]) -> None:
    """Write what was planned."""
    for set_name, where, stamp in planned:
        transaction.put_own(set_name, where, stamp)


def check_count(members: Sequence[bytes], most: int) -> None:
    """Raise CommandTooLarge where a command names more members than one transaction may hold."""
    if len(members) > most:
        raise CommandTooLarge(f"a command writes at most {most} members, not {len(members)}")
