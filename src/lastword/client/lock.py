"""A lock that keeps a second process off a file, on POSIX and on Windows."""

import os
import sys
from pathlib import Path
from typing import IO

from lastword.errors import FileInUse, FileUnusable

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


class FileLock:
    """A lock on the file at `path`, made beside it; it ends with the process, or by `close`.

    The file that is locked stays: whoever removed it could let two hold it. Raises FileInUse.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._file: IO[bytes] = path.with_name(f"{path.name}-lock").open("ab")
        except OSError as error:
            raise FileUnusable(f"{path} cannot be locked: {error.strerror}") from error
        try:
            _take(self._file)
        except OSError as error:
            self._file.close()
            raise FileInUse(
                f"{path} is open already, here or in another process",
                hint="Close it there, or give each its own file and merge them.",
            ) from error

    def close(self) -> None:
        """Let go; may be called again."""
        self._file.close()


def _take(file: IO[bytes]) -> None:
    if sys.platform == "win32":
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def sync_folder(path: Path) -> None:
    """Let a file's new name reach the disk; Windows has no such call, and needs none."""
    if sys.platform != "win32":
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
