"""One file while it is open: the connection that writes, and what memory knows of its content."""

import os
from pathlib import Path

import apsw

from lastword.errors import CorruptStore
from lastword.store.base import StoreOptions
from lastword.store.ledger import Ledger
from lastword.store.set_cache import SetCache
from lastword.store.sqlite import tables
from lastword.store.sqlite.checkpointer import Checkpointer
from lastword.store.sqlite.file import closing_on_error, connect, open_or_create, reading
from lastword.store.sqlite.unread import frames_unread


class OpenFile:
    """A file with all that stands and falls with it; readers have connections of their own.

    A store holds one at a time. Where another takes its place, everything here is another's.
    """

    def __init__(self, path: Path, options: StoreOptions, known: "OpenFile | None" = None) -> None:
        """Open the file, or make it; `known` is the same file, closed just now under another name.

        Raises ForeignFile, NewerFormat, FileUnusable or CorruptStore.
        """
        self.path = path
        self._handle = -1
        self.page_cache = options.cache_bytes // 16  # of each reader; four times for the writer
        self.cache = SetCache(options.cache_bytes // 2)
        self.writing = open_or_create(path, options.digest_key, cache_bytes=4 * self.page_cache)
        with closing_on_error(self.writing):
            with reading(path):
                self.log_unread = frames_unread(self.writing, path)
            self.ledger: Ledger
            self.numbers: tables.Numbers
            self.ledger, self.numbers = (
                _content(self.writing, path) if known is None else (known.ledger, known.numbers)
            )
            self._copying_back = connect(path)
        self.checkpointer = Checkpointer(self.writing, self._copying_back)

    def reader(self) -> apsw.Connection:
        """Return a connection that only reads; it has file and log open when this returns."""
        connection = connect(self.path, cache_bytes=self.page_cache)
        with closing_on_error(connection):
            connection.execute("PRAGMA query_only = ON")
            connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            # With its first read SQLite opens the log, by a name that may be another's later.
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()
        return connection

    def scrubber(self) -> apsw.Connection:
        """Return a connection that reads by itself, and caches little."""
        connection = connect(self.path)
        connection.execute("PRAGMA query_only = ON; PRAGMA cache_size = 10")
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        return connection

    def forget_cached(self, offset: int, size: int) -> None:
        """Ask the system to read a stretch from the disk next time; it may not be able to.

        What was written and not yet reached the disk stays in its cache, and so does what others
        have mapped. The handle lasts as long as the file: to close it would drop SQLite's locks.
        """
        if hasattr(os, "posix_fadvise"):
            if self._handle < 0:
                self._handle = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            os.posix_fadvise(self._handle, offset, size, os.POSIX_FADV_DONTNEED)

    def checkpoint(self) -> None:
        """Copy the log back, as far as readers let it, so that closing has little to do."""
        with reading(self.path), self.checkpointer.resting():
            self.writing.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)

    def close(self) -> None:
        """Copy the log back, if nobody else reads the file, and let go of it.

        A second call does nothing.
        """
        self.checkpointer.close()
        self._copying_back.close()
        self.writing.close()
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def leave(self) -> None:
        """Let go of the file, and leave it and its log as they are: readers may go on."""
        self.writing.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        self._copying_back.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        self.close()


def _content(connection: apsw.Connection, path: Path) -> tuple[Ledger, tables.Numbers]:
    try:
        return tables.load_ledger(connection), tables.Numbers(connection)
    except tables.UNREADABLE as error:
        raise CorruptStore(f"{path} is damaged: {error}") from error
