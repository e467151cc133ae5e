"""How much room a file takes and has left."""

import shutil
from pathlib import Path
from typing import Final, NamedTuple

ROOM_BYTES: Final = 16 << 20
"""With so much room a disk is not full any more: the next write finds that out for certain."""


class Room(NamedTuple):
    """Bytes of a file, of the write-ahead log beside it, and free on their disk."""

    file_bytes: int
    log_bytes: int
    free_bytes: int


def room_of(path: Path) -> Room:
    """Return how much room the file at `path` takes, and how much there is for more."""
    log = path.with_name(f"{path.name}-wal")
    return Room(_size(path), _size(log), shutil.disk_usage(path.absolute().parent).free)


def has_room(path: str) -> bool:
    """Return whether there is room again on the disk of the file at `path`."""
    try:
        return shutil.disk_usage(Path(path).absolute().parent).free >= ROOM_BYTES
    except OSError:
        return False


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
