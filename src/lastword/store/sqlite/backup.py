"""Backups: the file as one moment has it, made while the node goes on.

They are made by SQLite's online backup (https://www.sqlite.org/backup.html), of a snapshot:
without one it would begin again with every commit. The snapshot keeps the file's log from being
reset, so the log grows by what is written meanwhile.

A node that is started from a backup begins a run, as every start does. So it is only late, and
what the cluster has since then comes to it; nothing has to be noted in the backup.
"""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import BinaryIO, Final

import apsw

from lastword.errors import DiskFailed
from lastword.store.sqlite import schema
from lastword.store.sqlite.file import connect, disk_errors, recognise
from lastword.store.sqlite.store import SqliteStore

STEP_PAGES: Final = 1_000
"""Copied at once, 4 MiB: after so many it is told how far it is, and may be ended."""

_BEGIN: Final = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE header (content);
"""
"""Of what a crash leaves half nothing is needed. The table, which the backup replaces, lets the
file begin as one with checksums, so that each page is given its own: in a log they have none."""

Told = Callable[[int, int], None]
"""Is told how many pages are copied, and of how many; what it raises ends the backup."""


def back_up(store: SqliteStore, told: Told) -> BinaryIO:
    """Return a copy of the file, open for reading; its name is gone, and its space when closed.

    It is made beside the file, which needs the room. Raises DiskFailed where there is too little,
    ForeignFile where its name is another's. O(pages): not for an event loop.
    """
    path = Path(f"{store.path}-lastword-backup")
    recognise(path)
    _remove(path)
    try:
        with disk_errors(path):
            _copy(store, path, told)
            return path.open("rb")
    finally:
        _remove(path)


def _copy(store: SqliteStore, path: Path, told: Told) -> None:
    with store.snapshot(), closing(connect(path)) as target:
        source = store.begin_reading()
        target.reserve_bytes("main", schema.RESERVED_BYTES)
        target.execute(_BEGIN).fetchall()
        with _room_for(store.path), target.backup("main", source, "main") as backup:
            while not backup.done:
                backup.step(STEP_PAGES)
                told(backup.page_count - backup.remaining, backup.page_count)


@contextmanager
def _room_for(path: Path) -> Iterator[None]:
    try:
        yield
    except apsw.FullError as error:
        raise DiskFailed(
            f"there is no room for the backup beside {path}",
            hint="Make room there for as much as the file takes.",
        ) from error


def _remove(path: Path) -> None:
    for suffix in ("", "-journal", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
