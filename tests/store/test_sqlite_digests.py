"""What only a file has of sums and buckets: they are mended when it is opened, and verified."""

import logging
import threading

import pytest

from lastword.errors import CorruptStore
from lastword.store.sqlite.store import SqliteStore
from tests.store.test_contract_digests import assert_buckets_add_up
from tests.stores import S, SqliteStores, add, add_each, checksummed, numbered

WARNED = "it differs from its buckets"


def large(files: SqliteStores) -> SqliteStore:
    """Open a store with a set that has buckets, and a small one that has none."""
    files.bucketed_entries = 16
    store = files.open()
    add_each(store, 100)
    return store


def tamper(files: SqliteStores, statement: str) -> None:
    connection = checksummed(files.path())
    connection.execute(statement)
    assert connection.changes() > 0
    connection.close()


# -- mended


def test_a_file_without_buckets_gets_them_when_it_is_opened(
    files: SqliteStores, caplog: pytest.LogCaptureFixture
) -> None:
    sums = large(files).sums()
    files.close()
    tamper(files, "DELETE FROM buckets")

    store = files.open()

    assert_buckets_add_up(store)
    assert store.sums() == sums
    assert WARNED not in caplog.text


def test_a_set_that_outgrew_a_smaller_limit_gets_its_buckets(files: SqliteStores) -> None:
    files.bucketed_entries = 1_000
    add(files.open(), *numbered(100))
    files.close()
    files.bucketed_entries = 16
    assert_buckets_add_up(files.open())


DIFFERING = {
    "sums zeroed": "UPDATE sets SET sum_first = 0, sum_second = 0",
    "a count": "UPDATE sets SET tombstones = tombstones + 1",
    "a bucket's sum": (
        "UPDATE buckets SET sum_first = sum_first + 1 WHERE entries > 0 AND low ="
        " (SELECT max(low) FROM buckets WHERE entries > 0)"
    ),
    "a bucket's count": "UPDATE buckets SET entries = entries + 1 WHERE low = x'0000000000000000'",
    "a bucket gone": "DELETE FROM buckets WHERE low = (SELECT max(low) FROM buckets)",
    "the first bucket gone": "DELETE FROM buckets WHERE low = x'0000000000000000'",
    "a bucket twice as wide": "UPDATE buckets SET bits = bits - 1 WHERE bits > 0",
    "a bucket's low cut": "UPDATE buckets SET low = x'FF' WHERE low = x'0000000000000000'",
}


@pytest.mark.parametrize("statement", DIFFERING.values(), ids=DIFFERING.keys())
def test_a_set_that_differs_from_its_buckets_is_not_served_when_it_is_opened(
    files: SqliteStores, caplog: pytest.LogCaptureFixture, statement: str
) -> None:
    large(files)
    files.close()
    tamper(files, statement)

    store = files.open()

    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert f"set {S!r} is damaged and is not served: {WARNED}" in record.getMessage()
    with pytest.raises(CorruptStore, match="is damaged here"):
        store.contains(S, b"e1")
    files.abandon()
    assert list(files.open().damage.sets) == [S]
    files.abandon()


@pytest.mark.parametrize(
    "statement",
    ["UPDATE buckets SET entries = -1", "UPDATE buckets SET bits = 300", "UPDATE sets SET id = 9"],
)
def test_buckets_that_make_no_sense_are_damage(files: SqliteStores, statement: str) -> None:
    large(files)
    files.close()
    tamper(files, statement)
    with pytest.raises(CorruptStore, match="is damaged"):
        files.open()


def test_a_small_set_is_recounted_when_that_is_asked_for(files: SqliteStores) -> None:
    add(files.open(), b"a", b"b")
    files.close()
    tamper(files, "UPDATE sets SET present = 9, sum_first = 9")
    store = files.open()
    with pytest.raises(CorruptStore, match="add up"):
        store.check()

    assert store.recount(S)

    assert not store.recount(S)
    store.check()


# -- verified

TAMPERED = {
    "a bucket's sum": ("UPDATE buckets SET sum_second = sum_second + 1", "rows add up to Bucket"),
    "a bucket's count": ("UPDATE buckets SET entries = entries + 1", "rows add up to Bucket"),
    "a bucket gone": ("DELETE FROM buckets WHERE low > x'80'", "do not partition it"),
    "no buckets": ("DELETE FROM buckets", "has no buckets for its 100 entries"),
}


@pytest.mark.parametrize(("statement", "message"), TAMPERED.values(), ids=TAMPERED.keys())
def test_the_check_finds_buckets_that_were_tampered_with(
    files: SqliteStores, statement: str, message: str
) -> None:
    store = large(files)
    store.check()
    tamper(files, statement)
    with pytest.raises(CorruptStore, match=message):
        store.check()
    files.abandon()


def test_the_check_finds_buckets_in_memory_that_the_file_does_not_have(
    files: SqliteStores,
) -> None:
    store = large(files)
    store.ledger.buckets[S].entries[0] += 1
    with pytest.raises(CorruptStore, match="says otherwise than memory"):
        store.check()
    files.abandon()


def test_the_check_is_right_while_the_store_is_written_to(files: SqliteStores) -> None:
    store = large(files)
    enough, written = threading.Event(), 0

    def write() -> None:
        nonlocal written
        while not enough.is_set():
            add(store, *numbered(7, b"%d-" % written))
            written += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        while written < 30:
            store.check()
    finally:
        enough.set()
        writer.join()


def test_rows_are_read_of_one_snapshot_while_others_write(files: SqliteStores) -> None:
    store = files.open()
    add(store, b"a")
    with store.reading():
        before = store.rows_between(S, b"", None, 9)
        add(store, b"b")
        assert store.rows_between(S, b"", None, 9) == before
    assert len(store.rows_between(S, b"", None, 9)) == 2
