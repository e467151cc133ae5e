"""Collection in a real cluster, and what an operator sees of it."""

from pathlib import Path

import pytest

from tests.eventually import eventually
from tests.restores.cluster import Cluster, still
from tests.restores.shown import (
    await_removed,
    await_state,
    expect_equal,
    metric,
    put,
    ready,
    remove,
    say,
    state,
    tombstones,
)

pytestmark = pytest.mark.slow


def test_tombstones_go_once_every_member_covers_them_and_the_commands_say_so(
    cluster: Cluster, tmp_path: Path
) -> None:
    nodes = first, second, third = cluster.three()
    put(first, "a", "b", "c")
    await_state(nodes, {"a", "b", "c"})
    remove(second, "b")
    await_removed(nodes, {"b"})
    code, said = say(tmp_path, "tombstones", first.address)
    assert (code, said.partition(" held, ")[0]) == (0, "1 tombstones")
    assert [metric(node, "tombstones") for node in nodes] == [1, 1, 1]
    digest = ready(first)["digest"]

    with still(third):
        remove(first, "c")
        cluster.grow_old()
        eventually(lambda: tombstones(first)["heldBack"] == 1, "one is held back")
        assert set(state(first).removed) == {"c"}
        code, said = say(tmp_path, "tombstones", first.address)
        row = next(line for line in said.splitlines() if third.address in line)
        assert code == 1
        assert "UTC" in row
        assert metric(first, "tombstones_held_back") == 1
    cluster.collect(*nodes)

    for node in nodes:
        assert set(state(node).present) == {"a"}
        eventually(
            lambda node=node: say(tmp_path, "tombstones", node.address)[0] == 0,  # type: ignore[misc]
            "nobody blocks it",
        )
        assert metric(node, "tombstones_collected_total") >= 2
        assert metric(node, "tombstones") == 0
        assert ready(node)["digest"] != digest
    put(first, "b")
    await_state(nodes, {"a", "b"})
    expect_equal(tmp_path, nodes)
