"""The present elements of sets that are read often, each set whole, in memory.

A set is loaded once it was read so often that its loading had paid, if it fits. Whoever reads it
here finds what the last commit left, since the writer changes it before anyone hears of a commit.
"""

import ctypes
from collections.abc import Collection, Mapping, Sequence
from threading import Lock

from lastword.crdt.stamp import is_removed
from lastword.replication.hashing import element_of
from lastword.store.ledger import Key, Row

READS_TO_LOAD = 20
"""A set is loaded when it was read a twentieth as often as it has entries: to load an entry costs
about a microsecond, and a read from memory saves several."""

RETRY_READS = 100
"""A set that was to be loaded and is not held is tried again after so many reads an entry."""

ELEMENT_BYTES = 100
"""What an element takes beside its own bytes: its object's head, and its places in the table of
a set, which is at most three fifths full and grows by steps."""

SET_BYTES = 1_000
"""What a set takes beside its elements."""

_untrack = ctypes.PYFUNCTYPE(None, ctypes.py_object)(("PyObject_GC_UnTrack", ctypes.pythonapi))
"""https://docs.python.org/3/c-api/gcsupport.html"""


def _untracked_set() -> set[bytes]:
    """Return a set that the collector of cycles passes over: bytes refer to nothing.

    It would look at every element in each full collection, a tenth of a second for a million of
    them, in which nothing else runs.
    """
    elements: set[bytes] = set()
    _untrack(elements)
    return elements


class HeldSet:
    """One set in memory. While it is `loading`, what commits change is put aside for its end."""

    __slots__ = ("elements", "loading", "missed", "reads", "size")

    def __init__(self) -> None:
        self.elements = _untracked_set()
        self.size = SET_BYTES
        self.reads = 0
        self.loading = True
        self.missed: list[tuple[bytes, int]] = []

    def add(self, elements: Collection[bytes]) -> None:
        """Take in elements from the file, each for the first time."""
        self.elements.update(elements)
        self.size += len(elements) * ELEMENT_BYTES + sum(map(len, elements))

    def change(self, element: bytes, stamp: int) -> None:
        """Take over what a commit did to an element."""
        if self.loading:
            self.missed.append((element, stamp))
        elif is_removed(stamp):
            if element in self.elements:
                self.elements.remove(element)
                self.size -= ELEMENT_BYTES + len(element)
        elif element not in self.elements:
            self.elements.add(element)
            self.size += ELEMENT_BYTES + len(element)

    def finish(self) -> None:
        """Catch up with the commits since the loading began."""
        self.loading = False
        for element, stamp in self.missed:
            self.change(element, stamp)
        self.missed = []


class SetCache:
    """Sets in memory, up to about `bytes_max` in all.

    Any thread may ask `elements_of` and `wants`. The others are called while no commit is
    absorbed: by the writer, or by whoever keeps it from committing.
    """

    def __init__(self, bytes_max: int) -> None:
        self.bytes_max = bytes_max
        self._sets: dict[bytes, HeldSet] = {}
        self.size = 0  # of those that are loaded, in bytes
        self._misses: dict[bytes, int] = {}
        self._counting = Lock()
        self._absorbing = Lock()

    def __len__(self) -> int:
        return len(self._sets)

    def __contains__(self, set_name: object) -> bool:
        return set_name in self._sets

    def lookup(self, set_name: bytes, elements: Sequence[bytes]) -> list[bool] | None:
        """Return of each of `elements` whether it is present, between two commits; or None."""
        held = self.elements_of(set_name)
        if held is None:
            return None
        with self._absorbing:
            return [element in held for element in elements]

    def elements_of(self, set_name: bytes) -> set[bytes] | None:
        """Return the elements of a set that is held, not to be changed; None for any other."""
        held = self._sets.get(set_name)
        if held is None or held.loading:
            return None
        held.reads += 1
        return held.elements

    def wants(self, set_name: bytes, *, entries: int, reads: int = 1) -> bool:
        """Count reads of a set that is not held; tell whether it should be loaded now."""
        if set_name in self._sets or entries * ELEMENT_BYTES > self.bytes_max:
            return False
        with self._counting:
            misses = self._misses.get(set_name, 0) + reads
            due = misses * READS_TO_LOAD > entries
            # Once is enough, unless it comes to nothing.
            self._misses[set_name] = -RETRY_READS * entries if due else misses
        return due

    def begin(self, set_name: bytes) -> HeldSet:
        """Begin to load a set; what is committed from now on is not missed."""
        held = self._sets[set_name] = HeldSet()
        return held

    def finish(self, set_name: bytes) -> None:
        """Let a set that was loaded be read; others make room for it, the least read first."""
        held = self._sets[set_name]
        held.finish()
        held.reads = READS_TO_LOAD  # it was loaded for its reads, and is not the first to go
        self.size += held.size
        self._make_room()

    def drop(self, set_name: bytes) -> None:
        """Hold a set no longer, or give up loading it."""
        held = self._sets.pop(set_name)
        if not held.loading:
            self.size -= held.size

    def absorb(self, rows: Mapping[Key, Row]) -> None:
        """Take over what a commit changed."""
        sets = self._sets
        if not sets:
            return
        with self._absorbing:
            for (set_name, key), row in rows.items():
                held = sets.get(set_name)
                if held is not None:
                    before = held.size
                    held.change(element_of(key), row.stamp)
                    if not held.loading:
                        self.size += held.size - before
        self._make_room()

    def _make_room(self) -> None:
        """Drop the sets that were read least since this was last done, down to nine tenths."""
        if self.size <= self.bytes_max:
            return
        ready = [(held.reads, name) for name, held in self._sets.items() if not held.loading]
        for _, name in sorted(ready):
            if self.size <= self.bytes_max * 9 // 10:
                break
            self.drop(name)
        for held in self._sets.values():
            held.reads = 0
