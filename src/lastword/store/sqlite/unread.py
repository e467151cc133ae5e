"""Frames of a log that SQLite does not read, since one before them does not hold.

A log is read up to its last whole transaction, and up to the first frame whose checksum is not
that of all before it: what follows is taken for what a crash left. It may be damage as well. The
format is https://www.sqlite.org/fileformat2.html, section 4.
"""

import os
from pathlib import Path
from struct import Struct
from typing import Final, NamedTuple

import apsw

from lastword.store.sqlite.log import log_of

_HEADER: Final = Struct(">8I")
_FRAME: Final = Struct(">6I")
_MASK: Final = 0xFFFFFFFF
_LITTLE: Final = 0x377F0682
"""The magic number of a log whose checksums are of little-endian words; one more is big-endian."""


class Unread(NamedTuple):
    """Frames behind the last one that is read: how many, and whether a transaction ends in them.

    A crash leaves none that ends. Where one does, the log was damaged; and if it had been copied
    back before, what is read of it now hides newer pages of the file, so that the two together
    are no state that ever was.
    """

    frames: int = 0
    has_commits: bool = False


def frames_unread(connection: apsw.Connection, path: Path) -> Unread:
    """Return which frames behind the last one that is read belong to the log as it is now.

    Frames of an earlier log, which was copied back, have another salt and are not counted. Call it
    when the file was opened, before anything is written.
    """
    log = log_of(path)
    if not log.exists():
        return Unread()
    connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()
    read, _ = connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_NOOP)
    page_bytes = int(str(connection.pragma("page_size")))
    handle = os.open(log, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return _count(handle, read, _FRAME.size + page_bytes)
    finally:
        os.close(handle)


def _count(handle: int, read: int, frame_bytes: int) -> Unread:
    count = (os.fstat(handle).st_size - _HEADER.size) // frame_bytes
    frames = [_frame(handle, index, frame_bytes) for index in range(max(read, 0), count)]
    if not frames:
        return Unread()
    header = os.pread(handle, _HEADER.size, 0)
    # A header that does not hold hides the whole log, and its first frames say whose they are.
    salts = {_HEADER.unpack(header)[4:6]}
    if not _is_sound(header):
        salts |= {frame[2:4] for frame in frames[:2]}
    own = [frame for frame in frames if frame[2:4] in salts]
    return Unread(len(own), any(pages_after for _, pages_after, *_ in own))


def _frame(handle: int, index: int, frame_bytes: int) -> tuple[int, ...]:
    """Return a frame's header: its page, how many pages there are after a commit, two salts."""
    return _FRAME.unpack(os.pread(handle, _FRAME.size, _HEADER.size + index * frame_bytes))


def _is_sound(header: bytes) -> bool:
    """Return whether the checksum of a log's header is that of its content."""
    magic, *_, first, second = _HEADER.unpack(header)
    words = Struct("<6I" if magic == _LITTLE else ">6I").unpack(header[:24])
    one = two = 0
    for even, odd in zip(words[::2], words[1::2], strict=True):
        one = (one + even + two) & _MASK
        two = (two + odd + one) & _MASK
    return (one, two) == (first, second)
