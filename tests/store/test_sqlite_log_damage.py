"""What a log is told by that does not hold: frames that are not read, and what they may hide."""

import logging
import shutil
from pathlib import Path

import pytest

from lastword.errors import CorruptStore
from lastword.store.operations import Write
from tests.store.damaged_files import scrub
from tests.stores import S, SqliteStores, add, numbered

FRAME = 24 + 4_096


def log_of(path: Path) -> Path:
    return Path(f"{path}-wal")


def flip_frame(path: Path, number: int) -> None:
    log = bytearray(log_of(path).read_bytes())
    log[32 + number * FRAME + 24 + 2_000] ^= 1
    log_of(path).write_bytes(log)


@pytest.fixture
def killed(files: SqliteStores) -> SqliteStores:
    """Give a store `b` that a process left, with a log of several commits."""
    store = files.open()
    for start in range(10):
        add(store, *numbered(50, b"%d-" % start))
    files.snapshot("a", "b")
    return files


def test_a_log_that_holds_leaves_nothing_unread(killed: SqliteStores) -> None:
    store = killed.open("b")
    assert store.log_frames_unread == 0
    assert not store.is_damaged


def test_frames_behind_one_that_was_flipped_are_counted_and_the_node_is_late(
    killed: SqliteStores, caplog: pytest.LogCaptureFixture
) -> None:
    frames = (log_of(killed.path("b")).stat().st_size - 32) // FRAME
    flip_frame(killed.path("b"), frames // 2)

    store = killed.open("b")

    assert frames // 2 <= store.log_frames_unread <= frames
    assert "frames of the log" in caplog.records[0].getMessage()
    assert caplog.records[0].levelno == logging.WARNING
    assert store.contains(S, b"0-0")
    assert not store.contains(S, b"9-49")
    assert not store.is_damaged


@pytest.mark.parametrize("at", [3, 17, 25])
def test_a_log_whose_header_does_not_hold_is_counted_whole(killed: SqliteStores, at: int) -> None:
    path = killed.path("b")
    frames = (log_of(path).stat().st_size - 32) // FRAME
    log = bytearray(log_of(path).read_bytes())
    log[at] ^= 1
    log_of(path).write_bytes(log)

    store = killed.open("b")

    assert store.log_frames_unread == frames


def test_a_commit_that_a_crash_left_half_written_is_no_damage(killed: SqliteStores) -> None:
    path = killed.path("b")
    size = log_of(path).stat().st_size
    with log_of(path).open("r+b") as log:
        log.truncate(size - FRAME)

    store = killed.open("b")

    assert store.log_frames_unread <= 20
    assert not store.file.log_unread.has_commits
    assert not store.is_damaged


def test_a_log_that_was_copied_back_and_cut_serves_no_mixture(files: SqliteStores) -> None:
    store = files.open()
    for name in (b"one", b"other"):
        store.execute(Write(name, add=tuple(numbered(2_000))))
    files.close()
    store = files.open()
    for name in (b"one", b"other"):
        for number in range(5):
            store.execute(Write(name, remove=(b"e%d" % number,)))
    store.file.checkpoint()
    files.snapshot("a", "b")

    found = 0
    frames = (log_of(files.path("b")).stat().st_size - 32) // FRAME
    for number in range(1, frames, 3):
        for suffix in ("", "-wal"):
            shutil.copyfile(f"{files.path('b')}{suffix}", f"{files.path('c')}{suffix}")
        flip_frame(files.path("c"), number)
        try:
            cut = files.open("c")
        except CorruptStore:
            continue
        if cut.damage.sets:
            found += 1
            assert cut.file.log_unread.has_commits
            with pytest.raises(CorruptStore):
                cut.contains(next(iter(cut.damage.sets)), b"e1")
        assert scrub(cut).found == 0, "the start has left something to the scrub"
        files.abandon("c")
    assert found, "no cut made a mixture: the test shows nothing"
