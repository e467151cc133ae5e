"""How much room a small disk has left, given and taken by a file that is in the way."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

BYTES: Final = 64 << 20
PAGE_BYTES: Final = 4096


class SmallDisk:
    """A filesystem of `BYTES` at `place`."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self._ballast = place / "ballast"
        self._ballast.touch()

    def leave(self, pages: int) -> None:
        """Let so many pages be free, also while others write."""
        with self._ballast.open("r+b") as file:
            while (surplus := self._free_pages() - pages) != 0:
                size = self._ballast.stat().st_size + surplus * PAGE_BYTES
                assert size >= 0, "the others take too much"
                if surplus < 0:
                    file.truncate(size)
                    return
                with suppress(OSError):  # somebody was quicker
                    os.posix_fallocate(file.fileno(), 0, size)

    def make_room(self) -> None:
        """Let all be free that no other file takes."""
        os.truncate(self._ballast, 0)

    def _free_pages(self) -> int:
        facts = os.statvfs(self.place)
        return facts.f_bavail * facts.f_frsize // PAGE_BYTES
