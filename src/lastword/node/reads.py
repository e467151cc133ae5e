"""Reads on the event loop: what one turn of the loop reads from the file is one snapshot.

To begin a snapshot for every read would cost more than the read. A snapshot ends with the turn,
and before anyone hears of a commit: whoever was told of a write finds it. Sets that are read often
are answered from memory, as the last commit left them, and are loaded beside the loop.
"""

import asyncio
from collections.abc import Callable, Sequence

from lastword.store.sqlite.store import SqliteStore


class TurnReads:
    """Reads of elements, or of little else, from the event loop's thread.

    `hold` is asked to have a set loaded into memory, soon and elsewhere. `count` is how much was
    looked up, here or by who adds it: elements, and sets as a whole.
    """

    def __init__(
        self,
        store: SqliteStore,
        loop: asyncio.AbstractEventLoop,
        hold: Callable[[bytes], None] = lambda _: None,
    ) -> None:
        self._store = store
        self._loop = loop
        self._hold = hold
        self._begun = False
        self.count = 0

    def begin(self) -> None:
        """Let what is read in this turn of the loop come from one snapshot."""
        if not self._begun:
            self._store.begin_snapshot()
            self._begun = True
            self._loop.call_soon(self.end)

    def end(self) -> None:
        """End the snapshot, if one was begun."""
        if self._begun:
            self._begun = False
            self._store.end_snapshot()

    def contains(self, set_name: bytes, element: bytes) -> bool | None:
        """Return whether an element is present; None where the set has no entries at all."""
        self.count += 1
        held = self._store.cache.elements_of(set_name)
        if held is not None:
            return element in held
        self._miss(set_name, 1)
        return self._store.contains(set_name, element)

    def contains_many(self, set_name: bytes, elements: Sequence[bytes]) -> list[bool]:
        """Return of each of `elements` whether it is present; one statement, or none, for all."""
        self.count += len(elements)
        found = self._store.cache.lookup(set_name, elements)
        if found is not None:
            return found
        self._miss(set_name, len(elements))
        return self._store.contains_each(set_name, elements)

    def _miss(self, set_name: bytes, reads: int) -> None:
        """Read from the file; have the set loaded if that is worth it by now."""
        totals = self._store.totals().get(set_name)
        if totals is not None and self._store.cache.wants(
            set_name, entries=totals.entries, reads=reads
        ):
            self._hold(set_name)
        self.begin()
