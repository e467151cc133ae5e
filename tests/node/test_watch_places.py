"""Where a watcher goes on after whatever may come between: each is a way to miss something."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from lastword.api.rest.events import NDJSON
from lastword.crdt.stamp import pack
from lastword.errors import CorruptStore
from lastword.node.feed import Cursor
from lastword.node.parking import Parking
from lastword.node.watch_limits import WatchLimits
from lastword.node.watchers import Watchers
from lastword.replication.entries import Entry
from lastword.store.operations import Write, WriteInTurn
from lastword.store.sqlite.store import SqliteStore
from tests.node.watching import NARROW, Client, Hall, of_prefix, of_set
from tests.stores import START_US, S, SqliteStores, add, add_each, next_page, remove

T = TypeVar("T")


class Scene:
    """A store that is watched, and whoever watches."""

    def __init__(self, folder: Path) -> None:
        self.stores = SqliteStores(folder)
        self.hall = Hall(NARROW)
        self.hall.open(self.stores.open("a"))

    @property
    def store(self) -> SqliteStore:
        return self.hall.store

    def client(self, name: bytes = S) -> Client:
        """Return a client that has all there is."""
        client = Client(self.hall, of_set(name))
        client.settle()
        client.events.clear()
        return client

    def collect(self) -> None:
        self.store.collect(dict(self.store.seen), 0, self.store.log_end, 1_000)

    def begin_afresh(self, source: SqliteStore) -> None:
        """Let a copy of another store take the place of the file."""
        copy = self.store.begin_copy()
        applied = copy.apply(next_page(copy, source, "b:1"), "b:1")
        assert applied is not None
        assert applied.finished
        self.store.take_over({}, 0, 0)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path)
    yield made
    made.hall.close()
    made.stores.finish()


def kinds(client: Client) -> list[str]:
    return [event.get("reason", event["event"]) for event in client.events]


def test_who_was_away_while_a_remove_was_collected_reads_anew(scene: Scene) -> None:
    add(scene.store, b"a", b"b")
    client = scene.client()
    client.disconnect()
    remove(scene.store, b"a")
    scene.collect()
    client.settle()
    assert kinds(client) == ["open", "collected"]


def test_who_has_heard_of_the_remove_before_goes_on(scene: Scene) -> None:
    add(scene.store, b"a", b"b")
    remove(scene.store, b"a")
    client = scene.client()
    client.disconnect()
    scene.collect()
    add(scene.store, b"c")
    client.settle()
    assert kinds(client) == ["open", "add"]


def test_who_begins_is_not_told_of_what_was_forgotten_before(scene: Scene) -> None:
    add_each(scene.store, 20)
    remove(scene.store, b"e19")
    scene.collect()
    client = Client(scene.hall, of_set(S))
    client.settle()
    assert kinds(client) == ["open", *["add"] * 19]


def test_who_begins_is_told_of_what_is_forgotten_on_the_way(scene: Scene) -> None:
    """Shown by an early page, removed and collected before a later one."""
    add_each(scene.store, 20)
    remove(scene.store, b"e19")
    scene.collect()
    client = Client(scene.hall, of_set(S))
    while len(client.held) < 3:
        client.pull(1)
    remove(scene.store, b"e0")
    scene.collect()
    client.settle()
    assert "collected" in kinds(client)


def test_who_does_not_keep_up_gets_what_it_missed_from_the_log(scene: Scene) -> None:
    client = scene.client()
    add(scene.store, b"x")
    client.pull(1)  # it is called, and then not asked for more
    for number in range(10):
        add(scene.store, b"%d" % number)
    scene.hall.turn()
    assert scene.hall.watchers.feed.start > client.cursor.number
    client.settle()
    assert kinds(client) == ["add"] * 11


def test_who_falls_too_far_behind_is_told_that_it_is_slow(scene: Scene) -> None:
    client = scene.client()
    add(scene.store, b"x")
    client.pull(1)
    for number in range(NARROW.late_numbers + 10):
        add(scene.store, b"%d" % (number % 7))
    client.settle()
    assert kinds(client) == ["add", "slow"]
    add(scene.store, b"y")
    client.settle()
    assert kinds(client) == ["add", "slow", "add"]


def test_who_comes_back_after_long_is_not_slow(scene: Scene) -> None:
    client = scene.client()
    client.disconnect()
    for number in range(NARROW.late_numbers + 10):
        add(scene.store, b"%d" % (number % 7))
    client.settle()
    assert kinds(client) == ["open", *["add"] * 7]


def test_who_is_slow_while_a_remove_is_collected_reads_anew(scene: Scene) -> None:
    add(scene.store, b"a")
    client = scene.client()
    add(scene.store, b"x")
    client.pull(1)
    remove(scene.store, b"a")
    scene.collect()
    add_each(scene.store, 10)
    client.settle()
    assert kinds(client) == ["add", "slow"]


def test_what_is_written_twice_in_a_commit_is_told_in_the_logs_order(scene: Scene) -> None:
    """Rows stand in a commit's changes where they were first written."""
    client = scene.client()
    writes = (Write(S, (b"a",)), Write(S, (b"b",)), Write(S, (), (b"a",)))
    scene.store.execute(WriteInTurn(writes))
    client.settle()
    assert kinds(client) == ["add", "remove"]


def test_a_row_that_takes_another_dot_is_told_at_its_new_place(scene: Scene) -> None:
    """Who passed its old place by the log meets it nowhere else."""
    store = scene.store
    other = scene.client()  # lets the feed go on
    stamp = pack(START_US + 1, removed=False)
    store.apply_entries((Entry(S, b"x", stamp, 7, 1),), 0)
    store.apply_entries((Entry(S, b"y", stamp, 7, 2),), 0)
    client = Client(scene.hall, of_set(S))
    client.connect()
    other.settle()
    store.apply_entries((Entry(S, b"x", stamp, 8, 9),), 0)  # the same stamp under a greater dot
    add(store, b"z")
    client.settle()
    other.settle()
    assert [event["element"] for event in other.events][-2:] == ["x", "z"]


def test_a_commit_that_is_larger_than_the_feed_is_told_whole(scene: Scene) -> None:
    client, many = scene.client(), Client(scene.hall, of_prefix(b""))
    many.settle()
    scene.store.execute(Write(S, tuple(b"%d" % at for at in range(50))))
    client.settle()
    many.settle()
    assert kinds(client) == ["add"] * 50


def test_a_file_that_is_replaced_is_told_at_once_where_nobody_writes(scene: Scene) -> None:
    source = scene.stores.open("b")
    add(source, b"of the copy")
    client = scene.client()
    scene.begin_afresh(source)
    client.settle()
    assert kinds(client) == ["other_file"]
    assert client.cursor == Cursor(scene.store.run, scene.store.log_end)


def test_a_file_that_is_replaced_while_the_log_is_read_is_not_taken_for_the_same(
    scene: Scene,
) -> None:
    """Its log numbers say nothing of the new one, which may have the same."""
    source = scene.stores.open("b")
    for number in range(30):
        add(source, b"b%d" % number)
        add(scene.store, b"a%d" % number)
    client = Client(scene.hall, of_set(S))
    while len(client.held) < 6:
        client.pull(1)
    assert client.turn() is None  # a page is on its way
    scene.begin_afresh(source)
    client.settle()
    assert "other_file" in kinds(client)


def test_who_hears_only_where_a_stream_begins_is_told_again_to_read_anew(scene: Scene) -> None:
    """Else the connection that breaks behind the first event would hide the second."""
    add(scene.store, b"a")
    client = Client(scene.hall, of_set(S))
    client.cursor = Cursor(77, 1)
    part = client.turn()
    assert part is not None
    client.apply(part)
    client.disconnect()
    client.settle()
    assert kinds(client) == ["open", "open", "other_file"]


def test_a_log_that_cannot_be_read_is_told_of_and_the_stream_goes_on(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_each(scene.store, 20)
    client = scene.client()
    client.disconnect()
    add(scene.store, b"x")
    damage(scene, monkeypatch)
    client.settle()
    add(scene.store, b"y")
    client.settle()
    assert kinds(client) == ["open", "damaged", "add"]


def damage(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let reads of the log fail as those of a damaged page do."""

    def read_news(*_: object) -> None:
        raise CorruptStore("a page does not match its checksum")

    monkeypatch.setattr(scene.store, "read_news", read_news)


def test_nobody_is_followed_where_nobody_watches(scene: Scene) -> None:
    writer = scene.store.writer
    assert writer._follower is None
    client = scene.client()
    assert writer._follower is not None
    client.disconnect()
    assert writer._follower is None
    assert len(scene.hall.watchers.feed._pieces) == 0


def test_memory_is_bounded_whatever_is_written(scene: Scene) -> None:
    client = scene.client()
    add(scene.store, b"x")
    client.pull(1)
    for number in range(40):
        add(scene.store, b"%d" % number)
    scene.hall.turn()
    watchers = scene.hall.watchers
    assert watchers.feed._events <= NARROW.held_events
    assert watchers.encodings._bytes <= NARROW.encoded_bytes


def test_what_many_watch_is_encoded_once(tmp_path: Path) -> None:
    stores = SqliteStores(tmp_path)
    hall = Hall(WatchLimits())
    hall.open(stores.open("a"))
    clients = [Client(hall, of_set(S)) for _ in range(20)]
    for client in clients:
        client.settle()
    add(hall.store, b"x")
    for client in clients:
        client.settle()
    assert len(hall.watchers.encodings._kept) == 1
    hall.close()
    stores.finish()


async def test_a_silent_stream_ends_at_its_beat_where_it_may_not_go_on(tmp_path: Path) -> None:
    stores = SqliteStores(tmp_path)
    watchers = Watchers(
        stores.open("a"),
        asyncio.get_running_loop(),
        read_at_once,
        WatchLimits(beat_s=0.01, sweep_s=0.01),
    )
    allowed = [True]
    watcher = watchers.watch(of_set(S), NDJSON, None, lambda: allowed[0])
    assert b"open" in (await watcher.next() or b"")
    assert b"beat" in (await watcher.next() or b"")
    allowed[0] = False
    async with asyncio.timeout(30):
        assert await watcher.next() is None
    assert len(watchers) == 0
    stores.finish()


async def read_at_once(work: Callable[[], T]) -> T:
    return work()


def test_of_many_prefixes_those_are_found_that_a_set_begins_with() -> None:
    parking: Parking[str] = Parking()
    for prefix in (b"", b"te", b"team-", b"team-a", b"x"):
        parking.put(prefix.decode(), of_prefix(prefix), 0.0)
    parking.put("one", of_set(b"team-a"), 1.0)
    found = parking.waiting_for(frozenset({b"team-a", b"t"}))
    assert sorted(found) == ["", "one", "te", "team-", "team-a"]
    assert parking.since(0.5) == ["", "te", "team-", "team-a", "x"]
    for watcher in parking.all():
        parking.take(watcher)
        parking.take(watcher)
    assert (len(parking), parking.waiting_for(frozenset({b"team-a"}))) == (0, [])
    assert (parking._of_set, parking._of_prefix, parking._lengths) == ({}, {}, {})
