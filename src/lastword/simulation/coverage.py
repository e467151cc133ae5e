"""Anytime: stamps never fall, and a vector covers no dot whose write, or more, is missing."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from lastword.crdt.stamp import is_removed
from lastword.replication.vectors import covers
from lastword.simulation.deletes import Deletes
from lastword.simulation.violated import Violated
from lastword.store.ledger import Changes, Key
from lastword.store.memory import MemoryStore


@dataclass(slots=True)
class _Written:
    """The writes that a run took, by ascending dot number."""

    numbers: list[int] = field(default_factory=list)
    writes: list[tuple[Key, int]] = field(default_factory=list)


class Coverage:
    """Every dot that was ever given, and the stamp that it stands for.

    What a store covered before stays covered, since stamps do not fall; so each step looks only
    at the dots that it covers anew, and a run costs O(dots x nodes) in all.
    """

    def __init__(self, deletes: Deletes) -> None:
        self._deletes = deletes
        self._runs: defaultdict[int, _Written] = defaultdict(_Written)
        self._excused: set[Key] = set()

    def check(self, store: MemoryStore, changes: Changes) -> None:
        """Check what a transaction is about to do, and take note of the dots that it gives."""
        run = store.run if changes.own_run is None else changes.own_run.run
        before = changes.before
        for name, row in changes.rows.items():
            held = before[name]
            if held is not None and row.stamp < held.stamp:
                raise Violated(
                    "monotone stamps", f"that of {name} fell from {held.stamp} to {row.stamp}"
                )
            if row.run == run and row.number == row.arrived:
                written = self._runs[run]
                written.numbers.append(row.number)
                written.writes.append((name, row.stamp))
        for other, number in changes.seen.items():
            if other != run:
                self._check_run(store, changes, other, store.seen.get(other, 0), number)

    def note_copy(self, store: MemoryStore, run: int) -> None:
        """Take note of the dots that a copy gave in its run, before it took a store's place."""
        written = self._runs[run]
        own = sorted(
            (row.number, name, row.stamp)
            for name, row in store.image.rows.items()
            if row.run == run
        )
        written.numbers += [number for number, _, _ in own]
        written.writes += [(name, stamp) for _, name, stamp in own]

    def check_all(self, store: MemoryStore) -> None:
        """Check every dot that a store covers, as after a start."""
        nothing = Changes(0, 0)
        for run, number in store.seen.items():
            self._check_run(store, nothing, run, 0, number)

    def excuse(self, names: Iterable[Key]) -> None:
        """Expect no coverage of rows that were lost somewhere without a trace.

        Whoever walks that node's log believes its vector; comparisons have to mend them all.
        """
        self._excused.update(names)

    @property
    def excused(self) -> set[Key]:
        """The rows that were lost somewhere without a trace: a copy may lack them for ever."""
        return self._excused

    def forget(self, lost: Iterable[Changes], run: int) -> None:
        """Take back the dots that a crash took back before anyone heard of them."""
        numbers = [
            row.number for changes in lost for row in changes.rows.values() if row.run == run
        ]
        if numbers and run in self._runs:
            written = self._runs[run]
            end = bisect_right(written.numbers, min(numbers) - 1)
            del written.numbers[end:], written.writes[end:]

    def _check_run(
        self, store: MemoryStore, changes: Changes, run: int, after: int, number: int
    ) -> None:
        written = self._runs.get(run)
        if written is None:
            return
        first = bisect_right(written.numbers, after)
        for name, stamp in written.writes[first : bisect_right(written.numbers, number)]:
            row = changes.rows.get(name) or store.image.rows.get(name)
            is_absent = row is None or is_removed(row.stamp)
            if is_absent and self._deletes.stand_for(name, stamp):
                continue
            if (row is None or row.stamp < stamp) and name not in self._excused:
                raise Violated("coverage", f"a dot of {name} in run {run} is covered, not held")


def uncovered(store: MemoryStore) -> list[Key]:
    """Return the rows whose dots their own store does not cover. O(rows)."""
    seen = store.seen
    return [
        name for name, row in store.image.rows.items() if not covers(seen, row.run, row.number)
    ]
