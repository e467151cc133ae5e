"""A copy that takes a while: it is seen to go on, and its node serves meanwhile."""

from pathlib import Path

import pytest

from tests.calls import call
from tests.eventually import eventually
from tests.restores.cluster import Cluster, await_members, await_metric
from tests.restores.shown import (
    await_removed,
    await_state,
    expect_equal,
    logged,
    metric,
    put,
    ready,
    remove,
    say,
    state,
)
from tools.processes import NodeProcess

pytestmark = pytest.mark.slow

BATCH = 10_000
BATCHES = 25


def fill(node: NodeProcess) -> None:
    """Add many elements."""
    for batch in range(BATCHES):
        names = (f'"{batch}-{number}"' for number in range(BATCH))
        body = f"[{','.join(names)}]".encode()
        assert call(node.address, "PUT", "/large", body).status == 200


def is_copying(node: NodeProcess, least: int) -> bool:
    """Return whether so many entries of a copy have arrived; it must not have ended."""
    assert metric(node, "copies_finished_total") == 0, "the copy was too quick"
    copying = ready(node)["copying"]
    return copying is not None and copying["entries"] >= least


def test_a_copy_is_seen_to_go_on_while_its_node_serves_and_goes_on_after_a_kill(
    cluster: Cluster, tmp_path: Path
) -> None:
    source = cluster.start()
    copier = cluster.start("-i", source.address)
    nodes = [source, copier]
    await_members(nodes, nodes)
    put(source, "kept", "removed")
    await_state(nodes, {"kept", "removed"})
    copier.kill()
    remove(source, "removed")
    fill(source)
    assert say(tmp_path, "lapse", copier.address, "-a", source.address, "--yes")[0] == 0
    cluster.collect(source)

    copier.start()
    eventually(lambda: is_copying(copier, BATCH), "it copies")
    assert metric(copier, "copying") == 1
    assert (
        f"behind {source.address}, copies it: " in say(tmp_path, "tombstones", copier.address)[1]
    )
    assert set(state(copier).present) == {"kept", "removed"}
    put(copier, "meanwhile")
    eventually(lambda: is_copying(copier, 8 * BATCH), "it goes on")
    copier.kill()

    copier.start()
    put(copier, "after")
    assert set(state(copier).present) >= {"kept", "meanwhile", "after"}
    await_metric(copier, "copies_finished_total", 1)
    assert metric(copier, "copied_entries_total") <= (BATCHES - 8) * BATCH + 10
    await_state(nodes, {"kept", "meanwhile", "after"})
    await_removed(nodes, set())
    await_members(nodes, nodes)
    told = logged(copier)
    begun = f"behind {source.address}: begins afresh as a copy of it, and serves on"
    ended = f"has begun afresh: what it holds is a copy of {source.address} now"
    assert begun in told
    assert any(line.startswith(f"goes on with its copy of {source.address}: ") for line in told)
    assert told.index(begun) < told.index(ended)
    expect_equal(tmp_path, nodes)
