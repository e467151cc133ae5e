"""Entries that a copy refused, kept in a file beside the store's for the operator."""

import base64
import json
import os
from collections.abc import Iterable
from pathlib import Path

from lastword.crdt.stamp import time_of
from lastword.replication.entries import Entry
from lastword.store.base import Offered
from lastword.store.sqlite.file import disk_errors, sync_folder


class RefusedEntries:
    """What one copy refused, as NDJSON; there is no file where it refused nothing.

    It has a draft's name until it is kept, so that what was given up is not taken for the rest.
    """

    def __init__(self, path: Path, run: int) -> None:
        """Keep what the copy of run `run` refuses beside the store's file at `path`."""
        self.path = Path(f"{path}-refused-{run}.ndjson")
        self._draft = Path(f"{self.path}.draft")
        self.count = 0

    def add(self, entries: Iterable[Entry]) -> None:
        """Append entries; they are on disk when `keep` has returned."""
        lines = [_line(entry) for entry in entries]
        if lines:
            with disk_errors(self.path), self._draft.open("a" if self.count else "w") as file:
                file.writelines(lines)
            self.count += len(lines)

    def gather(self, offers: Iterable[Offered], reached: int) -> int:
        """Add what was refused of offers after log number `reached`; return the one they reach."""
        for offered in offers:
            self.add(offered.refused)
            reached = offered.reached
        return reached

    def keep(self) -> None:
        """Let what was added survive a crash, under its name."""
        if self.count:
            with disk_errors(self.path):
                with self._draft.open("a") as file:
                    os.fsync(file.fileno())
                self._draft.replace(self.path)
                sync_folder(self.path)

    def discard(self) -> None:
        """Remove the file: the copy is given up, and what it refused is still held."""
        for path in (self._draft, self.path):
            path.unlink(missing_ok=True)


def _line(entry: Entry) -> str:
    shown = {**_text("set", entry.set_name), **_text("element", entry.element)}
    return json.dumps({**shown, "time": time_of(entry.stamp)}, ensure_ascii=False) + "\n"


def _text(name: str, value: bytes) -> dict[str, str]:
    try:
        return {name: value.decode()}
    except UnicodeDecodeError:
        return {f"{name}_base64": base64.b64encode(value).decode()}
