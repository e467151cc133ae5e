"""What a damaged file is told by: its checksums, and the check of all invariants."""

import os
from contextlib import closing
from pathlib import Path

import pytest

from lastword.errors import (
    CorruptStore,
    StoreError,
)
from lastword.replication.hashing import place
from lastword.store.operations import Write
from lastword.store.sqlite.store import SqliteStore
from tests.stores import S, SqliteStores, add, checksummed, made_up

NEEDLE = b"found wherever it lies" * 12


def flip_a_bit_wherever(path: Path, needle: bytes) -> int:
    content = bytearray(path.read_bytes())
    found, at = 0, content.find(needle)
    while at >= 0:
        content[at] ^= 1
        found, at = found + 1, content.find(needle)
    path.write_bytes(content)
    return found


def test_one_flipped_bit_is_detected_by_every_read_and_write(files: SqliteStores) -> None:
    add(files.open(), *(b"%d" % index for index in range(2_000)), NEEDLE)
    files.close()
    assert flip_a_bit_wherever(files.path(), NEEDLE) > 0
    store = files.open()
    key = place(S, NEEDLE, store.ledger.digest_key).key

    for read in (
        lambda: store.stamp_of(S, NEEDLE),
        lambda: store.contains(S, NEEDLE),
        lambda: store.entries(S, after=key[:7], limit=9),
        lambda: store.read_log(0, 9_999),
        lambda: store.page(store.cursor("p:1"), for_run=1, seen={}, vouched={}),
        lambda: list(store.all_rows()),
        store.check,
        lambda: add(store, NEEDLE),
    ):
        with pytest.raises(CorruptStore, match="is damaged"):
            read()

    files.abandon()


def test_after_damage_was_met_nothing_is_written_any_more(files: SqliteStores) -> None:
    add(files.open(), *(b"%d" % index for index in range(2_000)), NEEDLE)
    files.close()
    flip_a_bit_wherever(files.path(), NEEDLE)
    store = files.open()
    with pytest.raises(CorruptStore):
        add(store, NEEDLE)

    with pytest.raises(CorruptStore) as refusal:
        store.execute(Write(b"another set", add=(b"a",)))

    assert refusal.value.hint
    assert store.contains(b"another set", b"a") is None
    files.abandon()


@pytest.mark.parametrize("kept", [1_000, 4_096, 20_000])
def test_a_file_cut_short_is_refused(files: SqliteStores, kept: int) -> None:
    add(files.open(), *(b"%d" % index for index in range(2_000)))
    files.close()
    os.truncate(files.path(), kept)
    with pytest.raises(StoreError), closing(SqliteStore(files.path(), files.options())) as store:
        store.check()


TAMPERED = {
    "a count": ("UPDATE sets SET present = present + 1", "add up"),
    "a sum": ("UPDATE sets SET sum_second = sum_second + 1", "add up"),
    "a stamp": ("UPDATE entries SET stamp = stamp + 2 WHERE arrived = 2", "add up"),
    "a stamp below all": ("UPDATE entries SET stamp = -2 WHERE arrived = 2", "has stamp -2"),
    "a row gone": ("DELETE FROM entries WHERE arrived = 2", "add up"),
    "a log number twice": ("UPDATE entries SET arrived = 2 WHERE arrived = 3", "given twice"),
    "a log number beyond": ("UPDATE entries SET arrived = 99 WHERE arrived = 3", "number 99"),
    "a vector too low": ("UPDATE runs SET seen = 1", "not covered"),
    "a vector below its run": ("UPDATE runs SET seen = 0", "not covered"),
    "a run off the log": ("UPDATE runs SET seen = 4, began = 5", "begins off the log"),
    "a dot of nothing": ("UPDATE entries SET number = 0 WHERE arrived = 2", "dot number 0"),
    "a key out of place": (
        "UPDATE entries SET key = CAST(x'00' || substr(key, 2) AS BLOB) WHERE arrived = 2",
        "out of place",
    ),
    "a cursor past its head": ("INSERT INTO cursors VALUES ('x:1', 1, 5, 4)", "past its head"),
    "a log end too low": ("UPDATE facts SET value = 2 WHERE name = 'log_end'", "log number 3"),
    "dots checked too far": ("INSERT INTO facts VALUES ('redotted', 9)", "past the log's end"),
}


@pytest.mark.parametrize(("statement", "message"), TAMPERED.values(), ids=TAMPERED.keys())
def test_the_check_finds_what_was_tampered_with(
    files: SqliteStores, statement: str, message: str
) -> None:
    add(files.open(), b"a", b"b", b"c")
    files.close()
    with checksummed(files.path()) as connection:
        connection.execute(statement)
        assert connection.changes() > 0
    connection.close()

    store = files.open()

    with pytest.raises(CorruptStore, match=message):
        store.check()
    files.abandon()


def test_the_check_finds_facts_that_changed_behind_the_stores_back(files: SqliteStores) -> None:
    store = files.open()
    store.apply(made_up(store, run=7), "p:1")
    store.check()
    connection = checksummed(files.path())
    connection.execute("UPDATE runs SET address = 'q:1' WHERE address = 'p:1'")
    connection.close()

    with pytest.raises(CorruptStore, match="says otherwise than memory"):
        store.check()
    files.abandon()


def test_the_check_finds_a_present_run_that_is_covered_beyond_the_log(
    files: SqliteStores,
) -> None:
    store = files.open()
    connection = checksummed(files.path())
    connection.execute("UPDATE runs SET seen = 1")
    connection.close()

    with pytest.raises(CorruptStore, match="outside its stretch"):
        store.check()
    files.abandon()
