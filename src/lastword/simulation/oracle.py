"""What must hold, judged from outside: it knows every dot and every acknowledged write.

Anytime: stamps never fall; a vector covers no dot whose write, or something greater, is missing.
In the end: all nodes are equal, and equal to the join of all acknowledged writes; every row's
dot is covered; every store's own check passes. A write that was on no other disk when its own
was lost may be there in the end, since a message may have carried it, or not.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from lastword.replication.hashing import element_of
from lastword.replication.vectors import covers
from lastword.store.ledger import Changes, Key
from lastword.store.memory import MemoryImage, MemoryStore


class Violated(AssertionError):
    """A property of the protocol does not hold."""


class _Written(NamedTuple):
    name: Key
    stamp: int


class Oracle:
    """The judge of one run."""

    def __init__(self) -> None:
        self._dots: dict[int, dict[int, _Written]] = {}
        self._acknowledged: dict[tuple[bytes, bytes], int] = {}
        self._doubted: dict[tuple[bytes, bytes], set[int]] = {}

    def check_changes(self, store: MemoryStore, changes: Changes) -> None:
        """Check that no stamp falls, and take note of the dots that were given."""
        for name, row in changes.rows.items():
            before = changes.before[name]
            if before is not None and row.stamp < before.stamp:
                raise Violated(f"the stamp of {name} fell from {before.stamp} to {row.stamp}")
            if row.run == store.run and row.number == row.arrived:
                self._dots.setdefault(row.run, {})[row.number] = _Written(name, row.stamp)

    def check_coverage(self, store: MemoryStore, changes: Changes) -> None:
        """Check every dot that a transaction newly covered.

        What was covered before stays so, since stamps do not fall.
        """
        for run, number in changes.seen.items():
            if run != store.run:
                self._check_run(store, run, number)

    def check_all(self, store: MemoryStore) -> None:
        """Check every dot that a store covers, as after a crash."""
        for run, number in store.seen.items():
            self._check_run(store, run, number)

    def forget(self, lost: Iterable[Changes], run: int) -> None:
        """Take back the dots that a crash took back before anyone heard of them."""
        for changes in lost:
            for row in changes.rows.values():
                if row.run == run:
                    self._dots.get(run, {}).pop(row.number, None)

    def acknowledge(self, set_name: bytes, element: bytes, stamp: int) -> None:
        """Take note of a write that a client was told is done."""
        name = (set_name, element)
        self._acknowledged[name] = max(stamp, self._acknowledged.get(name, 0))

    def doubt(self, disks: Sequence[MemoryImage]) -> None:
        """Take back what no disk holds any more: `disks` are all but the one that was lost."""
        held: dict[tuple[bytes, bytes], int] = {}
        for disk in disks:
            for (set_name, key), row in disk.rows.items():
                name = (set_name, element_of(key))
                held[name] = max(row.stamp, held.get(name, 0))
        for name, stamp in self._acknowledged.items():
            left = held.get(name, 0)
            if left < stamp:
                self._doubted.setdefault(name, set()).add(stamp)
                self._acknowledged[name] = left

    def is_converged(self, stores: Sequence[MemoryStore]) -> bool:
        """Return whether all stores say the same and cover the same."""
        first = stores[0]
        return all(store.sums() == first.sums() and store.seen == first.seen for store in stores)

    def check_end(self, stores: Sequence[MemoryStore], ignored: bytes) -> None:
        """Check what must hold in the end; `ignored` is a set that clients do not write."""
        for store in stores:
            store.check()
            held = {
                (name[0], element_of(name[1])): row.stamp
                for name, row in store.image.rows.items()
                if name[0] != ignored
            }
            self._check_join(held)
            if left := uncovered(store):
                raise Violated(f"dots of {left[:5]} are not covered by their holder")

    def _check_join(self, held: Mapping[tuple[bytes, bytes], int]) -> None:
        wrong = [
            name
            for name in held.keys() | self._acknowledged.keys()
            if held.get(name, 0) not in self._expected(name)
        ]
        if wrong:
            raise Violated(f"the end is not the join of the acknowledged writes: {wrong[:5]}")

    def _expected(self, name: tuple[bytes, bytes]) -> set[int]:
        stamp = self._acknowledged.get(name, 0)
        return {stamp} | {at for at in self._doubted.get(name, ()) if at > stamp}

    def _check_run(self, store: MemoryStore, run: int, number: int) -> None:
        for dot_number, (name, stamp) in self._dots.get(run, {}).items():
            if dot_number <= number:
                row = store.image.rows.get(name)
                if row is None or row.stamp < stamp:
                    raise Violated(f"dot ({run}, {dot_number}) of {name} is covered but not held")


def uncovered(store: MemoryStore) -> list[Key]:
    """Return the rows whose dots their own store does not cover."""
    return [
        name
        for name, row in store.image.rows.items()
        if not covers(store.seen, row.run, row.number)
    ]
