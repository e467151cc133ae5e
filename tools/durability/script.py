"""A short script of all that a store does with its disk, and what must hold after it.

Every operation that succeeded is noted before the next one begins, in a file that is not on the
disk that fails.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from random import Random

from lastword.errors import LastwordError
from lastword.replication.entries import NO_CURSOR, Entry, Page
from lastword.store.base import StoreOptions
from lastword.store.operations import Write
from lastword.store.sqlite.backup import back_up
from lastword.store.sqlite.store import SqliteStore
from lastword.wall import wall_us
from tools.disk.vfs import Disk

SET = b"set"
LARGE = b"x" * 30_000
"""An element that takes eight pages, so that a write of it is torn in many places."""

_SOURCE = Entry(b"theirs", b"x", 2, run=7, number=1)


class Play:
    """Plays the script on a store at `path`; notes go to `noted`."""

    def __init__(self, disk: Disk, path: Path, noted: Path) -> None:
        self._disk = disk
        self._path = path
        self._fd = os.open(noted, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._store: SqliteStore | None = None
        self._numbers = count()

    def run(self) -> None:
        """Do it all; what fails with an error of ours is left out, as a node would go on."""
        for step in self._steps():
            with suppress(LastwordError):
                step()

    def add(self, element: bytes) -> None:
        """Add, and note it; note a fault where nothing may be acknowledged any more."""
        self._write(element, adds=True)

    def end(self) -> None:
        """Close the store in order, as a node that is stopped."""
        if self._store is not None:
            self._store.close()
            self._store = None

    def _steps(self) -> Iterator[Callable[[], None]]:
        yield self.open
        yield from self._writes(4)
        yield lambda: self.add(b"%d" % next(self._numbers) + LARGE)
        yield lambda: self._write(b"0", adds=False)
        yield self._checkpoint
        yield from self._writes(2)
        yield self._back_up
        yield self._take_over
        yield from self._writes(2)
        yield self._checkpoint
        yield from self._writes(3)
        yield self._reopen
        yield from self._writes(2)

    def _writes(self, number: int) -> Iterator[Callable[[], None]]:
        for _ in range(number):
            yield lambda: self.add(b"%d" % next(self._numbers))

    def open(self) -> None:
        """Open the store."""
        self._disk.failed.clear()
        self._store = opened(self._path)

    def _reopen(self) -> None:
        self.end()
        self.open()

    def _checkpoint(self) -> None:
        if self._store is not None:
            self._store.file.checkpointer.copy_most()

    def _back_up(self) -> None:
        if self._store is not None:
            back_up(self._store, lambda _done, _of: None).close()

    def _take_over(self) -> None:
        """Let a copy of another node take the place of the file."""
        store = self._store
        if store is not None:
            copy = store.begin_copy()
            page = Page(7, copy.run, NO_CURSOR, 1, 1, (_SOURCE,), seen={7: 1})
            copy.apply(page, "source:1")
            store.take_over({}, 0, 0)

    def _write(self, element: bytes, *, adds: bool) -> None:
        if self._store is None:
            return
        failed = {
            name for name in self._disk.failed if name.removesuffix("-wal") == str(self._path)
        }
        self._note(b"?", element)
        write = Write(SET, add=(element,)) if adds else Write(SET, remove=(element,))
        self._store.execute(write)
        self._note(b"+" if adds else b"-", element)
        if failed:
            self._note(b"!", b"acknowledged after a failed sync: " + element[:20])

    def _note(self, kind: bytes, text: bytes) -> None:
        os.write(self._fd, kind + text + b"\n")


def opened(path: Path) -> SqliteStore:
    """Open a store, as every start of a node does."""
    return SqliteStore(path, StoreOptions(wall_us, lambda: Random().getrandbits(63)))


def examine(path: Path, noted: Path) -> list[str]:
    """Return what is wrong with the store of a script that ended, by its notes."""
    lines = noted.read_bytes().splitlines()
    wrong = [line[1:].decode() for line in lines if line.startswith(b"!")]
    last = {line[1:]: line[:1] for line in lines if not line.startswith(b"!")}
    store = opened(path)
    try:
        store.check()
        for element, kind in last.items():
            in_doubt = kind == b"?"  # asked for and not acknowledged: it may be there or not
            if not in_doubt and store.contains(SET, element) is not (kind == b"+"):
                wrong.append(f"lost: {kind.decode()} {element[:20]!r}")
        held = {element for element, _ in members(store)}
        wrong += [f"unexpected: {element[:20]!r}" for element in held - last.keys()]
    finally:
        store.close()
    return wrong


def members(store: SqliteStore) -> Iterator[tuple[bytes, int]]:
    """Yield the elements of the script's set with their stamps."""
    for (name, key), row in store.all_rows():
        if name == SET:
            yield key[8:], row.stamp
