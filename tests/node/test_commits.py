"""Writes on their way to the disk: every caller hears of its own, and of nothing else."""

import asyncio
import math
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from queue import SimpleQueue
from secrets import randbits
from typing import Any

import pytest

from lastword.errors import FutureTime, Unavailable
from lastword.limits import TIME_MAX
from lastword.node.commits import Commits
from lastword.store.base import StoreOptions
from lastword.store.ledger import Changes, Ledger
from lastword.store.operations import PEERS_SET, Write
from lastword.store.sqlite import writer
from lastword.store.sqlite.store import SqliteStore
from lastword.store.transaction import Transaction
from tests.crdt.walls import HandWall

PATIENCE_S = 10.0


class Gate:
    """An operation that keeps the writer busy until it is opened; what comes meanwhile waits."""

    def __init__(self) -> None:
        self._open = threading.Event()

    def touches(self) -> tuple[()]:
        return ()

    def run(self, _: Transaction) -> None:
        assert self._open.wait(PATIENCE_S)

    def open(self) -> None:
        self._open.set()


@pytest.fixture(params=[math.inf, -1.0], ids=["a quick disk", "a slow disk"])
async def store(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[SqliteStore]:
    monkeypatch.setattr(writer, "QUICK_COMMIT_S", request.param)
    store = SqliteStore(tmp_path / "a.db", StoreOptions(HandWall(), lambda: randbits(63)))
    yield store
    store.check()
    store.close()


@pytest.fixture
async def commits(store: SqliteStore) -> Commits:
    return Commits(store, asyncio.get_running_loop())


def same(time: int) -> int:
    return time


def add(number: int, time: int | None = None) -> Write:
    return Write(b"s", add=(b"%d" % number,), time=time)


async def test_a_future_is_done_when_its_write_is_on_disk(
    store: SqliteStore, commits: Commits
) -> None:
    async with asyncio.timeout(PATIENCE_S):
        time = await commits.submit(add(1), same)
    assert store.stamp_of(b"s", b"1") == time << 1


async def test_all_results_of_one_commit_come_back(store: SqliteStore, commits: Commits) -> None:
    gate = Gate()
    opened = commits.submit(gate, lambda _: None)
    before = store.commits
    futures = [
        commits.submit(add(number, number), lambda time: f"at {time}") for number in range(200)
    ]
    gate.open()
    async with asyncio.timeout(PATIENCE_S):
        await opened
        assert await asyncio.gather(*futures) == [f"at {number}" for number in range(200)]
    assert store.commits - before <= 2
    assert store.totals()[b"s"].present == 200


async def test_an_error_reaches_its_own_caller_only(store: SqliteStore, commits: Commits) -> None:
    gate = Gate()
    opened = commits.submit(gate, lambda _: None)
    good, bad, better = (
        commits.submit(add(number, time), same) for number, time in ((1, 1), (2, TIME_MAX), (3, 3))
    )
    gate.open()
    async with asyncio.timeout(PATIENCE_S):
        await opened
        with pytest.raises(FutureTime):
            await bad
        assert (await good, await better) == (1, 3)
    assert store.stamp_of(b"s", b"2") is None


async def test_a_result_that_cannot_be_rendered_fails_its_own_caller_only(
    commits: Commits,
) -> None:
    def fail(_: int) -> int:
        raise ZeroDivisionError

    gate = Gate()
    opened = commits.submit(gate, lambda _: None)
    good = commits.submit(add(1, 1), same)
    bad = commits.submit(add(2, 2), fail)
    better = commits.submit(add(3, 3), same)
    gate.open()
    async with asyncio.timeout(PATIENCE_S):
        await opened
        assert (await good, await better) == (1, 3)
        with pytest.raises(ZeroDivisionError):
            await bad


async def test_a_caller_that_went_away_does_no_harm(store: SqliteStore, commits: Commits) -> None:
    gate = Gate()
    opened = commits.submit(gate, lambda _: None)
    futures = [commits.submit(add(number, number + 1), same) for number in range(20)]
    gone = commits.submit(add(99, TIME_MAX), same)
    for future in (*futures[::2], gone):
        future.cancel()
    gate.open()
    async with asyncio.timeout(PATIENCE_S):
        await opened
        assert await asyncio.gather(*futures[1::2]) == list(range(2, 21, 2))
        await commits.submit(add(100), same)
    assert store.totals()[b"s"].present == 21


async def test_a_store_that_stops_finishes_what_was_submitted_and_takes_no_more(
    tmp_path: Path,
) -> None:
    store = SqliteStore(tmp_path / "b.db", StoreOptions(HandWall(), lambda: randbits(63)))
    commits = Commits(store, asyncio.get_running_loop())
    futures = [commits.submit(add(number, number), same) for number in range(20)]
    store.close()
    async with asyncio.timeout(PATIENCE_S):
        assert await asyncio.gather(*futures) == list(range(20))
    with pytest.raises(Unavailable):
        commits.submit(add(21), same)


async def test_members_read_from_an_older_snapshot_are_not_kept(store: SqliteStore) -> None:
    store.list_member("a:1")
    assert store.members() == {"a:1"}
    store.begin_snapshot()
    assert store.contains(PEERS_SET, b"a:1")
    await asyncio.to_thread(store.list_member, "b:1")
    store.members()
    store.end_snapshot()
    assert store.members() == {"a:1", "b:1"}


async def test_a_commit_is_waited_for_on_the_loop_while_the_disk_is_quick(
    store: SqliteStore, commits: Commits, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[int] = []
    absorb = store.ledger.absorb

    def noted(changes: Changes) -> None:
        waited.append(threading.get_ident())
        absorb(changes)

    monkeypatch.setattr(Ledger, "absorb", lambda _, changes: noted(changes))
    async with asyncio.timeout(PATIENCE_S):
        await commits.submit(add(1), same)
        await commits.submit(add(2), same)
    on_loop = writer.QUICK_COMMIT_S > 0
    assert [thread == threading.get_ident() for thread in waited] == [on_loop, on_loop]


async def test_a_disk_that_turns_slow_is_waited_for_beside_the_loop(
    store: SqliteStore, commits: Commits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "QUICK_COMMIT_S", 0.005)
    clock = iter(range(1_000))
    monkeypatch.setattr(writer, "monotonic", lambda: float(next(clock)))
    waited: list[int] = []
    tell = store.writer._end

    def noted(group: Any) -> None:
        waited.append(threading.get_ident())
        tell(group)

    monkeypatch.setattr(store.writer, "_end", noted)
    async with asyncio.timeout(PATIENCE_S):
        for number in range(3):
            await commits.submit(add(number), same)
    here = threading.get_ident()
    assert [thread == here for thread in waited] == [True, False, False]


async def test_one_fault_of_a_listener_keeps_no_other_waiting(commits: Commits) -> None:
    gate = Gate()
    opened = commits.submit(gate, lambda _: None)

    def faulty(_result: Any, _error: BaseException | None) -> None:
        raise KeyError("a fault of ours")

    faults: list[Any] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: faults.append(context["exception"]))
    commits.call(add(1), faulty)
    after = commits.submit(add(2), same)
    gate.open()
    async with asyncio.timeout(PATIENCE_S):
        await opened
        await after
    assert [type(fault) for fault in faults] == [KeyError]


def test_a_loop_that_has_ended_keeps_no_write_waiting(store: SqliteStore) -> None:
    loop = asyncio.new_event_loop()
    Commits(store, loop)
    loop.close()
    told: SimpleQueue[Any] = SimpleQueue()
    store.writer.submit(add(1), lambda result, error: told.put((result, error)), brief=True)
    assert told.get(timeout=PATIENCE_S)[1] is None
