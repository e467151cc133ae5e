"""Members that others unlist while they are up, or cut off: they lose nothing by it."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.calls import members
from tests.eventually import eventually
from tests.restores.cluster import Cluster, await_members, await_metric, still, unlist
from tests.restores.shown import (
    await_state,
    expect_equal,
    logged,
    metric,
    put,
    refused,
    remove,
    say,
    state,
    write,
)
from tools.processes import NodeProcess

pytestmark = pytest.mark.slow

GHOSTS_EXIT = 6


@contextmanager
def cut_off(alone: NodeProcess, others: list[NodeProcess], old_us: int) -> Iterator[None]:
    """Let others remove an element and a node take writes later, each unheard by the other side.

    Within the block that node stands still.
    """
    with ExitStack() as within:
        with ExitStack() as meanwhile:
            with still(alone):
                remove(others[0], "removed")
                meanwhile.enter_context(still(*others))
            put(alone, "own")
            write(alone, "PUT", "old", f"?time={old_us}")
            within.enter_context(still(alone))
        yield


def test_who_is_deleted_serves_and_replicates_on_and_is_a_member_again_when_it_starts(
    cluster: Cluster,
) -> None:
    nodes = first, second, unlisted = cluster.three()
    unlist(first, unlisted)
    await_members(nodes, [first, second])
    put(unlisted, "from-it")
    put(first, "to-it")
    await_state(nodes, {"from-it", "to-it"})
    remove(first, "to-it")
    await_state(nodes, {"from-it"})
    cluster.collect(first, second)
    await_members(nodes, [first, second])

    unlisted.restart()

    await_members(nodes, nodes)
    await_state(nodes, {"from-it"})


def test_who_was_deleted_and_passed_by_collection_begins_afresh_and_loses_nothing(
    cluster: Cluster, tmp_path: Path
) -> None:
    nodes = first, second, passed = cluster.three()
    put(first, "kept", "removed")
    await_state(nodes, {"kept", "removed"})
    unlist(first, passed)
    await_members(nodes, [first, second])
    old_us = write(first, "PUT", "mark").time
    await_state(nodes, {"kept", "removed", "mark"})
    with cut_off(passed, [first, second], old_us):
        cluster.collect(first, second)

    await_metric(passed, "copies_finished_total", 1)
    await_state(nodes, {"kept", "mark", "own"})
    assert refused(passed) == {"old": old_us}
    await_members(nodes, nodes)
    expect_equal(tmp_path, nodes)

    (kept,) = map(str, passed.database.parent.glob(f"{passed.database.name}-refused-*.ndjson"))
    assert say(tmp_path, "import", kept, "-a", first.address)[0] == GHOSTS_EXIT
    assert say(tmp_path, "import", kept, "-a", first.address, "--ghosts=readd")[0] == 0
    await_state(nodes, {"kept", "mark", "own", "old"})


def test_who_stood_still_for_longer_than_the_lapse_comes_back_and_loses_nothing(
    cluster: Cluster, tmp_path: Path
) -> None:
    nodes = first, second, lapsed = cluster.three()
    put(first, "kept", "removed")
    await_state(nodes, {"kept", "removed"})
    old_us = write(first, "PUT", "mark").time
    await_state(nodes, {"kept", "removed", "mark"})
    with cut_off(lapsed, [first, second], old_us):
        cluster.grow_old()
        eventually(
            lambda: say(tmp_path, "tombstones", first.address)[0] == 1, "it blocks collection"
        )
        assert lapsed.address in members(first.address)
        eventually(lambda: lapsed.address not in members(first.address), "it lapses", within_s=100)
        cluster.collect(first, second)
        told = [*logged(first), *logged(second)]
        assert f"unlisted after a long silence: {lapsed.address}" in told
        lapses = [metric(node, "members_lapsed_total") for node in (first, second)]
        assert 1 <= sum(lapses) <= 2

    await_metric(lapsed, "copies_finished_total", 1)
    await_members(nodes, nodes)
    await_state(nodes, {"kept", "mark", "own"})
    assert refused(lapsed) == {"old": old_us}
    assert all("removed" not in state(node).present for node in nodes)
    expect_equal(tmp_path, nodes)
