"""Backups of an open file: whole, of one moment, and nothing is left beside the file."""

import threading
from pathlib import Path
from typing import BinaryIO

import pytest

from lastword.errors import ForeignFile, Unavailable
from lastword.store.sqlite.backup import STEP_PAGES, back_up
from lastword.store.sqlite.store import SqliteStore
from lastword.store.sqlite.verify import verify_file
from tests.stores import S, SqliteStores, add, numbered, stamps


def kept(file: BinaryIO, folder: Path) -> Path:
    path = folder / "backup.lastword"
    with file:
        path.write_bytes(file.read())
    return path


def names(files: SqliteStores) -> set[str]:
    """Return what is in the folder of the file, but for the backup that a test keeps there."""
    return {path.name for path in files.folder.iterdir()} - {"backup.lastword"}


def no_one(_done: int, _pages: int) -> None:
    """Take no notice."""


def test_a_backup_is_whole_with_every_page_under_its_checksum(
    files: SqliteStores, tmp_path: Path
) -> None:
    store = files.open()
    add(store, *numbered(20_000))
    store.file.checkpoint()
    add(store, b"in the log only")
    before = names(files)

    backup = kept(back_up(store, no_one), tmp_path)

    assert names(files) == before
    assert verify_file(backup).problems == []
    copied = SqliteStore(backup, store.options)
    assert stamps(copied) == stamps(store)
    assert copied.ledger.seen == store.ledger.seen
    assert copied.run != store.run
    copied.close()


def test_writes_go_on_meanwhile_and_are_not_in_it(files: SqliteStores, tmp_path: Path) -> None:
    store = files.open()
    add(store, *numbered(60_000))
    expected = stamps(store)
    told: list[tuple[int, int]] = []

    def write(done: int, pages: int) -> None:
        told.append((done, pages))
        thread = threading.Thread(target=add, args=(store, b"meanwhile %d" % done))
        thread.start()
        thread.join()

    backup = kept(back_up(store, write), tmp_path)

    assert len(told) > 1
    assert told[0][0] == STEP_PAGES
    assert told[-1][0] == told[-1][1]
    copied = SqliteStore(backup, store.options)
    assert stamps(copied) == expected
    assert (S, b"meanwhile %d" % told[-1][0]) in stamps(store)
    copied.close()


def test_one_that_is_ended_leaves_nothing(files: SqliteStores) -> None:
    store = files.open()
    before = names(files)

    def gone(_done: int, _pages: int) -> None:
        raise Unavailable("gone")

    with pytest.raises(Unavailable):
        back_up(store, gone)
    assert names(files) == before


@pytest.mark.parametrize("content", [b"a text", b"SQLite format 3\0".ljust(200, b"\0")])
def test_another_file_of_its_name_is_left_alone(files: SqliteStores, content: bytes) -> None:
    store = files.open()
    foreign = Path(f"{files.path()}-lastword-backup")
    foreign.write_bytes(content)
    with pytest.raises(ForeignFile):
        back_up(store, no_one)
    assert foreign.read_bytes() == content
    foreign.unlink()


def test_what_a_killed_process_left_of_one_is_replaced(
    files: SqliteStores, tmp_path: Path
) -> None:
    store = files.open()
    add(store, b"a")
    left = Path(f"{files.path()}-lastword-backup")
    kept(back_up(store, no_one), tmp_path).rename(left)
    add(store, b"b")
    backup = kept(back_up(store, no_one), tmp_path)
    assert not left.exists()
    assert verify_file(backup).problems == []
