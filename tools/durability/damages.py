"""What is done to a victim's files, each drawn by lot: bits, pages, lengths, whole files."""

import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final, cast

from lastword.store.sqlite.file import connect
from tools.durability.pair import Pair, copy_file

PAGE_BYTES: Final = 4_096
HEADER_BYTES: Final = 100
LOG_HEADER_BYTES: Final = 32
FRAME_HEADER_BYTES: Final = 24
FRAME_BYTES: Final = FRAME_HEADER_BYTES + PAGE_BYTES
"""https://www.sqlite.org/fileformat.html, sections 1.3, 4.1."""

LOGGED: Final = (("logged", 6), ("copied", 2), ("half", 2))
"""The moments with a log, and how often each is taken."""


@dataclass(frozen=True, slots=True)
class Files:
    """The victim's file of a round, and those that it may be made of."""

    path: Path
    pair: Pair

    @property
    def log(self) -> Path:
        """Its log."""
        return self.path.with_name(f"{self.path.name}-wal")

    def take(self, moment: str) -> None:
        """Let the file be as it was at that moment."""
        copy_file(self.pair.victim_file(moment), self.path)

    def log_of(self, moment: str) -> Path:
        """Return the log of a moment."""
        path = self.pair.victim_file(moment)
        return path.with_name(f"{path.name}-wal")


RAISED: Final = 365 * 86_400_000_000 << 1
"""A year, as stamps count."""

Damaging = Callable[[Files, Random], str]
"""Does it, and says what was done."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of damage: its name, what the victim starts with, and what is done to that.

    `live` is done while the victim runs. Of one that is `exact`, no answer may ever be wrong or
    mixed: checksums tell it before anything is answered. Without a log that it takes away from,
    a node may not be `late` either.
    """

    name: str
    take: Damaging
    damage: Damaging
    live: bool = False
    exact: bool = False
    late: bool = False


def _whole(files: Files, _rng: Random) -> str:
    files.take("whole")
    return "without a log"


def _logged(files: Files, rng: Random) -> str:
    (moment,) = rng.choices([name for name, _ in LOGGED], [share for _, share in LOGGED])
    files.take(moment)
    return {
        "logged": "with a log",
        "copied": "with a log that is copied back",
        "half": "with a log of which a part is copied back",
    }[moment]


def flip(path: Path, bit: int) -> None:
    """Flip one bit of a file in its place, as a disk would."""
    with path.open("r+b") as file:
        file.seek(bit >> 3)
        (byte,) = file.read(1)
        file.seek(bit >> 3)
        file.write(bytes([byte ^ 1 << (bit & 7)]))


def _flip_file(files: Files, rng: Random) -> str:
    bit = rng.randrange(files.path.stat().st_size * 8)
    flip(files.path, bit)
    return f"bit {bit} of the file, in page {(bit >> 3) // PAGE_BYTES + 1}"


def _flip_log(files: Files, rng: Random) -> str:
    bit = rng.randrange(files.log.stat().st_size * 8)
    flip(files.log, bit)
    return f"bit {bit} of the log, in frame {_frame_of(bit >> 3)}"


def _frame_of(offset: int) -> int:
    return (offset - LOG_HEADER_BYTES) // FRAME_BYTES + 1


def _flip_header(files: Files, rng: Random) -> str:
    bit = rng.randrange(HEADER_BYTES * 8)
    flip(files.path, bit)
    return f"bit {bit} of the file's header"


def _flip_log_header(files: Files, rng: Random) -> str:
    frames = (files.log.stat().st_size - LOG_HEADER_BYTES) // FRAME_BYTES
    frame = rng.randrange(-1, frames)
    begin, length = 0, LOG_HEADER_BYTES
    if frame >= 0:
        begin, length = LOG_HEADER_BYTES + frame * FRAME_BYTES, FRAME_HEADER_BYTES
    bit = begin * 8 + rng.randrange(length * 8)
    flip(files.log, bit)
    where = f"frame {frame + 1}" if frame >= 0 else "the log itself"
    return f"bit {bit} of the log, in the header of {where}"


def _zero_page(files: Files, rng: Random) -> str:
    page = rng.randrange(_pages(files.path))
    _write_page(files.path, page, bytes(PAGE_BYTES))
    return f"page {page + 1} is zeros"


def _swap_pages(files: Files, rng: Random) -> str:
    one, two = rng.sample(range(1, _pages(files.path)), 2)
    content = _page(files.path, one)
    _write_page(files.path, one, _page(files.path, two))
    _write_page(files.path, two, content)
    return f"pages {one + 1} and {two + 1} are swapped"


def _older_page(files: Files, rng: Random) -> str:
    older = files.pair.victim_file(rng.choice(["older", "logged"]))
    pages = range(1, min(_pages(older), _pages(files.path)))
    changed = [page for page in pages if _page(older, page) != _page(files.path, page)]
    page = rng.choice(changed)
    _write_page(files.path, page, _page(older, page))
    return f"page {page + 1} is as in {older.name}"


def _shorten_file(files: Files, rng: Random) -> str:
    return _shortened(files.path, rng, "the file")


def _shorten_log(files: Files, rng: Random) -> str:
    return _shortened(files.log, rng, "the log")


def _shortened(path: Path, rng: Random, what: str) -> str:
    length = rng.randrange(1, path.stat().st_size)
    if rng.random() < 0.5:
        length = max(length - length % PAGE_BYTES, 1)
    with path.open("r+b") as file:
        file.truncate(length)
    return f"{what} ends after {length} bytes"


def _older_log(files: Files, _rng: Random) -> str:
    shutil.copyfile(files.log_of("earlier"), files.log)
    return "an earlier log lies beside the file"


def _older_file(files: Files, _rng: Random) -> str:
    shutil.copyfile(files.pair.victim_file("older"), files.path)
    return "an earlier file lies beside the log"


def _zero_file(files: Files, rng: Random) -> str:
    path = files.path if rng.random() < 0.5 else files.log
    path.write_bytes(bytes(path.stat().st_size))
    return f"{'the file' if path == files.path else 'the log'} is zeros"


def _raise_stamp(files: Files, rng: Random) -> str:
    """Write through SQLite, so that the checksum is right again: a flip before it was made."""
    with closing(connect(files.path)) as connection:
        rows = connection.execute("SELECT set_id, key FROM entries").fetchall()
        set_id, key = rng.choice(rows)
        raised = f"UPDATE entries SET stamp = stamp + {RAISED} WHERE set_id = ? AND key = ?"
        connection.execute(raised, (set_id, key))
    return f"the stamp of {cast('bytes', key)[8:28]!r} is raised by a year"


def _nothing(_files: Files, _rng: Random) -> str:
    return "nothing"


KINDS: Final = {
    kind.name: kind
    for kind in (
        Kind("bit of the file", _whole, _flip_file, exact=True),
        Kind("bit of the log", _logged, _flip_log, exact=True, late=True),
        Kind("bit of the file's header", _whole, _flip_header, exact=True),
        Kind("bit of a log's header", _logged, _flip_log_header, exact=True, late=True),
        Kind("bit of the file, live", _whole, _flip_file, live=True, exact=True),
        Kind("bit of the log, live", _logged, _flip_log, live=True, late=True),
        Kind("zeroed page", _whole, _zero_page),
        Kind("swapped pages", _whole, _swap_pages),
        Kind("older page", _whole, _older_page, late=True),
        Kind("shorter file", _whole, _shorten_file),
        Kind("shorter log", _logged, _shorten_log, late=True),
        Kind("older log", _whole, _older_log, late=True),
        Kind("older file", _logged, _older_file, late=True),
        Kind("zeros", _logged, _zero_file, late=True),
        Kind("raised stamp", _whole, _raise_stamp),
        Kind("nothing", _logged, _nothing, exact=True),
    )
}


def _pages(path: Path) -> int:
    return path.stat().st_size // PAGE_BYTES


def _page(path: Path, number: int) -> bytes:
    with path.open("rb") as file:
        file.seek(number * PAGE_BYTES)
        return file.read(PAGE_BYTES)


def _write_page(path: Path, number: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(number * PAGE_BYTES)
        file.write(content)
