"""A file that was copied, and a node started on each: they are two nodes."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.restores.cluster import Cluster, await_members
from tests.restores.shown import await_state, expect_equal, metric, put, ready, remove
from tools.processes import NodeProcess

pytestmark = pytest.mark.slow

WRITES = 50


def write_many(node: NodeProcess, mark: str) -> set[str]:
    """Add as many elements, and remove every other one; return those that stay."""
    names = [f"{mark}{number}" for number in range(WRITES)]
    for number, name in enumerate(names):
        put(node, name)
        if number % 2:
            remove(node, name)
    return set(names[::2])


@pytest.mark.parametrize("way", ["by its port", "by --advertise"])
def test_two_copies_of_a_file_are_two_nodes(cluster: Cluster, tmp_path: Path, way: str) -> None:
    first = cluster.start()
    copied = cluster.start("-i", first.address)
    await_members([first, copied], [first, copied])
    put(first, "shared")
    await_state([first, copied], {"shared"})
    put(copied, "before")
    copied.stop()
    twin_file = Path(shutil.copy(copied.database, tmp_path / "twin.db"))

    copied.start()
    twin = cluster.start(database=twin_file)
    if way == "by --advertise":
        twin.stop()
        twin = cluster.start(
            "--advertise", twin.address, database=twin_file, port=int(twin.address.split(":")[1])
        )
    nodes = [first, copied, twin]
    with ThreadPoolExecutor(2) as pool:
        written = pool.map(write_many, (copied, twin), ("c", "t"))
        kept = set[str]().union(*written)

    await_members(nodes, nodes)
    await_state(nodes, {"shared", "before"} | kept)
    assert len({ready(node)["run"] for node in nodes}) == 3
    assert [metric(node, "copies_begun_total") for node in nodes] == [0, 0, 0]
    cluster.collect(*nodes)
    expect_equal(tmp_path, nodes)
