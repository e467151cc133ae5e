"""Frames of a log that SQLite does not read, since one before them does not hold.

A log is read up to its last whole transaction, and up to the first frame whose checksum is not
that of all before it: what follows is taken for what a crash left. It may be damage as well. The
format is https://www.sqlite.org/fileformat2.html, section 4.
"""

import os
from pathlib import Path
from struct import Struct
from typing import Final

import apsw

from lastword.store.sqlite.log import log_of

_HEADER: Final = Struct(">8I")
_FRAME: Final = Struct(">6I")
_MASK: Final = 0xFFFFFFFF
_LITTLE: Final = 0x377F0682
"""The magic number of a log whose checksums are of little-endian words; one more is big-endian."""


def frames_unread(connection: apsw.Connection, path: Path) -> int:
    """Return how many frames behind the last one that is read belong to the log as it is now.

    Frames of an earlier log, which was copied back, have another salt and are not counted. Call it
    when the file was opened, before anything is written.
    """
    log = log_of(path)
    if not log.exists():
        return 0
    connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()
    read, _ = connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_NOOP)
    page_bytes = int(str(connection.pragma("page_size")))
    handle = os.open(log, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return _count(handle, read, _FRAME.size + page_bytes)
    finally:
        os.close(handle)


def _count(handle: int, read: int, frame_bytes: int) -> int:
    frames = (os.fstat(handle).st_size - _HEADER.size) // frame_bytes
    salts = [_salt(handle, index, frame_bytes) for index in range(max(read, 0), frames)]
    if not salts:
        return 0
    header = os.pread(handle, _HEADER.size, 0)
    # A header that does not hold hides the whole log, and its first frame says whose it is.
    own = _HEADER.unpack(header)[4:6] if _is_sound(header) else salts[0]
    return sum(salt == own for salt in salts)


def _salt(handle: int, index: int, frame_bytes: int) -> tuple[int, ...]:
    frame = os.pread(handle, _FRAME.size, _HEADER.size + index * frame_bytes)
    return _FRAME.unpack(frame)[2:4]


def _is_sound(header: bytes) -> bool:
    """Return whether the checksum of a log's header is that of its content."""
    magic, *_, first, second = _HEADER.unpack(header)
    words = Struct("<6I" if magic == _LITTLE else ">6I").unpack(header[:24])
    one = two = 0
    for even, odd in zip(words[::2], words[1::2], strict=True):
        one = (one + even + two) & _MASK
        two = (two + odd + one) & _MASK
    return (one, two) == (first, second)
