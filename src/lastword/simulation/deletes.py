"""Anytime: what was removed and collected does not come back, unless it was added later."""

from collections.abc import Iterable, Sequence

from lastword.crdt.stamp import is_removed
from lastword.replication.vectors import Vector, covers
from lastword.simulation.violated import Violated
from lastword.store.ledger import Changes, Key, Row
from lastword.store.memory import MemoryImage, MemoryStore


class Deletes:
    """Every tombstone that any node collected: the greatest of each element."""

    def __init__(self) -> None:
        self._gone: dict[Key, Row] = {}
        self._excused: set[Key] = set()

    def stand_for(self, name: Key, stamp: int) -> bool:
        """Return whether a write of `stamp` was made good by a tombstone that was collected."""
        gone = self._gone.get(name)
        return gone is not None and gone.stamp >= stamp

    def excuse(self, names: Iterable[Key]) -> None:
        """Let rows come back that were lost somewhere without a trace: a tombstone may have been.

        Its loser says that it covers the removal, and takes the element from whoever still has it.
        """
        self._excused.update(names)

    def give_up(self, collected: Vector) -> list[Key]:
        """Expect nothing more of removals that `collected` covers; return their names."""
        names = [
            name for name, row in self._gone.items() if covers(collected, row.run, row.number)
        ]
        self._excused.update(names)
        return names

    def lost(self, disks: Sequence[MemoryImage]) -> None:
        """Expect nothing of removals that no disk covers any more: nobody knows of them."""
        self._excused.update(
            name
            for name, row in self._gone.items()
            if not any(covers(disk.ledger.seen, row.run, row.number) for disk in disks)
        )

    def may_be_back(self, name: Key) -> bool:
        """Return whether a removal was collected by some, and may have been lost by another."""
        return name in self._excused and name in self._gone

    def check(self, store: MemoryStore, changes: Changes) -> None:
        """Check what a transaction is about to do, and take note of what it collects."""
        for name, row in changes.dropped.items():
            if not is_removed(row.stamp):
                raise Violated("deletes stay deleted", f"{name} was collected while present")
            if not covers(store.seen, row.run, row.number):
                raise Violated("deletes stay deleted", f"a dot of {name} went uncovered")
            gone = self._gone.get(name)
            if gone is None or gone.stamp < row.stamp:
                self._gone[name] = row
        for name, row in changes.rows.items():
            self._check_row(store, changes, name, row)

    def check_all(self, store: MemoryStore) -> None:
        """Check every row of a store, as after a start."""
        nothing = Changes(0, 0)
        for name, row in store.image.rows.items():
            self._check_row(store, nothing, name, row)

    def _check_row(self, store: MemoryStore, changes: Changes, name: Key, row: Row) -> None:
        """Check one row; a node that has not seen the removal is behind, and may hold it."""
        gone = self._gone.get(name)
        if gone is None or row.stamp >= gone.stamp or is_removed(row.stamp):
            return
        if name in self._excused:
            return
        if covers(store.seen, gone.run, gone.number) or covers(
            changes.seen, gone.run, gone.number
        ):
            raise Violated("deletes stay deleted", f"{name} is back on a node that is not behind")
