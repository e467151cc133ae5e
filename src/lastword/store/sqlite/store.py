"""The store in one SQLite file in WAL mode: one thread writes, readers have their connections."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TypeVar, cast

import apsw

from lastword.errors import CorruptStore, FileUnusable
from lastword.replication.entries import Held
from lastword.replication.hashing import element_of, hasher, key_of
from lastword.store.base import BaseStore, LogSlice, StoreOptions
from lastword.store.ledger import Key, Row
from lastword.store.mend import mend
from lastword.store.operations import BeginRun
from lastword.store.set_cache import HeldSet, SetCache
from lastword.store.sqlite import tables
from lastword.store.sqlite.checkpointer import Checkpointer
from lastword.store.sqlite.file import (
    FileLock,
    closing_on_error,
    connect,
    failure,
    open_or_create,
    reading,
    recognise,
)
from lastword.store.sqlite.verify import verify
from lastword.store.sqlite.writer import Writer
from lastword.store.transaction import Operation

T = TypeVar("T")

HOLD_CHUNK = 1_000
"""Elements that are loaded into memory at once, while others may run."""

_PRESENT = """
SELECT key FROM carray(?) AS wanted CROSS JOIN entries ON set_id = ? AND key = wanted.value
WHERE stamp & 1 = 0
"""
_PRESENT_KEYS = """
SELECT key FROM entries WHERE set_id = ? AND key > ? AND stamp & 1 = 0 ORDER BY key LIMIT ?
"""
_STAMP = "SELECT stamp FROM entries WHERE set_id = ? AND key = ?"
_CHUNK = "SELECT key, stamp FROM entries WHERE set_id = ? AND key > ? ORDER BY key LIMIT ?"
_MARK_AFTER = "SELECT number FROM marks WHERE wall_us > ? ORDER BY wall_us LIMIT 1"


class SqliteStore(BaseStore):
    """A store on disk. Its reads may be called from any thread; each has its own connection."""

    def __init__(self, path: Path | str, options: StoreOptions) -> None:
        """Open the file, make it if there is none, and begin a run on it.

        Raises FileInUse, ForeignFile, NewerFormat, FileUnusable or CorruptStore.
        """
        self.path = Path(path)
        recognise(self.path)
        self._lock = FileLock(self.path)
        try:
            self._open(options)
        except BaseException:
            self._lock.release()
            raise

    def _open(self, options: StoreOptions) -> None:
        self._page_cache = (
            options.cache_bytes // 16
        )  # of each connection; four times for the writer
        self.cache = SetCache(options.cache_bytes // 2)
        connection = open_or_create(
            self.path, options.digest_key, cache_bytes=4 * self._page_cache
        )
        with closing_on_error(connection):
            try:
                super().__init__(options, tables.load_ledger(connection))
                self._numbers = tables.Numbers(connection)
            except tables.UNREADABLE as error:
                raise CorruptStore(f"{self.path} is damaged: {error}") from error
            copying = connect(self.path)
        self._connections: list[apsw.Connection] = [connection, copying]
        self._local = threading.local()
        checkpointer = Checkpointer(connection, copying)
        self.writer = Writer(
            connection,
            checkpointer,
            numbers=self._numbers,
            ledger=self.ledger,
            cache=self.cache,
            options=options,
        )
        self._closed = False
        try:
            mend(self.ledger, options.bucketed_entries, self.recount)
            self.execute(BeginRun(options.new_run()))
        except BaseException:
            self.close()
            raise

    # -- writes; `writer` says how an event loop takes part in them

    def execute(self, operation: Operation[T]) -> T:
        """Do `operation`, and wait until it is on disk."""
        return self.writer.execute(operation)

    @property
    def commits(self) -> int:
        """How many transactions were committed since the file was opened."""
        return self.writer.commits

    # -- reads

    @property
    def _reader(self) -> apsw.Connection:
        """The reading connection of the calling thread."""
        connection: apsw.Connection | None = getattr(self._local, "connection", None)
        if self._closed:
            raise FileUnusable(f"{self.path} is closed")
        if connection is None:
            connection = connect(self.path, cache_bytes=self._page_cache)
            connection.execute("PRAGMA query_only = ON")
            self._local.connection = connection
            self._connections.append(connection)
        return connection

    def stamp_of(self, set_name: bytes, element: bytes) -> int | None:
        """Return the stamp of an element, or None where none is held."""
        set_id = self._numbers.sets.ids.get(set_name)
        key = key_of(set_name, element, self.ledger.digest_key)
        try:  # not by `reading`, which would add a third to the cost
            return cast("int | None", self._reader.execute(_STAMP, (set_id, key)).get)
        except apsw.Error as error:
            raise failure(error, self.path) from error

    def contains_each(self, set_name: bytes, elements: Sequence[bytes]) -> list[bool]:
        """Return of each of `elements` whether it is present, by one statement."""
        if len(elements) < 2:
            return super().contains_each(set_name, elements)
        keys = tuple(map(hasher(set_name, self.ledger.digest_key).key, elements))
        with reading(self.path):
            wanted = apsw.carray(keys), self._numbers.sets.ids.get(set_name)
            present = {key for (key,) in self._reader.execute(_PRESENT, wanted)}
        return [key in present for key in keys]

    def hold(self, set_name: bytes) -> None:
        """Load a set into `cache`, if it fits; what is written meanwhile is not missed.

        One that is held, or being loaded, stays as it is. O(entries): not for an event loop.
        """
        cache, absorbing = self.cache, self.writer.between_commits
        try:
            with absorbing:
                if set_name in cache:
                    return
                self.begin_snapshot()
                self.mark_after(0)  # a snapshot begins with its first read
                held = cache.begin(set_name)
            try:
                self._load(set_name, held)
            except BaseException:
                with absorbing:
                    cache.drop(set_name)
                raise
        finally:
            self.end_snapshot()
        with absorbing:
            if held.size > cache.bytes_max:
                cache.drop(set_name)
            else:
                cache.finish(set_name)

    def _load(self, set_name: bytes, held: HeldSet) -> None:
        with reading(self.path):
            for elements in self._present(set_name):
                held.add(elements)
                if held.size > self.cache.bytes_max:
                    return

    def _present(self, set_name: bytes) -> Iterator[list[bytes]]:
        """Yield the present elements of a set, some at a time."""
        set_id, after = self._numbers.sets.ids.get(set_name), b""
        while rows := self._reader.execute(_PRESENT_KEYS, (set_id, after, HOLD_CHUNK)).fetchall():
            yield [element_of(cast("bytes", key)) for (key,) in rows]
            after = cast("bytes", rows[-1][0])

    def entries(
        self, set_name: bytes, *, after: bytes = b"", limit: int
    ) -> list[tuple[bytes, int]]:
        """Return up to `limit` keys with their stamps, in the order of keys, after key `after`."""
        set_id = self._numbers.sets.ids.get(set_name)
        with reading(self.path):
            rows = self._reader.execute(_CHUNK, (set_id, after, limit)).fetchall()
            return cast("list[tuple[bytes, int]]", rows)

    def rows_between(
        self, set_name: bytes, low: bytes, high: bytes | None, limit: int
    ) -> list[Held]:
        """Return up to `limit` rows of `low <= key < high`; None is above all keys."""
        with reading(self.path):
            stored = tables.StoredRows(self._reader, self._numbers)
            return list(stored.rows_between(set_name, low, high, limit))

    def read_log(self, after: int, limit: int) -> LogSlice:
        """Return up to `limit` rows after log number `after`, from one snapshot."""
        with reading(self.path), self.snapshot():
            return tables.read_log(self._reader, self._numbers, after, limit)

    def mark_after(self, wall_us: int) -> int | None:
        """Return the number of the first mark that was set after `wall_us`, if there is one."""
        with reading(self.path):
            return cast("int | None", self._reader.execute(_MARK_AFTER, (wall_us,)).get)

    def all_rows(self) -> Iterator[tuple[Key, Row]]:
        """Yield every row, from one snapshot."""
        with reading(self.path):
            yield from tables.all_rows(self._reader, self._numbers)

    def reading(self) -> AbstractContextManager[None]:
        """Let the rows that this thread reads within the block come from one snapshot."""
        return self.snapshot()

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let all reads of the calling thread see one state within the block.

        Within another such block it is that one's.
        """
        if self._reader.in_transaction:
            yield
            return
        self.begin_snapshot()
        try:
            yield
        finally:
            self.end_snapshot()

    def begin_snapshot(self) -> None:
        """Let all reads of the calling thread see one state, until `end_snapshot`.

        It also takes the locks of a read once for all of them, which cost more than the read.
        """
        with reading(self.path):
            self._reader.execute("BEGIN")

    def end_snapshot(self) -> None:
        """Let the reads of the calling thread see each commit again."""
        with reading(self.path):
            if self._reader.in_transaction:  # a failed read may have ended it
                self._reader.execute("COMMIT")

    # -- upkeep

    def check(self) -> None:
        """Verify the pages, then every invariant, then that memory and file say the same.

        Writes may go on meanwhile: what is verified is one snapshot of the file. Commits wait
        for the last comparison only.
        """
        with reading(self.path), self.snapshot():
            found = verify(self._reader, self.path, self.options.bucketed_entries)
        for problem in found.problems:
            raise CorruptStore(problem)
        with reading(self.path), self.writer.between_commits:
            kept = tables.load_ledger(self._reader)
            if kept != self.ledger:
                raise CorruptStore(
                    f"{self.path}: the file says otherwise than memory of its facts"
                )

    def close(self) -> None:
        """Finish what was submitted, and let go of the file; a second call does nothing."""
        if self._closed:
            return
        self._closed = True
        self.writer.close()
        for connection in reversed(self._connections):
            connection.close()
        self._lock.release()
