"""Entries that a copy refused, kept in a file beside the store's for the operator."""

import os
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import attrgetter
from pathlib import Path

from lastword.crdt.bundle import BundleWriter
from lastword.replication.entries import Entry
from lastword.store.sqlite.file import disk_errors, sync_folder


class RefusedEntries:
    """What one copy refused, as a bundle; there is no file where it refused nothing.

    It has a draft's name until it is kept, so that what was given up is not taken for the rest.
    """

    def __init__(self, path: Path, run: int, time: int) -> None:
        """Keep what the copy of run `run` refuses at `time` beside the store's file at `path`."""
        self.path = Path(f"{path}-refused-{run}.ndjson")
        self._draft = Path(f"{self.path}.draft")
        self._bundle = BundleWriter()
        self._begin = BundleWriter.begin(path.name, time)
        self.count = 0

    def add(self, entries: Iterable[Entry]) -> None:
        """Append entries; they are on disk when `keep` has returned."""
        if entries := list(entries):
            if not self.count:
                self._write(iter([self._begin]), "wb")
            self._write(self._lines(entries))
            self.count += len(entries)

    def gather(self, refused: Iterable[list[Entry]]) -> None:
        """Add what was refused of each part of an offer."""
        for entries in refused:
            self.add(entries)

    def keep(self) -> None:
        """Let what was added survive a crash, under its name."""
        if self.count:
            self._write(self._bundle.end())
            with disk_errors(self.path):
                with self._draft.open("ab") as file:
                    os.fsync(file.fileno())
                self._draft.replace(self.path)
                sync_folder(self.path)

    def discard(self) -> None:
        """Remove the file: the copy is given up, and what it refused is still held."""
        for path in (self._draft, self.path):
            path.unlink(missing_ok=True)

    def _lines(self, entries: list[Entry]) -> Iterator[bytes]:
        by_set = attrgetter("set_name")
        for set_name, those in groupby(sorted(entries, key=by_set), by_set):
            stamps = ((entry.element, entry.stamp) for entry in those)
            yield from self._bundle.put(set_name.decode(), stamps)

    def _write(self, lines: Iterator[bytes], mode: str = "ab") -> None:
        with disk_errors(self.path), self._draft.open(mode) as file:
            file.writelines(lines)
