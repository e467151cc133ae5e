"""The file layer that SQLite is given: the system's, with notes on what is not synced, and faults.

Its own syncs are notes only: the machine below is not going to lose anything.
"""

import os
import signal
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

import apsw

from tools.disk.contents import SECTOR_BYTES, Notes, unsynced
from tools.disk.names import Names
from tools.disk.plan import Call, Course, Outcome, Pages

BELOW: Final = "unix"
NAME: Final = "disk"

_CODES: Final = {
    Call.OPEN: apsw.SQLITE_CANTOPEN,
    Call.READ: apsw.SQLITE_IOERR_READ,
    Call.WRITE: apsw.SQLITE_IOERR_WRITE,
    Call.SYNC: apsw.SQLITE_IOERR_FSYNC,
    Call.TRUNCATE: apsw.SQLITE_IOERR_TRUNCATE,
    Call.REMOVE: apsw.SQLITE_IOERR_DELETE,
}
_SYNCS_FOLDER: Final = (
    apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_SUPER_JOURNAL
)
"""Whose first sync SQLite's own layer lets be one of their folder too, if it may make them."""

_CAN_BE_FULL: Final = frozenset({Call.WRITE})


class Disk(apsw.VFS):
    """All files that SQLite opens, as the default layer; what others are put over it later see it.

    `folder` has the notes and the plan; it is made where it is not there.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.lock = threading.RLock()
        self.names = Names(folder)
        self.course = Course(folder)
        self.failed: set[str] = set()  # names of files whose sync failed
        self._notes: dict[int, Notes] = {}
        super().__init__(NAME, BELOW, makedefault=True)

    def notes(self, inode: int) -> Notes:
        """Return the notes on a file; all who have it open share them."""
        if inode not in self._notes:
            self._notes[inode] = Notes(self.folder / str(inode))
        return self._notes[inode]

    def go(self, call: Call, name: str) -> None:
        """Let a call go on, fail, or be the last."""
        outcome = self.course.outcome(call, name)
        if outcome is Outcome.IS_THE_LAST:
            os.kill(os.getpid(), signal.SIGKILL)
        if outcome is not None:
            is_full = outcome is Outcome.IS_FULL and call in _CAN_BE_FULL
            error = apsw.exception_for(apsw.SQLITE_FULL if is_full else _CODES[call])
            error.args = ("disk I/O error",)
            raise error

    def xOpen(  # noqa: N802 - SQLite's name
        self, name: "str | apsw.URIFilename | None", flags: list[int]
    ) -> apsw.VFSFile:
        """Open a file; one without a name is the system's alone."""
        if name is None:
            return apsw.VFSFile(BELOW, name, flags)
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        with self.lock:
            self.go(Call.OPEN, path)
            is_new = not Path(path).exists()
            if is_new and flags[0] & apsw.SQLITE_OPEN_CREATE:
                self.names.before_creation(path)
            return File(self, name, path, flags, is_new=is_new)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802 - SQLite's
        """Remove a name."""
        with self.lock:
            self.go(Call.REMOVE, filename)
            if Path(filename).exists():
                self.names.before_removal(filename)
            super().xDelete(filename, False)
            if syncdir:
                self.names.synced()


class Connection(apsw.Connection):
    """One that closes in silence, as SQLite does: apsw raises what its files in Python raised."""

    def close(self, force: bool = False) -> None:
        """Close."""
        with suppress(apsw.Error):
            super().close(force)


class File(apsw.VFSFile):
    """One file as one connection has it open."""

    def __init__(
        self,
        disk: Disk,
        name: "str | apsw.URIFilename",
        path: str,
        flags: list[int],
        *,
        is_new: bool,
    ) -> None:
        super().__init__(BELOW, name, flags)
        self._disk = disk
        self._path = path
        self._inode = os.stat(path).st_ino  # noqa: PTH116 - a string is what SQLite gives
        self._notes = disk.notes(self._inode)
        if is_new:
            self._notes.begin()
        may_make = bool(flags[0] & apsw.SQLITE_OPEN_CREATE)
        self._syncs_folder = may_make and bool(flags[0] & _SYNCS_FOLDER)

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802 - SQLite's
        """Read."""
        self._disk.go(Call.READ, self._path)
        return super().xRead(amount, offset)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - SQLite's
        """Write, after what is written over was noted; where it fails, half of it."""
        with self._disk.lock:
            self._note(offset, offset + len(data))
            try:
                self._disk.go(Call.WRITE, self._path)
            except apsw.Error:
                super().xWrite(data[: len(data) // 2], offset)
                raise
            super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802 - SQLite's
        """Cut off, after what is cut off was noted."""
        with self._disk.lock:
            self._disk.go(Call.TRUNCATE, self._path)
            self._note(newsize, max(newsize, self.xFileSize()))
            super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:  # noqa: ARG002, N802 - SQLite's
        """Note that all is on disk; where it fails, what became of it."""
        with self._disk.lock:
            try:
                self._disk.go(Call.SYNC, self._path)
            except apsw.Error:
                self._fail()
                raise
            self._notes.synced()
            if self._syncs_folder:
                self._syncs_folder = False
                self._disk.names.synced()

    def _note(self, begin: int, end: int) -> None:
        begin -= begin % SECTOR_BYTES
        end += -end % SECTOR_BYTES
        size = self.xFileSize()
        length = min(end, size) - begin
        before = super().xRead(length, begin) if length > 0 else b""
        self._notes.before_write(begin, size, before.ljust(end - begin, b"\0"))

    def _fail(self) -> None:
        self._disk.failed.add(self._path)
        pages = self._disk.course.plan.pages
        if pages is Pages.WRITTEN:
            self._notes.synced()
        elif pages is Pages.LOST:
            self._notes.lost()
        else:
            held = unsynced(self._disk.folder / str(self._inode))
            for sector, content in held.durable.items():
                super().xWrite(content, sector * SECTOR_BYTES)
            if held.size is not None:
                super().xTruncate(held.size)
            self._notes.synced()
