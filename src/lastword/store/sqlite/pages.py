"""The pages of a file as they lie on the disk, read past SQLite's caches, with their checksums."""

from pathlib import Path
from types import TracebackType
from typing import Final, Self

import apsw

from lastword.store.sqlite.file import VFS, is_checksum_error, reading

TRIES: Final = 5
"""A page that is being written as it is read may look torn; it does not five times."""


class PageFile:
    """Reads pages through the layer that verifies checksums; a context manager.

    It is opened as SQLite opens its files, since to close any other handle would drop the locks
    that SQLite holds on the file (https://www.sqlite.org/howtocorrupt.html, section 2.2).
    """

    def __init__(self, path: Path, page_bytes: int) -> None:
        """Open the file; raises StoreError where that fails."""
        self._path = path
        self._page_bytes = page_bytes
        with reading(path):
            flags = apsw.SQLITE_OPEN_MAIN_DB | apsw.SQLITE_OPEN_READONLY
            self._file = apsw.VFSFile(VFS, str(path.absolute()), [flags, 0])
            self._file.xRead(page_bytes, 0)  # which says whether there are checksums
            self.pages = self._file.xFileSize() // page_bytes

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self._file.xClose()

    def is_sound(self, number: int) -> bool:
        """Return whether a page's checksum is that of its content; a failing disk raises."""
        for _ in range(TRIES):
            try:
                self._file.xRead(self._page_bytes, (number - 1) * self._page_bytes)
            except apsw.Error as error:
                if not is_checksum_error(error):
                    with reading(self._path):
                        raise
            else:
                return True
        return False
