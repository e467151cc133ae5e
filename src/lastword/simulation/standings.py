"""Anytime: no node is behind another but one whose disk was lost, or that had not joined yet.

A node that is away holds collection back, since it is listed; so neither a crash nor a cut puts it
behind. It is judged by vectors alone, not by what nodes believe.
"""

from collections.abc import Sequence

from lastword.replication.vectors import Vector, covers_all
from lastword.simulation.violated import Violated
from lastword.store.ledger import Changes
from lastword.store.memory import MemoryStore

CHECK = "never behind"


class Standings:
    """What each node covers, and what each has ever collected.

    `excused` are nodes that may be behind: they hold another disk, or another node's copy.
    """

    def __init__(self, addresses: Sequence[str]) -> None:
        self._addresses = addresses
        self._stores: dict[int, MemoryStore] = {}
        self._seen: dict[int, Vector] = {}
        self._collected: dict[int, dict[int, int]] = {}
        self._excused: set[int] = set()

    def opened(self, node: int, store: MemoryStore) -> None:
        """Take note of the store that a node holds from now on."""
        self._stores[node] = store
        self._seen[node] = store.seen
        self._note(node, store.collected)

    def excuse(self, node: int) -> None:
        """Let a node be behind from now on: its disk was lost."""
        self._excused.add(node)

    def begins_copy(self, node: int) -> None:
        """Check that a node that begins to copy another is behind one."""
        others = (at for other, at in self._collected.items() if other != node)
        if all(covers_all(self._seen[node], collected) for collected in others):
            raise Violated(CHECK, f"node {node} begins afresh, and is behind nobody")
        self.excuse(node)

    def check(self, node: int, changes: Changes) -> None:
        """Check what a transaction is about to collect: whoever is listed everywhere covers it."""
        if not changes.collected:
            return
        self._note(node, changes.collected)
        for other, seen in self._seen.items():
            if other in {node, *self._excused} or covers_all(seen, changes.collected):
                continue
            if self._is_listed(other):
                raise Violated(CHECK, f"node {node} collected what node {other} does not cover")

    def collected(self, node: int) -> Vector:
        """Return all that a node ever collected."""
        return self._collected.get(node, {})

    def _note(self, node: int, collected: Vector) -> None:
        held = self._collected.setdefault(node, {})
        for run, number in collected.items():
            held[run] = max(number, held.get(run, 0))

    def _is_listed(self, node: int) -> bool:
        address = self._addresses[node]
        return all(address in store.members() for store in self._stores.values())
