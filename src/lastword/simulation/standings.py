"""Anytime: a node that was never away is never behind.

Whoever is listed holds collection back, so neither a crash nor a cut puts it behind; and only who
was silent for the lapse is taken out of the list by another node. Behind may be whose disk was
lost, who had not joined yet, or who was taken out. It is judged by vectors and by what was heard,
not by what nodes believe.
"""

from collections.abc import Sequence

from lastword.crdt.stamp import is_removed
from lastword.replication.hashing import element_of
from lastword.replication.vectors import Vector, covers_all
from lastword.simulation.violated import Violated
from lastword.store.ledger import Changes
from lastword.store.memory import MemoryStore
from lastword.store.operations import PEERS_SET

CHECK = "never behind"


class Standings:
    """What each node covers, what each has ever collected, and when each heard which other.

    `excused` are nodes that may be behind: they hold another disk, or another node's copy.
    `lapse_us` is 0 where no node may take out another.
    """

    def __init__(self, addresses: Sequence[str], lapse_us: int = 0) -> None:
        self._addresses = addresses
        self._lapse_us = lapse_us
        self._stores: dict[int, MemoryStore] = {}
        self._seen: dict[int, Vector] = {}
        self._collected: dict[int, dict[int, int]] = {}
        self._excused: set[int] = set()
        self._by_hand: set[int] = set()
        self._heard_us: dict[tuple[int, int], int] = {}

    def opened(self, node: int, store: MemoryStore) -> None:
        """Take note of the store that a node holds from now on."""
        self._stores[node] = store
        self._seen[node] = store.seen
        self._note(node, store.collected)
        for other in range(len(self._addresses)):
            self._heard_us.pop((node, other), None)  # a file may know of an earlier silence only

    def vanished(self, node: int) -> None:
        """Take note that a node is gone for ever."""
        self._stores.pop(node, None)
        self._seen.pop(node, None)

    def excuse(self, node: int) -> None:
        """Let a node be behind from now on: its disk was lost."""
        self._excused.add(node)

    def takes_out(self, node: int) -> None:
        """Take note that a node is about to be taken out of the list by people, or to leave."""
        self._by_hand.add(node)

    def heard(self, node: int, other: int, now_us: int) -> None:
        """Take note that `node` has a message of `other`."""
        self._heard_us[node, other] = now_us

    def begins_copy(self, node: int) -> None:
        """Check that a node that begins to copy another is behind one."""
        others = (at for other, at in self._collected.items() if other != node)
        if all(covers_all(self._seen[node], collected) for collected in others):
            raise Violated(CHECK, f"node {node} begins afresh, and is behind nobody")
        self.excuse(node)

    def check(self, node: int, store: MemoryStore, changes: Changes, now_us: int) -> None:
        """Check what a transaction is about to collect: whoever is listed everywhere covers it."""
        self._check_lapses(node, store, changes, now_us)
        if not changes.collected:
            return
        collected = self._collected_first(node, changes.collected)
        self._note(node, changes.collected)
        for other, seen in self._seen.items():
            if other in {node, *self._excused} or covers_all(seen, collected):
                continue
            if self._is_listed(other):
                raise Violated(CHECK, f"node {node} collected what node {other} does not cover")

    def collected(self, node: int) -> Vector:
        """Return all that a node ever collected."""
        return self._collected.get(node, {})

    def _check_lapses(self, node: int, store: MemoryStore, changes: Changes, now_us: int) -> None:
        """Check that whom a node takes out was silent for the lapse, or is taken out by people."""
        for name, row in changes.rows.items():
            if name[0] != PEERS_SET or not is_removed(row.stamp) or row.run != store.run:
                continue
            before = changes.before[name]
            if row.number != row.arrived or (before and before.stamp == row.stamp):
                continue  # another's removal, or a new dot for one
            gone = self._addresses.index(element_of(name[1]).decode())
            heard_us = self._heard_us.get((node, gone), now_us - self._lapse_us)
            is_silent = self._lapse_us and now_us - heard_us >= self._lapse_us
            if gone not in self._by_hand and not is_silent:
                raise Violated(CHECK, f"node {node} took out node {gone}, which it had heard")
            self._by_hand.discard(gone)

    def _collected_first(self, node: int, collected: Vector) -> Vector:
        """Return what no other node had collected: whoever lacks the rest was behind already."""
        others = [held for other, held in self._collected.items() if other != node]
        return {
            run: number
            for run, number in collected.items()
            if all(held.get(run, 0) < number for held in others)
        }

    def _note(self, node: int, collected: Vector) -> None:
        held = self._collected.setdefault(node, {})
        for run, number in collected.items():
            held[run] = max(number, held.get(run, 0))

    def _is_listed(self, node: int) -> bool:
        address = self._addresses[node]
        return all(address in store.members() for store in self._stores.values())
