"""Which acknowledged writes are visible where, and how long each took to get there."""

from array import array
from collections import defaultdict
from collections.abc import Mapping, Sequence

from lastword.store.ledger import Changes, Key, Row

_HOLDS = 1
_HELD_ONCE = 2


class _Tracked:
    """A write, and of each node whether it holds it, or something greater, or ever did."""

    __slots__ = ("at_us", "nodes", "stamp")

    def __init__(self, stamp: int, at_us: int, nodes: int) -> None:
        self.stamp = stamp
        self.at_us = at_us
        self.nodes = bytearray(nodes)


class Visibility:
    """Every acknowledged write at every node. `missing` counts the pairs that are not there yet.

    `delays_us` has an entry for each write and each other node that came to hold it.
    """

    def __init__(self) -> None:
        self.pairs = 0
        self.missing = 0
        self.complete_us = 0
        self.delays_us = array("q")
        self._writes: defaultdict[Key, list[_Tracked]] = defaultdict(list)

    def note(
        self, name: Key, stamp: int, now_us: int, source: int, held: Sequence[Mapping[Key, Row]]
    ) -> None:
        """Follow a write from now on, unless it is followed; `held` is what each node holds."""
        if any(write.stamp == stamp for write in self._writes[name]):
            return
        write = _Tracked(stamp, now_us, len(held))
        self._writes[name].append(write)
        self.pairs += len(held)
        for node, rows in enumerate(held):
            row = rows.get(name)
            if row is not None and row.stamp >= stamp:
                write.nodes[node] = _HOLDS | _HELD_ONCE
                if node != source:
                    self.delays_us.append(0)
            else:
                self.missing += 1

    def absorbed(self, node: int, changes: Changes, now_us: int) -> None:
        """Take note of what a transaction brought to a node."""
        writes = self._writes
        for name, row in changes.rows.items():
            if name in writes:
                for write in writes[name]:
                    if write.stamp <= row.stamp and not write.nodes[node] & _HOLDS:
                        self._gained(write, node, now_us)

    def crashed(self, node: int, rows: Mapping[Key, Row]) -> None:
        """Look at a whole node again, whose disk kept no more than `rows`. O(writes)."""
        for name, writes in self._writes.items():
            row = rows.get(name)
            stamp = -1 if row is None else row.stamp
            for write in writes:
                if write.stamp > stamp and write.nodes[node] & _HOLDS:
                    write.nodes[node] = _HELD_ONCE
                    self.missing += 1

    def drop(self, name: Key, above: int) -> None:
        """Follow the writes of an element above a stamp no more: no disk holds them."""
        left = []
        for write in self._writes.get(name, ()):
            if write.stamp <= above:
                left.append(write)
                continue
            self.pairs -= len(write.nodes)
            for state in write.nodes:
                if not state & _HOLDS:
                    self.missing -= 1
        self._writes[name] = left

    def _gained(self, write: _Tracked, node: int, now_us: int) -> None:
        if not write.nodes[node] & _HELD_ONCE:
            self.delays_us.append(now_us - write.at_us)
        write.nodes[node] = _HOLDS | _HELD_ONCE
        self.missing -= 1
        if not self.missing:
            self.complete_us = now_us
