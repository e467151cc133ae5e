"""Stores for tests of every room: of both kinds, on a wall moved by hand, checked at the end."""

import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Generic, TypeVar

import apsw
from msgspec import Struct

from lastword.limits import PAGE_ROWS_MAX
from lastword.replication.entries import NO_CURSOR, Cursor, Entry, Page
from lastword.replication.hashing import DIGEST_KEY_DEFAULT, element_of
from lastword.replication.vectors import Vector
from lastword.store.base import BaseStore, StoreOptions
from lastword.store.buckets import BUCKETED_ENTRIES
from lastword.store.ledger import Row
from lastword.store.memory import MemoryImage, MemoryStore
from lastword.store.operations import Write
from lastword.store.sqlite.file import VFS, connect
from lastword.store.sqlite.store import SqliteStore
from lastword.store.transaction import Transaction
from tests.crdt.walls import HandWall

START_US = 1_700_000_000_000_000
SECOND_US = 1_000_000
HOUR_US = 3_600 * SECOND_US

S = b"set"

Store = TypeVar("Store", bound=BaseStore)


class Stores(ABC, Generic[Store]):
    """Opens stores by name, as files are. Every one of them is checked before it is closed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bucketed_entries = BUCKETED_ENTRIES
        self.wall = HandWall(START_US)
        self._rng = Random(0)
        self._open: dict[str, Store] = {}

    def new_run(self) -> int:
        return self._rng.getrandbits(63)

    def options(self, page_rows: int = PAGE_ROWS_MAX) -> StoreOptions:
        return StoreOptions(
            wall=self.wall,
            new_run=self.new_run,
            page_rows=page_rows,
            bucketed_entries=self.bucketed_entries,
        )

    def open(self, name: str = "a", *, page_rows: int = PAGE_ROWS_MAX) -> Store:
        store = self._open[name] = self._opened(name, self.options(page_rows))
        return store

    def close(self, name: str = "a") -> None:
        store = self._open.pop(name)
        try:
            store.check()
        finally:
            store.close()

    def reopen(self, name: str = "a", *, page_rows: int = PAGE_ROWS_MAX) -> Store:
        self.close(name)
        return self.open(name, page_rows=page_rows)

    def copy(self, name: str, twin: str) -> None:
        """Close a store, and copy its file under another name, or over another closed one."""
        self.close(name)
        self._copy(name, twin)

    def snapshot(self, name: str, twin: str) -> None:
        """Copy the file of a store that is open, while nothing is written."""
        self._copy(name, twin)

    def finish(self) -> None:
        for name in list(self._open):
            self.close(name)

    @abstractmethod
    def _opened(self, name: str, options: StoreOptions) -> Store: ...

    @abstractmethod
    def _copy(self, name: str, twin: str) -> None: ...


class MemoryStores(Stores[MemoryStore]):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._images: dict[str, MemoryImage] = {}

    def close(self, name: str = "a") -> None:
        self._images[name] = self._open[name].image  # it may have changed files
        super().close(name)

    def wipe(self, name: str) -> None:
        """Lose the file of a closed store."""
        del self._images[name]

    def _opened(self, name: str, options: StoreOptions) -> MemoryStore:
        image = self._images.setdefault(name, MemoryImage(DIGEST_KEY_DEFAULT))
        return MemoryStore(options, image)

    def _copy(self, name: str, twin: str) -> None:
        held = self._open[name].image if name in self._open else self._images[name]
        self._images[twin] = held.copy()


class SqliteStores(Stores[SqliteStore]):
    def path(self, name: str = "a") -> Path:
        return self.folder / f"{name}.lastword"

    def abandon(self, name: str = "a") -> None:
        """Close a store unchecked: it was damaged on purpose, or is being written."""
        self._open.pop(name).close()

    def restore(self, backup: str, name: str) -> None:
        """Put one closed file in the place of another."""
        for suffix in ("-wal", "-shm"):
            Path(f"{self.path(name)}{suffix}").unlink(missing_ok=True)
        self._copy(backup, name)

    def _opened(self, name: str, options: StoreOptions) -> SqliteStore:
        return SqliteStore(self.path(name), options)

    def _copy(self, name: str, twin: str) -> None:
        for suffix in ("", "-wal"):
            source = Path(f"{self.path(name)}{suffix}")
            if source.exists():
                shutil.copyfile(source, Path(f"{self.path(twin)}{suffix}"))


AnyStores = MemoryStores | SqliteStores


@contextmanager
def in_a_folder(kind: type[Stores[Store]]) -> Iterator[Stores[Store]]:
    """Give stores to one of many examples of one test, for which fixtures are made only once."""
    with TemporaryDirectory() as folder:
        stores = kind(Path(folder))
        yield stores
        stores.finish()


def stamps(store: BaseStore) -> dict[tuple[bytes, bytes], int]:
    return {(name, element_of(key)): row.stamp for (name, key), row in store.all_rows()}


def row_of(store: BaseStore, set_name: bytes, element: bytes) -> Row:
    """Return the one row of an element, however it was found."""
    (row,) = [
        row
        for (name, key), row in store.all_rows()
        if name == set_name and element_of(key) == element
    ]
    return row


def covers_its_rows(store: BaseStore) -> bool:
    return all(store.seen.get(row.run, 0) >= row.number for _, row in store.all_rows())


def next_page(taker: BaseStore, giver: BaseStore, peer: str) -> Page:
    return giver.page(
        taker.cursor(peer),
        for_run=taker.run,
        seen=dict(taker.seen),
        vouched=dict(giver.seen),
    )


def walk(taker: BaseStore, giver: BaseStore, peer: str = "giver:1") -> list[Page]:
    """Bring `taker` up to date from `giver`, and return the pages that it took."""
    pages = []
    while True:
        page = next_page(taker, giver, peer)
        applied = taker.apply(page, peer)
        assert applied is not None
        pages.append(page)
        if applied.finished:
            return pages


def sent(pages: Iterable[Page]) -> list[bytes]:
    return [entry.element for page in pages for entry in page.entries]


def made_up(
    store: BaseStore,
    *entries: Entry,
    seen: Vector | None = None,
    run: int = 9,
    cursor: Cursor = NO_CURSOR,
    end: int | None = None,
) -> Page:
    """Return a page of a node that is not there, made for `store`."""
    reached = cursor.number + len(entries)
    return Page(
        run=run,
        for_run=store.run,
        cursor=cursor,
        reached=reached,
        head=reached if end is None else end,
        entries=entries,
        seen=seen,
    )


def add(store: BaseStore, *elements: bytes, time: int | None = None) -> int:
    return store.execute(Write(S, add=elements, time=time))


def remove(store: BaseStore, *elements: bytes, time: int | None = None) -> int:
    return store.execute(Write(S, remove=elements, time=time))


class NoteCollected(Struct, frozen=True):
    """Note of a set that a tombstone of `time` was collected there, and do nothing else."""

    set_name: bytes
    time: int

    def touches(self) -> tuple[()]:
        return ()

    def run(self, transaction: Transaction) -> None:
        transaction.raise_collected_time(self.set_name, self.time)


def numbered(count: int, prefix: bytes = b"e") -> list[bytes]:
    return [b"%s%d" % (prefix, index) for index in range(count)]


def add_each(store: BaseStore, count: int, prefix: bytes = b"e") -> list[bytes]:
    elements = numbered(count, prefix)
    for element in elements:
        add(store, element)
    return elements


def checksummed(path: Path) -> apsw.Connection:
    """Return a connection past all of our own rules, but with the checksums kept right."""
    connect(path).close()  # which loads what keeps them
    return apsw.Connection(str(path), vfs=VFS)
