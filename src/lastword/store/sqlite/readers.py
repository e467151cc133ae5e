"""The connections that read a store's file, one for each thread."""

import threading
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple
from weakref import WeakSet

import apsw

from lastword.errors import FileUnusable
from lastword.store.sqlite.open_file import OpenFile
from lastword.store.sqlite.tables import Numbers


class View(NamedTuple):
    """What one thread reads by: a file, and a connection of the thread's own to it."""

    file: OpenFile
    numbers: Numbers
    connection: apsw.Connection


class Readers:
    """Gives each thread its view of the present file, or of the one that its snapshot is of.

    A thread's connection to a file that another has taken the place of is closed when the thread
    has read on, or has ended; until then the old file takes its space on the disk.
    """

    def __init__(self, path: Path, file: OpenFile) -> None:
        self._path = path
        self._file: OpenFile | None = file  # None when closed
        self._local = threading.local()
        self._connections: WeakSet[apsw.Connection] = WeakSet()
        self._opening = threading.Lock()

    @property
    def view(self) -> View:
        """What the calling thread reads by. Raises FileUnusable after `close`."""
        view: View | None = getattr(self._local, "view", None)
        if view is not None and view.file is self._file:
            return view
        if view is None or self._file is None or not view.connection.in_transaction:
            return self._renewed()
        return view

    def _renewed(self) -> View:
        """Give the calling thread a connection; the one before is closed with its last reading."""
        with self._opening:
            file = self._file
            if file is None:
                raise FileUnusable(f"{self._path} is closed")
            connection = file.reader()
            self._connections.add(connection)
        view = self._local.view = View(file, file.numbers, connection)
        return view

    def none_is_made(self) -> AbstractContextManager[object]:
        """Let no connection be opened within the block, for files that change places."""
        return self._opening

    def read(self, file: OpenFile) -> None:
        """Let what is read from now on be of `file`; call it while `none_is_made`."""
        self._file = file

    def refuse(self) -> None:
        """Let nothing be read any more."""
        self._file = None

    def close(self) -> None:
        """Close all; a second call does nothing."""
        with self._opening:
            self._file = None
        for connection in list(self._connections):
            connection.close()
