"""Acknowledged writes: each is held where it was taken, and all of them make the end.

A write that was on no other disk when its own was lost is doubted: it may be there in the end,
since a message may have carried it, or not.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from lastword.crdt.stamp import is_removed
from lastword.simulation.deletes import Deletes
from lastword.simulation.violated import Violated
from lastword.store.ledger import Key, Row
from lastword.store.memory import MemoryImage, MemoryStore

Stamps = dict[Key, int]


class Acknowledged:
    """The greatest stamp of each element that a client was told is held, here and anywhere."""

    def __init__(self, nodes: int, deletes: Deletes) -> None:
        self._deletes = deletes
        self._refused: set[Key] = set()
        self._all: Stamps = {}
        self._own: list[Stamps] = [{} for _ in range(nodes)]
        self._given: defaultdict[Key, list[int]] = defaultdict(list)
        self._doubted: defaultdict[Key, set[int]] = defaultdict(set)

    def note(self, node: int, name: Key, stamp: int) -> None:
        """Take note of a write that a client of `node` was told is done."""
        self._given[name].append(stamp)
        for stamps in (self._all, self._own[node]):
            if stamp > stamps.get(name, -1):
                stamps[name] = stamp

    def check_one(self, node: int, rows: Mapping[Key, Row], name: Key) -> None:
        """Check that `node`, which holds `rows`, holds what it acknowledged of one element."""
        row, stamp = rows.get(name), self._own[node].get(name, 0)
        if (row is None or is_removed(row.stamp)) and self._deletes.stand_for(name, stamp):
            return
        if name in self._refused:
            return
        if row is None or row.stamp < stamp:
            raise Violated("acknowledged is held", f"node {node} took a write of {name}, lost it")

    def check_own(self, node: int, store: MemoryStore) -> None:
        """Check that `node` holds all that it acknowledged, as after a start."""
        for name in self._own[node]:
            self.check_one(node, store.image.rows, name)

    def check_kept(self, node: int, rows: Mapping[Key, Row], before: Mapping[Key, Row]) -> None:
        """Check that `node`, which held `before` and begins afresh, has lost no write by it.

        It holds them, or knows that they were removed, or its operator has them in a file.
        """
        for name, row in before.items():
            held = rows.get(name)
            if (
                (held is None or held.stamp < row.stamp)
                and not self._deletes.stand_for(name, row.stamp)
                and name not in self._refused
            ):
                raise Violated("acknowledged is held", f"node {node} began afresh, lost {name}")

    def check_somewhere(self, images: Sequence[MemoryImage]) -> None:
        """Check that what was acknowledged is on some node, or is known to be no more."""
        for name, stamp in self._all.items():
            held = (image.rows.get(name) for image in images)
            if not (
                any(row is not None and row.stamp >= stamp for row in held)
                or self._deletes.stand_for(name, stamp)
                or self._may_be(name, -1)
            ):
                raise Violated("acknowledged is held", f"{name} is on no node")

    def missing(self, store: MemoryStore, names: Iterable[Key]) -> set[Key]:
        """Return those of `names` of which a store holds less than was acknowledged."""
        rows = store.image.rows
        return {
            name for name in names if name not in rows or rows[name].stamp < self._all.get(name, 0)
        }

    def own(self, node: int) -> Stamps:
        """Return a copy of what `node` acknowledged, as it belongs to a copy of its disk."""
        return dict(self._own[node])

    def excuse(self, node: int, names: Iterable[Key]) -> None:
        """Expect nothing of `node` that it has lost."""
        for name in names:
            self._own[node].pop(name, None)

    def refuse(self, node: int, names: Iterable[Key]) -> None:
        """Note what a copy refused: the operator has it in a file, and it may be nowhere else."""
        for name in names:
            self._refused.add(name)
            self._own[node].pop(name, None)

    def put_back(self, node: int, own: Stamps) -> None:
        """Expect of `node` no more than `own`: its disk is an older one."""
        self._own[node] = own

    def doubt(
        self, lost: Mapping[Key, Row], disks: Sequence[MemoryImage]
    ) -> list[tuple[Key, int]]:
        """Take back what only a lost disk held: return its names, and the stamps that are left.

        `disks` are all that there are now; -1 stands for none.
        """
        doubted = []
        for name, row in lost.items():
            stamp = self._all.get(name, -1)
            if row.stamp < stamp or stamp < 0:
                continue
            left = -1
            for disk in disks:
                held = disk.rows.get(name)
                if held is not None and held.stamp > left:
                    left = held.stamp
                    if left >= stamp:
                        break
            if left < stamp:
                self._doubted[name].update(at for at in self._given[name] if at > left)
                self._all[name] = left
                doubted.append((name, left))
        return doubted

    def check_join(self, store: MemoryStore, ignored: bytes) -> None:
        """Check that a store holds the join of all acknowledged writes, and nothing else.

        `ignored` is a set that clients do not write.
        """
        rows = store.image.rows
        wrong = [
            name
            for name, stamp in self._all.items()
            if name not in rows
            and not self._may_be(name, -1)
            and not self._deletes.stand_for(name, stamp)
        ]
        wrong += [
            name
            for name, row in rows.items()
            if row.stamp != self._all.get(name, -1)
            and name[0] != ignored
            and not self._may_be(name, row.stamp)
            and not (
                is_removed(row.stamp) and self._deletes.stand_for(name, self._all.get(name, 0))
            )
        ]
        if wrong:
            raise Violated("join", f"the end is not that of the acknowledged writes: {wrong[:5]}")

    def _may_be(self, name: Key, stamp: int) -> bool:
        if name in self._refused or self._deletes.may_be_back(name):
            return True
        sure = self._all.get(name, -1)
        return stamp == sure or (stamp > sure and stamp in self._doubted.get(name, ()))
