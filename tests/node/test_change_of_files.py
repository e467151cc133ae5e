"""A node with another file in the place of its own: its loop goes on, and misses nothing."""

import asyncio
import math
from collections.abc import Iterator
from pathlib import Path
from secrets import randbits

import pytest

from lastword.node.commits import Commits
from lastword.node.reads import TurnReads
from lastword.replication.entries import Entry
from lastword.store.base import StoreOptions
from lastword.store.operations import Write
from lastword.store.sqlite import writer
from lastword.store.sqlite.store import SqliteStore
from tests.crdt.walls import HandWall
from tests.stores import S, made_up

PATIENCE_S = 30.0
THEIRS = Entry(b"theirs", b"x", 10, run=7, number=1)


@pytest.fixture(params=[math.inf, -1.0], ids=["a quick disk", "a slow disk"])
def store(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SqliteStore]:
    monkeypatch.setattr(writer, "QUICK_COMMIT_S", request.param)
    store = SqliteStore(tmp_path / "a.db", StoreOptions(HandWall(), lambda: randbits(63)))
    yield store
    store.check()
    store.close()


def change_files(store: SqliteStore) -> None:
    copy = store.begin_copy()
    assert copy.apply(made_up(copy, THEIRS, seen={7: 1}, run=7), "source:1") is not None
    store.take_over({}, 0, 0)


class Loop:
    """What a node does on its loop, over one store."""

    def __init__(self, store: SqliteStore) -> None:
        loop = asyncio.get_running_loop()
        self.reads = TurnReads(store, loop)
        self.commits = Commits(store, loop, on_delivery=self.reads.end)
        self.written = 0
        self._stopped = False
        self._progress = asyncio.Event()

    async def write_and_read(self, name: bytes) -> None:
        """Write until stopped; every write is found by the read that follows its answer."""
        number = 0
        while not self._stopped:
            element = b"%s %d" % (name, number)
            await self.commits.submit(Write(S, add=(element,)), lambda time: time)
            assert self.reads.contains(S, element)
            assert self.reads.contains_many(S, [element, b"never"]) == [True, False]
            number += 1
            self.written += 1
            self._progress.set()

    async def written_more(self, count: int) -> None:
        for _ in range(count):
            self._progress.clear()
            await self._progress.wait()

    def stop(self) -> None:
        self._stopped = True


async def test_every_write_of_the_loop_is_found_after_its_answer(store: SqliteStore) -> None:
    loop = Loop(store)
    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
        for name in (b"one", b"another", b"a third"):
            tasks.create_task(loop.write_and_read(name))
        for _ in range(3):
            await loop.written_more(30)
            await asyncio.to_thread(change_files, store)
        await loop.written_more(30)
        loop.stop()
    loop.reads.end()
    assert store.totals()[S].present == loop.written


async def test_a_set_in_memory_is_that_of_the_new_file(store: SqliteStore) -> None:
    reads = Loop(store).reads
    assert store.execute(Write(b"theirs", add=(b"mine",)))
    await asyncio.to_thread(store.hold, b"theirs")
    assert not reads.contains(b"theirs", b"x")

    await asyncio.to_thread(change_files, store)

    reads.end()
    assert reads.contains(b"theirs", b"x")
    assert reads.contains(b"theirs", b"mine")
    reads.end()
    await asyncio.to_thread(store.hold, b"theirs")
    assert store.cache.elements_of(b"theirs") == {b"x", b"mine"}
    assert reads.contains(b"theirs", b"x")
    reads.end()
