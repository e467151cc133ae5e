"""The write-ahead log that a process left behind, made certain before anything rests on it.

Where a sync failed, the system reads what was written on from memory, may never write it to the
disk, and says so once, to a process that may be gone (Rebello et al., "Can Applications Recover
from fsync Failures?", ATC 2020). A log that reads well can so have a hole on the disk, and all
that is written behind it would be lost with the power. Written again, it is synced for certain.
"""

from pathlib import Path
from typing import Final

import apsw

CHUNK_BYTES: Final = 64 << 10
"""Written at once: SQLite's largest page, and its file layer takes no more than twice that. A log
is as a rule of 32 MiB at most, and takes some tenths of a second."""


def log_of(path: Path) -> Path:
    """Return the name of the log of a file."""
    return path.with_name(f"{path.name}-wal")


def write_again(path: Path, vfs: str) -> None:
    """Write the log of a file that nobody has open once more, as it is, and sync it.

    A crash on the way harms nothing: what is written is what was there. Raises apsw.Error.
    """
    name = log_of(path)
    if not name.exists():
        return
    log = apsw.VFSFile(vfs, str(name), [apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_READWRITE, 0])
    try:
        size = log.xFileSize()
        for offset in range(0, size, CHUNK_BYTES):
            log.xWrite(log.xRead(min(CHUNK_BYTES, size - offset), offset), offset)
        if size:
            log.xSync(apsw.SQLITE_SYNC_FULL)
    finally:
        log.xClose()
