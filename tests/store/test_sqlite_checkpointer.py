"""The write-ahead log is copied back beside the writer, and does not grow without end."""

from concurrent.futures import ThreadPoolExecutor, wait

import pytest

from lastword.store.operations import Write
from lastword.store.sqlite import checkpointer
from lastword.store.sqlite.store import SqliteStore
from tests.stores import S, SqliteStores

PAGES = 50


def log_bytes(store: SqliteStore) -> int:
    return store.path.with_name(store.path.name + "-wal").stat().st_size


def write(store: SqliteStore, number: int) -> None:
    store.execute(Write(S, add=tuple(b"%d-%d" % (number, index) for index in range(20))))


@pytest.fixture
def store(files: SqliteStores, monkeypatch: pytest.MonkeyPatch) -> SqliteStore:
    monkeypatch.setattr(checkpointer, "BEGIN_PAGES", PAGES)
    return files.open()


def test_the_log_is_begun_anew_while_writes_go_on(store: SqliteStore) -> None:
    most = 0
    for number in range(400):
        write(store, number)
        most = max(most, log_bytes(store))
    assert most < 400 * PAGES * 4_096 / 10, "four hundred commits of several pages each"
    assert store.totals()[S].present == 400 * 20


def test_a_reader_that_stays_keeps_the_log_and_nothing_is_lost(store: SqliteStore) -> None:
    with store.snapshot():
        write(store, 0)
        before = store.entries(S, limit=9_999)
        for number in range(1, 100):
            write(store, number)
        assert store.entries(S, limit=9_999) == before
    grown = log_bytes(store)

    for number in range(100, 200):
        write(store, number)

    assert log_bytes(store) <= grown * 2, "once it has gone, the log is begun anew"
    assert store.totals()[S].present == 200 * 20


def test_a_store_may_be_closed_while_its_log_is_copied_back(
    files: SqliteStores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpointer, "BEGIN_PAGES", 1)
    for number in range(100):
        store = files.open(f"{number}")
        write(store, number)
        files.close(f"{number}")


def test_a_checkpoint_that_is_asked_for_waits_for_the_one_under_way(store: SqliteStore) -> None:
    write(store, 0)
    with ThreadPoolExecutor(1) as beside:
        with store.file.checkpointer.resting():
            asked = beside.submit(store.file.checkpoint)
            assert wait([asked], timeout=0.1).not_done  # at once it would be refused as busy
        asked.result(timeout=30)
