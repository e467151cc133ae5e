"""What was written to a file and not synced yet, sector by sector, noted before it is written.

A note is a kind, where the whole sectors begin that are written, how long the file was, and what
stood there. Notes are appended; one that a kill cut short is of a write that was not begun.
"""

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

SECTOR_BYTES: Final = 512
"""What a disk writes whole at least."""

_HEAD: Final = struct.Struct("<BQQI")


class Kind(IntEnum):
    """What is noted."""

    WRITE = 1
    SYNCED = 2
    LOST = 3  # a sync failed, and nobody will write again what it was for


class Note(NamedTuple):
    """One of them; `before` begins at `offset`, and ends early where the file did."""

    kind: Kind
    offset: int
    size: int
    before: bytes


class Notes:
    """The notes on one file, for the process that writes it."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._lossy = any(note.kind is Kind.LOST for note in read_notes(path))

    def before_write(self, offset: int, size: int, before: bytes) -> None:
        """Note what is about to be written over, or cut off; whole sectors."""
        self._append(Kind.WRITE, offset, size, before)

    def synced(self) -> None:
        """Note that all is on disk but what a failed sync lost."""
        if self._lossy:
            self._append(Kind.SYNCED)
        else:
            os.ftruncate(self._fd, 0)

    def lost(self) -> None:
        """Note that what is not on disk now will not be written, though it is read."""
        self._lossy = True
        self._append(Kind.LOST)

    def begin(self) -> None:
        """Forget all: the file is another, which was made just now."""
        self._lossy = False
        os.ftruncate(self._fd, 0)

    def _append(self, kind: Kind, offset: int = 0, size: int = 0, before: bytes = b"") -> None:
        os.write(self._fd, _HEAD.pack(kind, offset, size, len(before)) + before)


def read_notes(path: Path) -> Iterator[Note]:
    """Yield the whole notes of a file, oldest first."""
    content = path.read_bytes()
    at = 0
    while at + _HEAD.size <= len(content):
        kind, offset, size, length = _HEAD.unpack_from(content, at)
        at += _HEAD.size
        if at + length > len(content):
            return
        yield Note(Kind(kind), offset, size, content[at : at + length])
        at += length


@dataclass(slots=True)
class Unsynced:
    """What a power cut may take back of a file.

    `durable` is what the disk has of the sectors that differ from what is read, `size` the length
    that it has. `events` are the sectors that were written since the last sync, in order, each
    with what stood there and how long the file was.
    """

    durable: dict[int, bytes] = field(default_factory=dict)
    size: int | None = None
    events: list[tuple[int, bytes, int]] = field(default_factory=list)


def unsynced(path: Path) -> Unsynced:
    """Return what the notes at `path` come to."""
    found = Unsynced()
    lost: dict[int, bytes] = {}
    for note in read_notes(path):
        if note.kind is Kind.WRITE:
            found.events += _sectors(note)
            continue
        if note.kind is Kind.SYNCED:
            for sector, _, _ in found.events:
                lost.pop(sector, None)
            found.size = None
        elif found.events:
            for sector, before, _ in found.events:
                lost.setdefault(sector, before)
            found.size = found.events[0][2] if found.size is None else found.size
        found.events.clear()
    for sector, before, _ in found.events:
        found.durable.setdefault(sector, before)
    found.durable |= lost
    if found.size is None and found.events:
        found.size = found.events[0][2]
    return found


def _sectors(note: Note) -> Iterator[tuple[int, bytes, int]]:
    for at in range(0, max(len(note.before), 1), SECTOR_BYTES):
        sector = (note.offset + at) // SECTOR_BYTES
        yield sector, note.before[at : at + SECTOR_BYTES].ljust(SECTOR_BYTES, b"\0"), note.size


def take_back(path: Path, held: Unsynced, rng: Random | None) -> None:
    """Make the file what a power cut leaves of it: nothing unsynced without `rng`, else a part.

    A part is, as often, all writes up to one that is torn, or any sectors at any of their states.
    """
    if held.size is None and not held.durable:
        return
    now = path.stat().st_size
    size = now if held.size is None else held.size
    chosen = dict(held.durable)
    if rng is not None and held.events:
        kept = _prefix(held, rng) if rng.random() < 0.5 else _mixture(held, rng)
        with path.open("rb") as file:
            for sector, state in kept.items():
                if sector * SECTOR_BYTES < now:  # else it was cut off, which is chosen below
                    chosen[sector] = _read(file.fileno(), sector) if state is None else state
                    size = max(size, min((sector + 1) * SECTOR_BYTES, now))
        if now < size and rng.random() < 0.5:
            size = now
    with path.open("r+b") as file:
        for sector, content in chosen.items():
            os.pwrite(file.fileno(), content, sector * SECTOR_BYTES)
        file.truncate(size)


def _read(fd: int, sector: int) -> bytes:
    return os.pread(fd, SECTOR_BYTES, sector * SECTOR_BYTES).ljust(SECTOR_BYTES, b"\0")


def _prefix(held: Unsynced, rng: Random) -> dict[int, bytes | None]:
    """Choose the sectors that were written before one moment; None is as they are now."""
    written = rng.randrange(len(held.events) + 1)
    later: dict[int, bytes] = {}
    for sector, before, _ in held.events[written:]:
        later.setdefault(sector, before)
    return {sector: later.get(sector) for sector, _, _ in held.events[:written]}


def _mixture(held: Unsynced, rng: Random) -> dict[int, bytes | None]:
    """Choose for each sector one of the states that it had since the sync; None is the last."""
    states: dict[int, list[bytes | None]] = {}
    for sector, before, _ in held.events:
        states.setdefault(sector, [])
        states[sector].append(before)
    share = rng.random()
    chosen = {}
    for sector, older in states.items():
        if rng.random() < share:
            chosen[sector] = rng.choice([*older[1:], None])
    return chosen
