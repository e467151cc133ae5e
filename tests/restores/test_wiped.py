"""A node whose disk was lost, started anew under its old address: it comes back whole."""

from pathlib import Path

import pytest

from tests.eventually import eventually
from tests.restores.cluster import Cluster, await_rounds, still
from tests.restores.shown import (
    await_state,
    expect_equal,
    metric,
    put,
    remove,
    tombstones,
)
from tools.processes import NodeProcess

pytestmark = pytest.mark.slow


def wipe(node: NodeProcess) -> None:
    """End a node as a lost machine ends, and its disk with it."""
    node.kill()
    for file in node.database.parent.glob(f"{node.database.name}*"):
        file.unlink()


def collected_before(cluster: Cluster) -> list[NodeProcess]:
    """Give three nodes that have collected."""
    nodes = cluster.three()
    put(nodes[0], "kept", "removed")
    await_state(nodes, {"kept", "removed"})
    remove(nodes[1], "removed")
    await_state(nodes, {"kept"})
    cluster.collect(*nodes)
    return nodes


@pytest.mark.parametrize("told", [0, 1], ids=["told of nobody", "told of one"])
def test_a_wiped_disk_comes_back_whole(cluster: Cluster, tmp_path: Path, told: int) -> None:
    nodes = collected_before(cluster)
    wiped = nodes[0] if told == 0 else nodes[2]  # the first one was started without `-i`
    others = [node for node in nodes if node is not wiped]

    wipe(wiped)
    with still(*others):
        wiped.start()
        put(wiped, "own")
    put(others[0], "new")

    await_state(nodes, {"kept", "new", "own"})
    assert metric(wiped, "copies_finished_total") == 1
    expect_equal(tmp_path, nodes)


def test_a_wiped_disk_collects_nothing_before_it_has_copied(cluster: Cluster) -> None:
    nodes = collected_before(cluster)
    wiped, others = nodes[2], nodes[:2]

    wipe(wiped)
    with still(*others):
        wiped.start()
        put(wiped, "fleeting")
        remove(wiped, "fleeting")
        cluster.grow_old()
        eventually(lambda: tombstones(wiped)["collectable"] > 0, "its tombstone is old enough")
        await_rounds(wiped)
        shown = tombstones(wiped)
        assert (shown["mayCollect"], shown["collected"], shown["held"]) == (False, 0, 1)
    eventually(lambda: tombstones(wiped)["mayCollect"], "it may collect once it has copied")
    cluster.collect(*nodes)
    assert metric(wiped, "tombstones_collected_total") >= 1
