"""A file that is put back as it was earlier: its node is late, and nothing else."""

import shutil
from pathlib import Path

import pytest

from tests.eventually import eventually
from tests.restores.cluster import Cluster, await_metric, still
from tests.restores.shown import (
    await_state,
    expect_equal,
    metric,
    put,
    refused,
    remove,
    state,
    write,
)
from tools.processes import NodeProcess

pytestmark = pytest.mark.slow


def back_up(node: NodeProcess) -> Path:
    """Return a copy of the file of a node, which is stopped for it."""
    node.stop()
    backup = Path(shutil.copy(node.database, node.database.with_suffix(".backup")))
    node.start()
    return backup


def test_a_restored_file_rolls_nothing_back_and_is_only_late(
    cluster: Cluster, tmp_path: Path
) -> None:
    nodes = first, _, restored = cluster.three()
    put(restored, "kept", "removed")
    remove(restored, "readded")
    backup = back_up(restored)
    put(restored, "later", "readded")
    remove(first, "removed")
    await_state(nodes, {"kept", "later", "readded"})
    before = state(first)

    restored.stop()
    shutil.copy(backup, restored.database)
    restored.start()
    put(restored, "new")

    await_state(nodes, {"kept", "later", "readded", "new"})
    after = state(first)
    assert after.removed == before.removed
    assert after.present.items() > before.present.items()
    assert metric(restored, "copies_begun_total") == 0
    expect_equal(tmp_path, nodes)


def test_what_a_restored_file_still_holds_of_the_collected_never_comes_back(
    cluster: Cluster, tmp_path: Path
) -> None:
    nodes = first, second, restored = cluster.three()
    put(first, "kept", "removed")
    await_state(nodes, {"kept", "removed"})
    backup = back_up(restored)
    before_us = write(first, "DELETE", "removed").time - 1
    await_state(nodes, {"kept"})
    cluster.collect(*nodes)

    restored.stop()
    with still(first, second):
        shutil.copy(backup, restored.database)
        restored.start()
        assert set(state(restored).present) == {"kept", "removed"}
        put(restored, "own")
        remove(restored, "kept")
        write(restored, "PUT", "old", f"?time={before_us}")

    def is_renewed() -> bool:
        for node in (first, second):
            assert "removed" not in state(node).present
        assert state(restored).present
        return metric(restored, "copies_finished_total") == 1

    eventually(is_renewed, "it begins afresh, and serves meanwhile")
    await_state(nodes, {"own"})
    assert refused(restored) == {"old": before_us}
    await_metric(restored, "walks_finished_total", 2)
    expect_equal(tmp_path, nodes)
    assert not any("removed" in state(node).present for node in nodes)
