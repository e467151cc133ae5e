"""The header of a file, where that is what is damaged: SQLite opens no file without it.

What it says of its format is the same in all of our files, so it can be put right, in a copy. What
changes (how many pages, which are free) is read as it is. Offsets are those of the file format
(https://www.sqlite.org/fileformat.html, section 1.3).
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from lastword.store.sqlite.file import disk_errors
from lastword.store.sqlite.log import log_of
from lastword.store.sqlite.schema import APPLICATION_ID, FORMAT_VERSION, RESERVED_BYTES

PAGE_BYTES: Final = 4_096

CONSTANT: Final = {
    0: b"SQLite format 3\0",
    16: PAGE_BYTES.to_bytes(2),
    18: bytes([2, 2, RESERVED_BYTES, 64, 32, 32]),
    44: (4).to_bytes(4),
    56: (1).to_bytes(4),
    60: FORMAT_VERSION.to_bytes(4),
    68: APPLICATION_ID.to_bytes(4),
}


GROWN_MAX: Final = 100
"""A file that was cut is filled up with zeros to the length that it says it has, unless that is so
many times what is left that it may be damaged itself."""

RECOGNISED_MIN: Final = 4
"""Of the constant parts so many are enough to take a file for one of ours."""


def is_right(header: bytes) -> bool:
    """Return whether a header is one of our files'."""
    return all(header.startswith(said, at) for at, said in CONSTANT.items())


def may_be_ours(header: bytes) -> bool:
    """Return whether a header may have been one of ours before it was damaged; zeros may."""
    found = sum(header.startswith(said, at) for at, said in CONSTANT.items())
    return found >= RECOGNISED_MIN or not any(header)


@contextmanager
def readable(path: Path) -> Iterator[Path]:
    """Give a file to read: this one, or where its header is damaged a copy with a right one.

    The copy needs as much room, and is removed.
    """
    with disk_errors(path), path.open("rb") as file:
        header = file.read(100)
        size = os.fstat(file.fileno()).st_size
    said_bytes = int.from_bytes(header[28:32]) * PAGE_BYTES
    is_whole = is_right(header) and (size >= said_bytes or said_bytes > size * GROWN_MAX)
    if len(header) < 100 or is_whole:
        yield path
        return
    copy = Path(f"{path}-lastword-rescue")
    try:
        with disk_errors(copy):
            _copy_with_header(path, copy)
            if size < said_bytes <= size * GROWN_MAX:  # SQLite opens none that was cut
                os.truncate(copy, said_bytes)
        yield copy
    finally:
        for name in (copy, log_of(copy)):
            name.unlink(missing_ok=True)


def _copy_with_header(path: Path, copy: Path) -> None:
    shutil.copyfile(path, copy)
    if log_of(path).exists():
        shutil.copyfile(log_of(path), log_of(copy))
    with copy.open("r+b") as file:
        for at, said in CONSTANT.items():
            file.seek(at)
            file.write(said)
