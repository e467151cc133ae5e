"""Watchers that have taken all there is, found by what they wait for.

They cost nothing while other sets change: one that is called goes on with the piece that it is
called for, since nothing before that was for it.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Generic, TypeVar

from lastword.node.feed import Selection

V = TypeVar("V")
W = TypeVar("W")


class Parking(Generic[W]):
    """Who waits, since when, and for which sets.

    Who waits is found by the names of sets, and by as many beginnings of them as differ in length:
    not by asking everyone.
    """

    def __init__(self) -> None:
        self._since: dict[W, tuple[float, Selection]] = {}  # who waits longest comes first
        self._of_set: dict[bytes, dict[W, None]] = {}
        self._of_prefix: dict[bytes, dict[W, Selection]] = {}
        self._lengths: Counter[int] = Counter()

    def __len__(self) -> int:
        return len(self._since)

    def put(self, watcher: W, selection: Selection, now_s: float) -> None:
        """Let a watcher wait."""
        self._since[watcher] = (now_s, selection)
        if selection.set_name is not None:
            self._of_set.setdefault(selection.set_name, {})[watcher] = None
        else:
            self._of_prefix.setdefault(selection.prefix, {})[watcher] = selection
            self._lengths[len(selection.prefix)] += 1

    def take(self, watcher: W) -> None:
        """Let a watcher wait no longer, if it did."""
        held = self._since.pop(watcher, None)
        if held is None:
            return
        selection = held[1]
        if selection.set_name is not None:
            _take_out(self._of_set, selection.set_name, watcher)
        else:
            _take_out(self._of_prefix, selection.prefix, watcher)
            length = len(selection.prefix)
            self._lengths[length] -= 1
            if not self._lengths[length]:
                del self._lengths[length]

    def waiting_for(self, sets: frozenset[bytes]) -> list[W]:
        """Return who waits for one of `sets`, each once."""
        found: dict[W, None] = {}
        for name in sets:
            found.update(self._of_set.get(name, {}))
            for length in self._lengths:
                if length <= len(name):
                    group = self._of_prefix.get(name[:length], {})
                    found.update((at, None) for at, wanted in group.items() if wanted.wants(name))
        return list(found)

    def since(self, until_s: float) -> list[W]:
        """Return who has waited since `until_s` or before."""
        return list(self._waited(until_s))

    def all(self) -> list[W]:
        """Return who waits."""
        return list(self._since)

    def _waited(self, until_s: float) -> Iterator[W]:
        for watcher, (since_s, _) in self._since.items():
            if since_s > until_s:
                return
            yield watcher


def _take_out(groups: dict[bytes, dict[W, V]], name: bytes, watcher: W) -> None:
    group = groups[name]
    del group[watcher]
    if not group:
        del groups[name]
