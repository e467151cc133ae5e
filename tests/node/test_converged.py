"""`GET /_/converged` of real nodes: joining, cut off, lagging behind, healed, restarted."""

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest

from tools.cluster import Cluster, started_cluster
from tools.waiting import until
from tools.wires import Loopback

pytestmark = pytest.mark.slow

PATIENCE_S = 30.0
NAMES = ("a", "b", "c")


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    wires = Loopback(Random(0))
    options = ("-r", "0.1", "-f", "3600")
    async with started_cluster(tmp_path, NAMES, wires, options=options) as made:
        assert await until(made.is_acquainted, PATIENCE_S)
        yield made


async def reasons(cluster: Cluster, name: str, max_lag: str = "") -> set[tuple[str, str | None]]:
    said = await cluster.members[name].client.converged(max_lag)
    assert said.converged == (not said.reasons)
    return {(reason.code, reason.member) for reason in said.reasons}


async def converged(cluster: Cluster) -> bool:
    return not any([await reasons(cluster, name) for name in cluster.members])


async def all_converge(cluster: Cluster) -> None:
    assert await until(lambda: converged(cluster), PATIENCE_S), [
        await reasons(cluster, name) for name in cluster.members
    ]


async def test_nodes_that_have_all_are_converged_and_hold_the_same(cluster: Cluster) -> None:
    for name, member in cluster.members.items():
        await member.client.put("s", name.encode())
    assert await until(lambda: has_no_lag(cluster, "a"), PATIENCE_S)
    said = await cluster.members["a"].client.converged("5s")
    assert {member.address for member in said.members} == {
        member.proxy.address for name, member in cluster.members.items() if name != "a"
    }
    for health in said.members:
        assert health.digest_equal
        assert health.compared_seconds is not None
        assert health.compared_seconds <= 5
    assert await cluster.agrees()


async def test_a_cut_is_seen_on_both_sides_and_its_healing_too(cluster: Cluster) -> None:
    await all_converge(cluster)
    await cluster.cut_off("c")
    cut = cluster.members["c"].proxy.address
    await cluster.members["a"].client.put("s", b"not at c")
    await cluster.members["c"].client.put("s", b"at c only")

    async def is_seen() -> bool:
        here, there = await reasons(cluster, "a"), await reasons(cluster, "c")
        return ("silent", cut) in here and len(there) == 2

    assert await until(is_seen, PATIENCE_S)
    said = await cluster.members["a"].client.converged()
    (behind,) = [member for member in said.members if member.address == cut]
    assert not behind.answers
    assert behind.they_lack
    await cluster.heal()
    for name in NAMES:
        assert await until(lambda name=name: has_no_lag(cluster, name), PATIENCE_S)  # type: ignore[misc]
    for member in cluster.members.values():
        assert await member.client.get("s", b"at c only")
        assert await member.client.get("s", b"not at c")


async def test_a_node_that_hangs_is_not_converged_with(cluster: Cluster) -> None:
    await all_converge(cluster)
    member = cluster.members["b"]
    member.process.process.signal(signal.SIGSTOP)
    try:

        async def is_noticed() -> bool:
            found = await reasons(cluster, "a", "1s")
            return ("silent", member.proxy.address) in found

        assert await until(is_noticed, PATIENCE_S)
    finally:
        member.process.process.signal(signal.SIGCONT)
    await all_converge(cluster)


async def test_after_a_restart_it_holds_only_when_what_was_missed_has_arrived(
    cluster: Cluster,
) -> None:
    """What a script does: `until curl -sf localhost:3000/_/converged; do sleep 1; done`."""
    await all_converge(cluster)
    b = cluster.members["b"]
    await asyncio.to_thread(b.process.stop)
    missed = [b"%d" % number for number in range(50)]
    for element in missed:
        await cluster.members["a"].client.put("s", element)
    await asyncio.to_thread(b.process.start)
    assert await until(lambda: is_converged(cluster, "b"), PATIENCE_S)
    for element in missed:
        assert await b.client.get("s", element)


async def test_writes_without_a_pause_do_not_keep_it_from_holding(cluster: Cluster) -> None:
    async def write(name: str) -> None:
        for number in range(10**9):
            await cluster.members[name].client.put("s", b"%s %d" % (name.encode(), number % 999))

    writers = [asyncio.create_task(write(name)) for name in NAMES]
    try:
        for _ in range(3):
            assert await until(lambda: is_converged(cluster, "a", "5s"), PATIENCE_S)
    finally:
        for writer in writers:
            writer.cancel()
        await asyncio.gather(*writers, return_exceptions=True)


async def has_no_lag(cluster: Cluster, name: str) -> bool:
    """Return whether a node says so of all, and that they hold the same."""
    said = await cluster.members[name].client.converged()
    return said.converged and all(
        health.digest_equal
        and (health.lag_seconds, health.lacks) == (0, 0)
        and (health.their_lag_seconds, health.they_lack) == (0, 0)
        for health in said.members
    )


async def is_converged(cluster: Cluster, name: str, max_lag: str = "") -> bool:
    return not await reasons(cluster, name, max_lag)
