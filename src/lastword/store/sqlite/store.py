"""The store in one SQLite file in WAL mode: one thread writes, readers have their connections."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar, cast

import apsw

from lastword.errors import CorruptStore, FileUnusable
from lastword.replication.hashing import key_of
from lastword.store.base import BaseStore, LogSlice, StoreOptions
from lastword.store.ledger import Key, Row
from lastword.store.operations import BeginRun
from lastword.store.sqlite import tables
from lastword.store.sqlite.file import (
    FileLock,
    closing_on_error,
    connect,
    open_or_create,
    reading,
)
from lastword.store.sqlite.writer import Done, Writer
from lastword.store.transaction import Operation

T = TypeVar("T")

_STAMP = "SELECT stamp FROM entries WHERE set_id = ? AND key = ?"
_CHUNK = "SELECT key, stamp FROM entries WHERE set_id = ? AND key > ? ORDER BY key LIMIT ?"
_MARKED_AT = "SELECT number FROM marks WHERE wall_us <= ? ORDER BY wall_us DESC LIMIT 1"


class SqliteStore(BaseStore):
    """A store on disk. Its reads may be called from any thread; each has its own connection."""

    def __init__(self, path: Path | str, options: StoreOptions) -> None:
        """Open the file, make it if there is none, and begin a run on it.

        Raises FileInUse, ForeignFile, NewerFormat, FileUnusable or CorruptStore.
        """
        self.path = Path(path)
        self._lock = FileLock(self.path)
        try:
            self._open(options)
        except BaseException:
            self._lock.release()
            raise

    def _open(self, options: StoreOptions) -> None:
        connection = open_or_create(self.path, options.digest_key)
        with closing_on_error(connection):
            try:
                super().__init__(options, tables.load_ledger(connection))
                self._numbers = tables.Numbers(connection)
            except (apsw.Error, KeyError, TypeError) as error:
                raise CorruptStore(f"{self.path} is damaged: {error}") from error
        self._connections: list[apsw.Connection] = [connection]
        self._local = threading.local()
        self._writer = Writer(connection, self._numbers, self.ledger, options)
        self._closed = False
        try:
            self.execute(BeginRun(options.new_run()))
        except BaseException:
            self.close()
            raise

    # -- writes

    def submit(self, operation: Operation[Any], done: Done) -> None:
        """Queue `operation`; `done` is called in the writer's thread when it is on disk."""
        self._writer.submit(operation, done)

    def execute(self, operation: Operation[T]) -> T:
        """Do `operation`, and wait until it is on disk."""
        return self._writer.execute(operation)

    @property
    def commits(self) -> int:
        """How many transactions were committed since the file was opened."""
        return self._writer.commits

    # -- reads

    @property
    def _reader(self) -> apsw.Connection:
        """The reading connection of the calling thread."""
        connection: apsw.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            if self._closed:
                raise FileUnusable(f"{self.path} is closed")
            connection = connect(self.path)
            connection.execute("PRAGMA query_only = ON")
            self._local.connection = connection
            self._connections.append(connection)
        return connection

    def stamp_of(self, set_name: bytes, element: bytes) -> int | None:
        """Return the stamp of an element, or None where none is held."""
        set_id = self._numbers.set_ids.get(set_name)
        key = key_of(set_name, element, self.ledger.digest_key)
        with reading(self.path):
            return cast("int | None", self._reader.execute(_STAMP, (set_id, key)).get)

    def entries(
        self, set_name: bytes, *, after: bytes = b"", limit: int
    ) -> list[tuple[bytes, int]]:
        """Return up to `limit` keys with their stamps, in the order of keys, after key `after`."""
        set_id = self._numbers.set_ids.get(set_name)
        with reading(self.path):
            rows = self._reader.execute(_CHUNK, (set_id, after, limit)).fetchall()
            return cast("list[tuple[bytes, int]]", rows)

    def read_log(self, after: int, limit: int) -> LogSlice:
        """Return up to `limit` rows after log number `after`, from one snapshot."""
        with reading(self.path), self._reader as connection:
            log = tables.read_log(connection, self._numbers, after, limit)
        return log  # noqa: RET504 - inside, mypy takes the connection to swallow exceptions

    def marked_at(self, wall_us: int) -> int:
        """Return the number of the last mark that was set by `wall_us`, or 0."""
        with reading(self.path):
            return cast("int", self._reader.execute(_MARKED_AT, (wall_us,)).get or 0)

    def all_rows(self) -> Iterator[tuple[Key, Row]]:
        """Yield every row, from one snapshot."""
        with reading(self.path):
            yield from tables.all_rows(self._reader, self._numbers)

    # -- upkeep

    def check(self) -> None:
        """Verify the pages, then every invariant, then that memory and file say the same."""
        with reading(self.path):
            problems = self._reader.execute("PRAGMA integrity_check").fetchall()
            kept = tables.load_ledger(self._reader)
        if problems != [("ok",)]:
            raise CorruptStore(f"{self.path}: {problems[0][0]}")
        super().check()
        if kept != self.ledger:
            raise CorruptStore(f"{self.path}: the file says otherwise than memory of its facts")

    def close(self) -> None:
        """Finish what was submitted, and let go of the file; a second call does nothing."""
        if self._closed:
            return
        self._closed = True
        self._writer.close()
        for connection in reversed(self._connections):
            connection.close()
        self._lock.release()
