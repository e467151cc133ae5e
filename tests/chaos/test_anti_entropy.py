"""Full replication repairs by itself: nodes whose walks are switched off, and no client reads.

The nodes are stopped, something is done to their files, and they start again without walks. Once
they agree, what passes between them dies down to comparisons of one root.
"""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from secrets import randbits

import aiohttp
import pytest

from lastword.crdt.stamp import is_removed
from lastword.store.base import StoreOptions
from lastword.store.operations import Write
from lastword.store.sqlite.store import SqliteStore
from lastword.wall import wall_us
from tests.stores import checksummed, numbered
from tools.cluster import Cluster, started_cluster
from tools.files import check_file
from tools.verdict import differing
from tools.waiting import until
from tools.wires import Loopback

pytestmark = pytest.mark.slow

NAMES = "abc"
NO_WALKS = ("env", "LASTWORD_WALKS=off")
FULL_S = 0.5
PATIENCE_S = 30.0

SETS = ("few", "many")
FEW = numbered(3)
MANY = numbered(2_000)

COMPARISONS = 5
"""Of each node, over which the quiet is watched."""

ROOTS_BYTES_MAX = 700
"""For one comparison of roots: two messages of HTTP with their heads, and some to spare."""


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    """Three nodes that held the same and are stopped; their next start is without walks."""
    options = ("-f", f"{FULL_S:g}")
    async with started_cluster(tmp_path, NAMES, Loopback(Random(0)), options=options) as made:
        assert await until(made.is_acquainted, PATIENCE_S)
        await made.members["a"].client.merge("few", dict.fromkeys(FEW, 2))
        await made.members["b"].client.merge("many", dict.fromkeys(MANY, 2))
        assert await until(made.agrees, PATIENCE_S)
        await made.stop()
        for member in made.members.values():
            member.process.prefix = NO_WALKS
        yield made
        await made.stop()
        for member in made.members.values():
            check_file(member.process.database)


def file_of(cluster: Cluster, name: str) -> Path:
    return cluster.members[name].process.database


@contextmanager
def opened(cluster: Cluster, name: str) -> Iterator[SqliteStore]:
    store = SqliteStore(file_of(cluster, name), StoreOptions(wall_us, lambda: randbits(63)))
    try:
        yield store
    finally:
        store.close()


async def repaired(cluster: Cluster) -> dict[str, dict[bytes, bool]]:
    """Start the nodes; return what all of them hold once they agree: whether it is there."""
    await cluster.start()
    assert await until(cluster.agrees, PATIENCE_S), await cluster.digests()
    await quiet(cluster)
    states = await cluster.states(SETS)
    assert differing(states) == []
    return {
        set_name: {element: not is_removed(stamp) for element, stamp in state.items()}
        for set_name, state in states["a"].items()
    }


async def quiet(cluster: Cluster) -> None:
    """Over some comparisons of each node no entry is sent, and of bytes only what roots take.

    What was under way as the nodes came to agree is waited for first.
    """
    await compared(cluster, 1)
    entries = await counted(cluster, "entries_sent")
    before = cluster.wires.traffic.passed_bytes
    comparisons = await compared(cluster, COMPARISONS)
    passed = cluster.wires.traffic.passed_bytes - before
    assert await counted(cluster, "entries_sent") == entries
    assert passed / comparisons <= ROOTS_BYTES_MAX


async def compared(cluster: Cluster, times: int) -> float:
    """Wait until each node found equality so often; return how often all together did."""
    finished = now = await counted(cluster, "comparisons_equal")

    async def is_over() -> bool:
        nonlocal now
        now = await counted(cluster, "comparisons_equal")
        return all(now[name] >= finished[name] + times for name in NAMES)

    assert await until(is_over, PATIENCE_S)
    return sum(now[name] - finished[name] for name in NAMES)


async def counted(cluster: Cluster, counter: str) -> dict[str, float]:
    """Return a counter of each node."""
    found = {}
    async with aiohttp.ClientSession() as session:
        for name, member in cluster.members.items():
            async with session.get(f"http://{member.address}/_/metrics") as answer:
                text = await answer.text()
            (value,) = re.findall(rf"(?m)^lastword_{counter}_total (\S+)$", text)
            found[name] = float(value)
    return found


async def test_elements_that_one_of_three_holds_reach_the_others(cluster: Cluster) -> None:
    new = numbered(2_000, b"new")
    with opened(cluster, "a") as store:
        store.execute(Write(b"few", add=(b"new",)))
        store.execute(Write(b"many", add=tuple(new)))
    held = await repaired(cluster)
    assert held["few"] == dict.fromkeys([*FEW, b"new"], True)
    assert held["many"] == dict.fromkeys([*MANY, *new], True)


async def test_what_is_stale_on_two_of_three_becomes_what_the_third_holds(
    cluster: Cluster,
) -> None:
    removed, kept = MANY[:1_000], MANY[1_000:]
    with opened(cluster, "c") as store:
        store.execute(Write(b"few", remove=(FEW[0],)))
        store.execute(Write(b"many", add=tuple(kept), remove=tuple(removed)))
    held = await repaired(cluster)
    assert held["few"] == {FEW[0]: False, FEW[1]: True, FEW[2]: True}
    assert held["many"] == dict.fromkeys(removed, False) | dict.fromkeys(kept, True)


async def test_a_node_whose_file_was_lost_is_filled_again(cluster: Cluster) -> None:
    path = file_of(cluster, "b")
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()
    held = await repaired(cluster)
    assert held == {"few": dict.fromkeys(FEW, True), "many": dict.fromkeys(MANY, True)}


async def test_sums_that_were_lost_are_made_again(cluster: Cluster) -> None:
    with checksummed(file_of(cluster, "b")) as connection:
        connection.execute("UPDATE sets SET sum_first = 0, sum_second = 0")
        connection.execute("DELETE FROM buckets")
    connection.close()
    held = await repaired(cluster)
    assert held == {"few": dict.fromkeys(FEW, True), "many": dict.fromkeys(MANY, True)}
