"""What was done to names and not synced yet: made, removed and renamed, in order.

What a name stood for is kept by a link in the notes' folder until its folder is synced, so that
it can be given back.
"""

import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from random import Random
from typing import Final

import msgspec

_NOTES: Final = "names"
_KEPT: Final = "kept-{}"


class Change(msgspec.Struct, frozen=True):
    """A change of `name`, which stood for what is `kept` by a link of that name, if anything.

    `origin` is the name that its file had before, where it was renamed.
    """

    name: str
    origin: str | None = None
    kept: str | None = None


class Names:
    """The notes on all names, for the process that changes them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._fd = os.open(
            folder / _NOTES, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600
        )

    def before_creation(self, name: str) -> None:
        """Note that `name` is about to be made."""
        self._append(Change(name))

    def before_removal(self, name: str) -> None:
        """Note that `name` is about to be removed."""
        self._append(Change(name, kept=self._keep(name)))

    def before_rename(self, origin: str, name: str) -> None:
        """Note that the file at `origin` is about to be called `name`."""
        self._append(Change(name, origin, self._keep(name) if os.path.lexists(name) else None))

    def synced(self) -> None:
        """Note that all names are on disk as they are."""
        for change in _changes(self._folder):
            if change.kept is not None:
                self._let_go(self._folder / change.kept)
        os.ftruncate(self._fd, 0)

    def _let_go(self, kept: Path) -> None:
        """Remove a link; where it was the last one, the notes on its file are no other file's."""
        facts = kept.stat()
        notes = self._folder / str(facts.st_ino)
        if facts.st_nlink == 1 and notes.exists():
            os.truncate(notes, 0)
        kept.unlink()

    def _keep(self, name: str) -> str:
        link = next(at for at in map(_KEPT.format, count()) if not (self._folder / at).exists())
        os.link(name, self._folder / link)
        return link

    def _append(self, change: Change) -> None:
        os.write(self._fd, msgspec.json.encode(change) + b"\n")


def take_back(folder: Path, rng: Random | None) -> None:
    """Undo the changes of names that were not synced: all without `rng`, else the last ones."""
    if not (folder / _NOTES).exists():
        return
    changes = list(_changes(folder))
    done = rng.randrange(len(changes) + 1) if rng is not None else 0
    for change in reversed(changes[done:]):
        _undo(folder, change)
    for left in kept(folder):
        left.unlink()
    (folder / _NOTES).unlink()


def kept(folder: Path) -> list[Path]:
    """Return the links to what is removed, and not for certain."""
    return list(folder.glob(_KEPT.format("*")))


def _undo(folder: Path, change: Change) -> None:
    name = Path(change.name)
    if change.origin is not None:
        if not Path(change.origin).exists():  # else it was killed before the change
            name.replace(change.origin)
    elif change.kept is None:
        name.unlink(missing_ok=True)
    if change.kept is not None and not name.exists():
        os.link(folder / change.kept, name)


def _changes(folder: Path) -> Iterator[Change]:
    *whole, _ = (folder / _NOTES).read_bytes().split(b"\n")
    for line in whole:
        yield msgspec.json.decode(line, type=Change)
