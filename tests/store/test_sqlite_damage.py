"""What a damaged file is told by: its checksums, and the check of all invariants."""

import os
from contextlib import closing
from functools import partial
from pathlib import Path
from queue import SimpleQueue

import pytest

from lastword.api.resp.operations import Move, Pop
from lastword.errors import (
    CorruptStore,
    StoreError,
)
from lastword.replication.hashing import place
from lastword.store.news import Bounds
from lastword.store.operations import Write
from lastword.store.sqlite.store import SqliteStore
from lastword.store.sqlite.tables import checked_entries
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


def test_after_damage_was_met_all_else_is_written(files: SqliteStores) -> None:
    add(files.open(), NEEDLE, *(b"%d" % index for index in range(2_000)))
    files.close()
    flip_a_bit_wherever(files.path(), NEEDLE)
    store = files.open()
    assert not store.is_damaged
    with pytest.raises(CorruptStore) as refusal:
        add(store, NEEDLE)
    assert "Ask another node" in refusal.value.hint

    store.execute(Write(b"another set", add=(b"a",)))

    assert store.contains(b"another set", b"a")
    assert (store.damage.pages, store.damage.reads) == (1, 1)  # the log's end lies elsewhere
    files.abandon()


def test_of_writes_that_share_a_commit_only_those_fail_that_need_the_page(
    files: SqliteStores,
) -> None:
    add(files.open(), NEEDLE, *(b"%d" % index for index in range(2_000)))
    files.close()
    flip_a_bit_wherever(files.path(), NEEDLE)
    store, outcomes = files.open(), SimpleQueue[tuple[Write, BaseException | None]]()

    def tell(write: Write, _: object, error: BaseException | None) -> None:
        outcomes.put((write, error))

    begun = store.commits
    sound = [Write(name, add=(name,)) for name in (b"a", b"b", b"c")]
    with store.writer.paused():
        for write in sound:
            for one in (write, Write(S, add=(NEEDLE,))):
                store.writer.submit(one, partial(tell, one))

    told = [outcomes.get(timeout=10) for _ in range(6)]

    assert [write for write, _ in told if write.set_name != S] == sound
    for write, error in told:
        assert isinstance(error, CorruptStore) is (write.set_name == S)
    assert all(store.contains(write.set_name, write.set_name) for write in sound)
    assert store.commits == begun + 3
    files.abandon()


def test_a_set_that_is_distrusted_is_neither_read_nor_written(files: SqliteStores) -> None:
    store = files.open()
    add(store, b"a", b"b")
    store.execute(Write(b"sound", add=(b"a",)))
    store.hold(S)
    assert S in store.cache

    assert not store.distrust(S)
    assert store.distrust(S, "for this test")

    assert S not in store.cache
    for touch in (
        lambda: store.contains(S, b"a"),
        lambda: store.contains(S, b"nowhere"),
        lambda: store.contains_each(S, [b"a", b"b"]),
        lambda: store.stamp_of(S, b"a"),
        lambda: store.entries(S, limit=9),
        lambda: store.rows_between(S, b"", None, 9),
        lambda: store.hold(S),
        lambda: add(store, b"c"),
        lambda: add(store, b"c", time=7),
        lambda: store.execute(Move(S, b"sound", b"a")),
        lambda: store.execute(Move(b"sound", S, b"a")),
        lambda: store.execute(Pop(S, None, 1)),
    ):
        with pytest.raises(CorruptStore, match="set 'set' is damaged here: for this test"):
            touch()
    assert store.contains(b"sound", b"a")
    files.abandon()
    store = files.open()
    assert store.damage.sets == {S: "for this test"}
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


def test_a_set_that_is_not_known_is_not_said_to_be_empty_where_the_file_may_lack_it(
    files: SqliteStores,
) -> None:
    store = files.open()
    add(store, b"a")
    assert store.contains(b"other", b"a") is None

    store.note_fact("table sets does not hold")

    with pytest.raises(CorruptStore, match="may be missing here"):
        store.contains(b"other", b"a")
    assert store.contains(S, b"a")
    files.abandon()


def test_news_of_a_damaged_set_are_told_to_nobody(files: SqliteStores) -> None:
    store, bounds = files.open(), Bounds(looked_at=9, rows=9, size=9_999)
    add(store, b"a")
    store.execute(Write(b"sound", add=(b"a",)))
    store.distrust(S, "for this test")

    with pytest.raises(CorruptStore):
        store.read_news(0, lambda _: True, bounds)
    told = store.read_news(0, lambda name: name == b"sound", bounds)

    assert [row.element for row in told.rows] == [b"a"]
    files.abandon()


@pytest.mark.parametrize("keys", [(b"a", b"a"), (b"b", b"a"), (b"a",), (b"0",)])
def test_rows_that_lead_back_into_themselves_are_not_read_for_ever(
    keys: tuple[bytes, ...],
) -> None:
    after = b"a" if len(keys) == 1 else b"0"
    with pytest.raises(CorruptStore, match="out of order"):
        checked_entries([(key, 2) for key in keys], after)
    assert checked_entries([(b"b", 2), (b"c", 3)], b"a") == [(b"b", 2), (b"c", 3)]
