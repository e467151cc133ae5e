"""Opening the file: the lock that keeps other processes off, connections, a new file's making."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import apsw
import apsw.sqlite_extra

from lastword.errors import (
    CorruptStore,
    DiskFailed,
    FileInUse,
    FileUnusable,
    ForeignFile,
    LastwordError,
    NewerFormat,
    StoreError,
)
from lastword.store.sqlite import log, schema

VFS = "cksmvfs"

CACHE_BYTES_MIN = 2_000 << 10
"""Pages that a connection caches at least: SQLite's own default."""


class FileLock:
    """An advisory lock beside the file (`FILE-lock`), held as long as the process has it open.

    It is a file of its own because closing any handle of the database itself would drop the
    locks that SQLite holds on it (https://www.sqlite.org/howtocorrupt.html, section 2.2).
    """

    def __init__(self, path: Path, *, make: bool = True) -> None:
        """Take the lock; raise FileInUse where another process has it.

        Unless `make`, a file that never had a lock is not given one: no node has it open.
        """
        name = Path(f"{path.resolve()}-lock")
        self._fd = -1
        with disk_errors(path):
            if make:
                self._fd = os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            elif name.exists():
                self._fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC)
            else:
                return
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._fd)
            raise FileInUse(f"{path} is in use by another process") from None

    def release(self) -> None:
        """Let go of the lock; a second call does nothing."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def connect(path: Path, *, cache_bytes: int = CACHE_BYTES_MIN) -> apsw.Connection:
    """Return a connection that verifies page checksums and is set up as every one of ours.

    It caches `cache_bytes` of pages, but no fewer than SQLite does by itself.
    """
    _load_checksums()
    with disk_errors(path):
        connection = apsw.Connection(str(path), vfs=VFS)
        connection.set_busy_timeout(10_000)
        connection.execute(schema.SETTINGS).fetchall()  # one that answers would end them
        connection.execute(f"PRAGMA cache_size = -{max(cache_bytes, CACHE_BYTES_MIN) >> 10}")
    return connection


@contextlib.contextmanager
def opened_to_read(path: Path) -> Iterator[apsw.Connection]:
    """Give a connection to a file that no node runs on; no byte of it or beside it changes.

    Raises FileInUse where a node runs on it, and FileUnusable where there is none.
    """
    with disk_errors(path):
        if not has_content(path):
            raise FileUnusable(f"{path} is not there, or empty", hint="Check the path of -d.")
    recognise(path)
    lock = FileLock(path, make=False)
    try:
        with opened_unlocked(path) as connection:
            yield connection
    finally:
        lock.release()


@contextlib.contextmanager
def opened_unlocked(path: Path) -> Iterator[apsw.Connection]:
    """Do as `opened_to_read`, for a caller who sees to it that nobody has the file open."""
    with contextlib.closing(_connect_to_read(path)) as connection, reading(path):
        yield connection


def _connect_to_read(path: Path) -> apsw.Connection:
    """Connect without a shared index beside the file, which SQLite would make and leave there.

    A log with content, as a killed node leaves it, is read as well; then the index is kept in
    memory, which SQLite does for an exclusive connection, and the log is not copied back.
    """
    _load_checksums()
    with disk_errors(path):
        if has_content(log.log_of(path)):
            connection = apsw.Connection(str(path), apsw.SQLITE_OPEN_READWRITE, vfs=VFS)
            connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        else:
            name = f"file:{quote(str(path.absolute()))}?immutable=1"
            flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
            connection = apsw.Connection(name, flags, vfs=VFS)
        with closing_on_error(connection):
            connection.execute("PRAGMA query_only = ON; PRAGMA trusted_schema = OFF")
            _check_checksums(connection, path)
    return connection


def recognise(path: Path) -> None:
    """Refuse a file that is not ours before anything is written, even a lock beside it.

    Raises ForeignFile, or NewerFormat for one of a later version.
    """
    with disk_errors(path):
        if has_content(path):
            _check_header(path)


def has_content(path: Path) -> bool:
    """Return whether a file is there that is not empty."""
    return path.exists() and path.stat().st_size > 0


def open_or_create(
    path: Path, digest_key: bytes, *, cache_bytes: int = CACHE_BYTES_MIN
) -> apsw.Connection:
    """Return the write connection of the file at `path`, which is made if there is none."""
    with disk_errors(path):
        if not has_content(path):
            _create(path, digest_key)
        _load_checksums()
        log.write_again(path, VFS)
    connection = connect(path, cache_bytes=cache_bytes)
    with disk_errors(path), closing_on_error(connection):
        # Asked for its answer: the change is committed with the end of the statement only.
        if connection.execute("PRAGMA journal_mode = WAL").get != "wal":
            raise FileUnusable(f"{path} cannot be given a write-ahead log")
        _check_checksums(connection, path)
    return connection


@contextlib.contextmanager
def closing_on_error(connection: apsw.Connection) -> Iterator[None]:
    """Close `connection` if what follows fails."""
    try:
        yield
    except BaseException:
        connection.close()
        raise


def _create(path: Path, digest_key: bytes) -> None:
    """Make the file under another name, whole, and then give it its own: there is no half file."""
    _refuse_leftovers(path)
    draft = path.with_name(f".{path.name}.lastword-draft")
    for left in (draft, draft.with_name(f"{draft.name}-journal")):
        left.unlink(missing_ok=True)  # of a process that was killed here
    with contextlib.closing(connect(draft)) as connection:
        _make_tables(connection, digest_key)
    draft.replace(path)
    sync_folder(path)


def sync_folder(path: Path) -> None:
    """Let the names in the folder of `path` survive a crash as they are now."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _refuse_leftovers(path: Path) -> None:
    """Refuse to make a file beside another's log: SQLite would play that into the new one."""
    for suffix in ("-wal", "-journal"):
        left = path.with_name(path.name + suffix)
        if left.exists():
            raise FileUnusable(
                f"{left} belongs to a file that is gone",
                hint="Bring the file back, or move its log away too.",
            )


def _make_tables(connection: apsw.Connection, digest_key: bytes) -> None:
    connection.reserve_bytes("main", schema.RESERVED_BYTES)
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    with connection:
        connection.execute(schema.TABLES)
        facts = (("digest_key", digest_key), ("log_end", 0), ("clock_last", 0))
        connection.executemany("INSERT INTO facts VALUES (?, ?)", facts)
        connection.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {schema.FORMAT_VERSION}")


def _check_header(path: Path) -> None:
    """Refuse what is not ours by its header alone, before SQLite may write a byte to it.

    Offsets are those of the file format (https://www.sqlite.org/fileformat.html, section 1.3).
    """
    with path.open("rb") as file:
        header = file.read(100)
    if len(header) < 100 or not header.startswith(b"SQLite format 3\0"):
        raise ForeignFile(f"{path} is not a database")
    if int.from_bytes(header[68:72]) != schema.APPLICATION_ID:
        raise ForeignFile(f"{path} is a database, but not one of lastword")
    version = int.from_bytes(header[60:64])
    if version > schema.FORMAT_VERSION:
        raise NewerFormat(
            f"{path} has format {version}; this version of lastword knows formats up to "
            f"{schema.FORMAT_VERSION}"
        )


def _check_checksums(connection: apsw.Connection, path: Path) -> None:
    if str(connection.pragma("checksum_verification")) != "1":
        raise FileUnusable(f"{path} carries no page checksums, which lastword files have")


def _load_checksums() -> None:
    if VFS not in apsw.vfs_names():
        loader = apsw.Connection(":memory:")
        apsw.sqlite_extra.load(loader, "cksumvfs")
        loader.close()


def failure(error: apsw.Error, path: Path, *, hint: str | None = None) -> StoreError:
    """Return what an error of SQLite's means while the file is open: damage, or a failing disk.

    `hint` is for a failing disk.
    """
    if is_checksum_error(error):
        return CorruptStore(f"{path} is damaged: a page does not match its checksum")
    if isinstance(error, apsw.NotADBError | apsw.CorruptError | apsw.ConstraintError):
        return CorruptStore(f"{path} is damaged: {error}")
    return DiskFailed(f"the disk of {path} failed: {error}", hint=hint)


def is_misshapen(error: BaseException | None) -> bool:
    """Return whether pages that match their checksums do not fit together, or have no sense."""
    return isinstance(error, apsw.CorruptError | apsw.ConstraintError | CorruptStore)


def is_checksum_error(error: apsw.Error) -> bool:
    """Return whether a page does not match its checksum."""
    return getattr(error, "extendedresult", 0) == apsw.SQLITE_IOERR_DATA


@contextlib.contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what SQLite says of a read into an error of ours."""
    try:
        yield
    except apsw.Error as error:
        raise failure(error, path) from error


@contextlib.contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn what the system and SQLite say of a file into an error of ours, in one clear line."""
    try:
        yield
    except LastwordError:
        raise
    except OSError as error:
        raise FileUnusable(f"{path} cannot be used: {error.strerror}") from error
    except (apsw.NotADBError, apsw.CorruptError) as error:
        raise CorruptStore(f"{path} is damaged: {error}") from error
    except apsw.Error as error:
        raise FileUnusable(f"{path} cannot be used: {error}") from error
