"""Reads on the event loop: those of one turn of the loop see one snapshot of the file.

To begin a snapshot for every read would cost more than the read. A snapshot ends with the turn,
and before anyone hears of a commit: whoever was told of a write finds it.
"""

import asyncio

from lastword.store.sqlite.store import SqliteStore


class TurnReads:
    """Reads of one element, or of little, from the event loop's thread."""

    def __init__(self, store: SqliteStore, loop: asyncio.AbstractEventLoop) -> None:
        self._store = store
        self._loop = loop
        self._begun = False

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
        self.begin()
        return self._store.contains(set_name, element)
