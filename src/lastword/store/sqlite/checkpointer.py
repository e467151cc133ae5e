"""Copies the write-ahead log back into the file, beside the writer instead of within its commits.

A passive checkpoint (https://www.sqlite.org/wal.html#ckpt) keeps nobody from writing, so a little
is always left at its end, and the log is begun anew only when nothing is. So the writer copies
that rest itself, after the next commit: milliseconds instead of tenths of a second.

What a checkpoint cannot copy stays in the log, and nothing is lost; where a reader is in its way,
or the disk is full, it is tried again when the log has grown. Any other failure ends all writing:
of a file whose sync failed nobody knows what it holds.
"""

import threading
from contextlib import AbstractContextManager

import apsw

BEGIN_PAGES = 8_000
"""The log's length, 32 MiB, from which it is copied back. A page that several commits changed is
copied once: with half of it a write into a set of a million costs a third more."""


REST_PAGES = 500
"""What is left to the writer: to copy so much takes it a few milliseconds."""

PASSES_MAX = 5
"""Each copies what was written during the one before; a disk that does not keep up ends it."""


class Checkpointer:
    """A thread with a connection of its own, beside the one that writes."""

    def __init__(self, writing: apsw.Connection, own: apsw.Connection) -> None:
        self._writing = writing
        self._own = own
        self._log_pages = 0
        self.failed: apsw.Error | None = None  # of whatever a checkpoint failed by
        self.rest_is_left = False  # the next `after_commit` copies it
        self._wanted = threading.Event()
        self._closing = False
        self._copying = threading.Lock()
        writing.set_wal_hook(self._note)
        self._thread = threading.Thread(target=self._run, name="lastword-checkpoint", daemon=True)
        self._thread.start()

    def after_commit(self) -> None:
        """Ask for a checkpoint if the log is long; copy the rest if one was done just now."""
        if self.rest_is_left:
            self.rest_is_left = False
            self._checkpoint(self._writing)
        elif self._log_pages >= BEGIN_PAGES:
            self._wanted.set()

    def close(self) -> None:
        """Stop; a second call does nothing."""
        self._closing = True
        self._wanted.set()
        self._thread.join()

    def resting(self) -> AbstractContextManager[object]:
        """Let the thread copy nothing within the block: two at once are refused by SQLite."""
        return self._copying

    def _note(self, _connection: apsw.Connection, _name: str, pages: int) -> int:
        self._log_pages = pages
        return apsw.SQLITE_OK

    def _run(self) -> None:
        while self._wanted.wait():
            self._wanted.clear()
            if self._closing:  # looked at after the clearing, so that no call of `close` is missed
                return
            with self._copying:
                self.copy_most()

    def copy_most(self) -> None:
        """Copy what is there, then what came meanwhile, until that is little."""
        copied = 0
        for _ in range(PASSES_MAX):
            before, copied = copied, self._checkpoint(self._own)
            if copied <= before:  # a reader's snapshot keeps what follows
                return
            if self._log_pages - copied < REST_PAGES:
                break
        self.rest_is_left = True

    def _checkpoint(self, connection: apsw.Connection) -> int:
        """Copy back what may be; return how many pages of the log have been."""
        try:
            _, copied = connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        except (apsw.BusyError, apsw.LockedError, apsw.FullError):
            return 0
        except apsw.Error as error:
            self.failed = error
            return 0
        return copied
