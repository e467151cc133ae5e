"""The disk that loses what was not synced: what it keeps for certain, and what it may keep."""

import os
from pathlib import Path
from random import Random

import pytest

from tools.disk.contents import SECTOR_BYTES, Notes, take_back, unsynced
from tools.disk.cut import cut_power
from tools.disk.names import Names

OLD, NEW, NEWER = (letter * SECTOR_BYTES for letter in (b"o", b"n", b"N"))


class Written:
    """A file and the notes on it, written as the layer below SQLite writes."""

    def __init__(self, folder: Path, content: bytes = b"") -> None:
        self.folder, self.notes_folder = folder / "data", folder / "notes"
        self.folder.mkdir()
        self.notes_folder.mkdir()
        self.path = self.folder / "file"
        self.path.write_bytes(content)
        self.notes_path = self.notes_folder / str(self.path.stat().st_ino)
        self.notes = Notes(self.notes_path)

    def write(self, sector: int, content: bytes) -> None:
        size = self.path.stat().st_size
        at = sector * SECTOR_BYTES
        with self.path.open("r+b") as file:
            before = os.pread(file.fileno(), len(content), at)
            self.notes.before_write(at, size, before.ljust(len(content), b"\0"))
            os.pwrite(file.fileno(), content, at)

    def cut(self, rng: Random | None = None) -> bytes:
        cut_power(self.folder, self.notes_folder, rng)
        return self.path.read_bytes()


def test_what_was_synced_stays_and_what_was_not_goes(tmp_path: Path) -> None:
    file = Written(tmp_path, OLD)
    file.write(1, NEW)
    file.notes.synced()
    file.write(0, NEWER)
    file.write(2, NEWER)
    assert file.cut() == OLD + NEW


def test_of_what_was_not_synced_any_part_may_stay(tmp_path: Path) -> None:
    file = Written(tmp_path, OLD * 2)
    file.write(0, NEW * 2)
    file.write(0, NEWER)
    held = unsynced(file.notes_path)
    written = file.path.read_bytes()
    found = set()
    for seed in range(300):
        file.path.write_bytes(written)
        take_back(file.path, held, Random(seed))
        found.add(file.path.read_bytes())
    assert found == {first + second for first in (OLD, NEW, NEWER) for second in (OLD, NEW)}


def test_what_a_failed_sync_was_for_is_read_and_lost_until_it_is_written_again(
    tmp_path: Path,
) -> None:
    file = Written(tmp_path, OLD * 2)
    file.write(0, NEW * 2)
    file.notes.lost()
    file.write(1, NEW)
    file.notes.synced()
    assert file.path.read_bytes() == NEW * 2
    assert file.cut() == OLD + NEW


def test_a_file_is_as_long_again_as_it_was_synced(tmp_path: Path) -> None:
    file = Written(tmp_path, OLD * 3)
    file.notes.before_write(SECTOR_BYTES, 3 * SECTOR_BYTES, OLD * 2)
    os.truncate(file.path, SECTOR_BYTES)
    assert file.cut() == OLD * 3


def test_names_go_back_to_when_their_folder_was_synced(tmp_path: Path) -> None:
    data, notes = tmp_path / "data", tmp_path / "notes"
    data.mkdir()
    notes.mkdir()
    names = Names(notes)
    for name in ("kept", "removed", "replaced", "renamed"):
        (data / name).write_text(name)
    names.synced()
    names.before_creation(str(data / "made"))
    (data / "made").write_text("made")
    names.before_removal(str(data / "removed"))
    (data / "removed").unlink()
    names.before_rename(str(data / "renamed"), str(data / "replaced"))
    (data / "renamed").replace(data / "replaced")

    cut_power(data, notes, None)

    assert {path.name: path.read_text() for path in data.iterdir()} == {
        name: name for name in ("kept", "removed", "replaced", "renamed")
    }


def test_shared_memory_is_always_lost(tmp_path: Path) -> None:
    file = Written(tmp_path)
    (file.folder / "file-shm").touch()
    file.cut(Random(0))
    assert not (file.folder / "file-shm").exists()


@pytest.mark.parametrize("cut_off", [1, 20, SECTOR_BYTES])
def test_a_note_that_a_kill_cut_short_is_of_a_write_that_was_not_begun(
    tmp_path: Path, cut_off: int
) -> None:
    file = Written(tmp_path, OLD)
    file.notes.before_write(0, SECTOR_BYTES, OLD)
    os.truncate(file.notes_path, file.notes_path.stat().st_size - cut_off)
    assert file.cut() == OLD
