"""A file that is written to for a month stays small, as long as its tombstones are collected."""

from contextlib import closing
from pathlib import Path

import pytest

from bench.month import DAY_S, Month
from lastword.replication.collection import Collection
from lastword.replication.settings import GRACE_US
from lastword.store.sqlite.checkpointer import BEGIN_PAGES

CHANGES = 1_200
DAYS = 30
HOUR_S = 3_600
PAGE_BYTES = 4_096
GRACE_DAYS = GRACE_US // (DAY_S * 1_000_000)


@pytest.mark.slow
def test_a_month_of_adds_and_removes_leaves_a_file_no_larger_than_live_and_grace_ask_for(
    tmp_path: Path,
) -> None:
    month = Month(tmp_path, changes=CHANGES, step_s=HOUR_S)
    with closing(month.store):
        sizes = list(month.play(DAYS))
        month.store.check()
        reference = month.reference()
    assert max(size.file_bytes for size in sizes) <= reference.may_bytes
    assert max(size.log_bytes for size in sizes) <= 1.5 * BEGIN_PAGES * PAGE_BYTES
    assert sizes[-1].present == CHANGES
    assert max(size.tombstones for size in sizes) <= (GRACE_DAYS + 1) * CHANGES
    assert reference.live_bytes < reference.grace_bytes


@pytest.mark.slow
def test_a_file_that_does_not_collect_grows_beyond_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_bytes = _may_bytes(tmp_path / "collects")
    monkeypatch.setattr(Collection, "tick", lambda *_: None)
    month = Month(tmp_path, changes=CHANGES, step_s=HOUR_S)
    with closing(month.store):
        *_, last = month.play(3 * GRACE_DAYS)
        month.store.file.checkpoint()
        assert month.size(last.day).file_bytes > may_bytes
    assert last.tombstones == (3 * GRACE_DAYS - 1) * CHANGES


def _may_bytes(folder: Path) -> int:
    folder.mkdir()
    month = Month(folder, changes=CHANGES, step_s=HOUR_S)
    with closing(month.store):
        for _ in month.play(GRACE_DAYS + 2):
            pass
        return month.reference().may_bytes
