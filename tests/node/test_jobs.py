"""Periodic jobs go on whatever happens in them, and no fault passes unseen."""

import asyncio
import logging
from pathlib import Path
from random import Random
from secrets import randbits

import pytest

from lastword.errors import PeerError, Unreachable
from lastword.node.jobs import Faults, run_periodically
from lastword.node.node import Node
from lastword.replication.frames import PROTOCOL_VERSION
from lastword.replication.membership import Identity
from lastword.replication.settings import ReplicaSettings
from lastword.store.base import StoreOptions
from lastword.store.sqlite.store import SqliteStore
from tests.crdt.walls import HandWall

PATIENCE_S = 10.0


class Job:
    """A tick that counts its calls, and fails in those that it is told to."""

    def __init__(self, *failing: int, until: int) -> None:
        self.calls = 0
        self.done = asyncio.Event()
        self._failing = failing
        self._until = until

    async def tick(self) -> None:
        self.calls += 1
        if self.calls == self._until:
            self.done.set()
        if self.calls in self._failing:
            raise RuntimeError(f"in call {self.calls}")


async def run_until_done(job: Job, faults: Faults) -> None:
    running = asyncio.create_task(
        run_periodically("the job", job.tick, interval_s=0, rng=Random(1), faults=faults)
    )
    async with asyncio.timeout(PATIENCE_S):
        await job.done.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_job_runs_again_and_again_until_it_is_cancelled() -> None:
    faults = Faults()
    job = Job(until=5)
    await run_until_done(job, faults)
    calls = job.calls
    await asyncio.sleep(0)
    assert job.calls == calls >= 5
    assert not faults.counts


async def test_a_job_with_a_fault_goes_on_and_the_fault_is_counted() -> None:
    heard: list[BaseException] = []
    faults = Faults(heard.append)
    await run_until_done(Job(1, 3, until=5), faults)
    assert faults.counts == {"the job": 2}
    assert [str(fault) for fault in heard] == ["in call 1", "in call 3"]


async def test_a_fault_is_logged_with_its_trace(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, "lastword"):
        await run_until_done(Job(1, until=2), Faults())
    (record,) = caplog.records
    assert record.getMessage() == "a fault in the job"
    assert record.exc_info is not None
    assert "in call 1" in caplog.text
    assert "in tick" in caplog.text


async def test_the_pause_between_two_ticks_is_the_interval_a_tenth_more_or_less() -> None:
    asked: list[tuple[float, float]] = []

    class Recorded(Random):
        def uniform(self, a: float, b: float) -> float:
            asked.append((a, b))
            return 0.0

    job = Job(until=3)
    running = asyncio.create_task(
        run_periodically("the job", job.tick, interval_s=1e9, rng=Recorded(), faults=Faults())
    )
    async with asyncio.timeout(PATIENCE_S):
        await job.done.wait()
    running.cancel()
    assert set(asked) == {(0.9, 1.1)}


class FailingTransport:
    """Carries nothing: each send meets the next of its errors."""

    def __init__(self, *errors: Exception) -> None:
        self._errors = list(errors)
        self.sends = 0
        self.all_met = asyncio.Event()
        self.closed = False

    async def send(self, address: str, frame: bytes) -> bytes:
        self.sends += 1
        if not self._errors:
            self.all_met.set()
            raise Unreachable(f"{address} takes no {len(frame)} bytes")
        raise self._errors.pop(0)

    async def close(self) -> None:
        self.closed = True


async def run_node(path: Path, transport: FailingTransport, faults: Faults) -> Node:
    """Run a node that knows one address, until its transport has met all its errors."""
    store = SqliteStore(path, StoreOptions(HandWall(), lambda: randbits(63)))
    try:
        node = Node(
            store,
            transport,
            Identity(contacts=("a:1",)),
            settings=ReplicaSettings(),
            interval_s=0.001,
            faults=faults,
        )
        running = asyncio.create_task(node.run())
        async with asyncio.timeout(PATIENCE_S):
            await transport.all_met.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        store.check()
    finally:
        store.close()
    return node


async def test_a_fault_in_an_exchange_is_counted_and_replication_goes_on(tmp_path: Path) -> None:
    faults = Faults()
    transport = FailingTransport(RuntimeError("one"), RuntimeError("two"))
    node = await run_node(tmp_path / "a.db", transport, faults)
    assert faults.counts == {"exchange": 2}
    assert transport.closed
    assert node.replica.counters.rounds >= 3


async def test_a_peer_that_does_not_answer_is_no_fault(tmp_path: Path) -> None:
    faults = Faults()
    transport = FailingTransport(Unreachable("gone"), PeerError("garbage"))
    node = await run_node(tmp_path / "a.db", transport, faults)
    assert not faults.counts
    assert node.replica.counters.sends_failed >= 2


class GarbageTransport(FailingTransport):
    """Answers what no node says, as a proxy in between may."""

    async def send(self, address: str, frame: bytes) -> bytes:  # noqa: ARG002 - whatever is sent
        self.sends += 1
        if self.sends > 2:
            self.all_met.set()
        return b"<html>"


async def test_garbage_in_an_answer_is_silence_and_no_older_version(tmp_path: Path) -> None:
    node = await run_node(tmp_path / "a.db", GarbageTransport(), Faults())
    assert node.replica.counters.sends_failed >= 1
    assert node.replica.version_for("a:1") == PROTOCOL_VERSION
