"""Watchers that have taken all there is, found by what they wait for.

They cost nothing while other sets change: one that is called goes on with the piece that it is
called for, since nothing before that was for it.
"""

from collections.abc import Iterator
from typing import Generic, TypeVar

from lastword.node.feed import Selection

W = TypeVar("W")


class Parking(Generic[W]):
    """Who waits, since when, and for which sets."""

    def __init__(self) -> None:
        self._since: dict[W, tuple[float, Selection]] = {}  # who waits longest comes first
        self._of_set: dict[bytes, dict[W, None]] = {}
        self._of_many: dict[Selection, dict[W, None]] = {}

    def __len__(self) -> int:
        return len(self._since)

    def put(self, watcher: W, selection: Selection, now_s: float) -> None:
        """Let a watcher wait."""
        self._since[watcher] = (now_s, selection)
        self._group(selection)[watcher] = None

    def take(self, watcher: W) -> bool:
        """Let a watcher wait no longer; return whether it did."""
        held = self._since.pop(watcher, None)
        if held is None:
            return False
        selection = held[1]
        group = self._group(selection)
        del group[watcher]
        if not group:
            if selection.set_name is None:
                del self._of_many[selection]
            else:
                del self._of_set[selection.set_name]
        return True

    def waiting_for(self, sets: frozenset[bytes]) -> list[W]:
        """Return who waits for one of `sets`."""
        found = [watcher for name in sets for watcher in self._of_set.get(name, ())]
        for selection, group in self._of_many.items():
            if selection.is_in(sets):
                found += group
        return found

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

    def _group(self, selection: Selection) -> dict[W, None]:
        if selection.set_name is None:
            return self._of_many.setdefault(selection, {})
        return self._of_set.setdefault(selection.set_name, {})
