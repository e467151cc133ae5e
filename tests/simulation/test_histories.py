"""Histories of a few steps that each need one rule of collection: without it a check breaks.

`tools/mutants.py` takes the rules away one by one.
"""

import pytest

from lastword.replication.fence import Fence, Standing, Theirs
from lastword.replication.frames import FenceBody
from lastword.replication.vectors import covers_all
from lastword.simulation.small import SmallCluster

BEHIND = (
    "add 0 x",
    "exchange 1 0",
    "save 1",
    "remove 0 x",
    "exchange 1 0",
    "exchange 0 1",
    "collect 0",
    "restore 1",
)
"""Node 0 has collected a removal that node 1, whose disk was put back, does not know of."""

HISTORIES = {
    "a comparison does not bring back what was collected": (*BEHIND, "compare 1 0"),
    "nor one that the other side begins": (*BEHIND, "compare 0 1"),
    "a walk does not bring it back": (*BEHIND, "exchange 0 1"),
    "nor where new dots were given meanwhile": (*BEHIND, "redot 1", "exchange 0 1"),
    "a node that begins afresh keeps its writes": (*BEHIND, "add 1 y", "exchange 1 0"),
    "and those of its earlier runs": (*BEHIND, "add 1 y", "crash 1", "exchange 1 0"),
    "a copy knows what its source collected": (
        *("add 0 x", "exchange 1 0", "exchange 2 0", "save 2", "remove 0 x", "exchange 1 0"),
        *("exchange 2 0", "exchange 0 1", "exchange 0 2", "collect 0", "restore 2"),
        *("wipe 1", "exchange 1 0", "compare 1 2", "compare 2 1"),
    ),
    "a copy refuses old adds of what its source collected": (
        *("add 0 x", "add 0 y", "exchange 1 0", "save 1", "remove 0 x", "exchange 1 0"),
        *("exchange 0 1", "collect 0", "restore 1", "exchange 1 0", "old 1 x"),
    ),
    "also where nothing of the set is left": (*BEHIND, "exchange 1 0", "old 1 x"),
    "writes after beginning afresh reach the others": (
        *(*BEHIND, "exchange 0 1", "exchange 1 0", "add 1 y", "exchange 0 1"),
        *("remove 0 y", "exchange 1 0"),
    ),
    "numbers of dots that others have seen are not given again": (
        *("add 0 x", "exchange 1 0", "exchange 2 0", "save 1", "remove 0 x", "exchange 1 0"),
        *("exchange 2 0", "exchange 0 1", "exchange 0 2", "collect 0", "restore 1"),
        *("add 1 a", "add 1 b", "add 1 c", "ask 2 1", "deliver", "ask 2 1", "deliver"),
        *("ask 2 1", "deliver", "exchange 1 0", "add 1 d"),
    ),
    "a copy begins again where its source collected meanwhile": (
        *("add 0 x", "add 0 y", "add 0 z", "add 0 w", "exchange 1 0", "save 1", "remove 0 x"),
        *("exchange 1 0", "exchange 0 1", "collect 0", "restore 1", "ask 1 0", "deliver"),
        *("ask 1 0", "deliver", "ask 1 0", "deliver", "lapse 0 1", "remove 0 y", "collect 0"),
        "exchange 1 0",
    ),
    "a file that was born empty does not collect before it knows the others": (
        *(*BEHIND, "wipe 1", "add 1 y", "remove 1 y", "collect 1"),
    ),
    "a tombstone that is older than what was collected is news": (
        *("remove 1 x", "lapse 0 1", "add 0 y", "remove 0 y", "ask 1 0", "deliver"),
        *("ask 1 0", "deliver", "collect 0", "exchange 1 0"),
    ),
    "a tombstone that a page brings is held though later ones were collected": (
        *("remove 1 x", "remove 0 y", "ask 1 0", "deliver", "compare 0 1", "exchange 0 1"),
        *("collect 0", "exchange 1 0", "collect 1"),
    ),
    "a page that was made before a collection is not taken after it": (
        *("add 1 x", "ask 0 1", "compare 0 1", "remove 0 x", "lapse 0 1", "collect 0", "deliver"),
    ),
}


@pytest.mark.parametrize("name", HISTORIES)
def test_no_check_breaks(name: str) -> None:
    steps = HISTORIES[name]
    nodes = 3 if any(" 2" in step for step in steps) else 2
    cluster = SmallCluster(nodes)
    cluster.play(*steps)
    assert cluster.settle()


class LaxFence(Fence):
    """The fence of a node that refuses nothing."""

    def hear(self, theirs: Theirs, body: FenceBody | None) -> Standing:
        super().hear(theirs, body)
        return Standing.CLEAR


@pytest.mark.parametrize("lax", [0, 1])
def test_each_side_keeps_the_fence_by_itself(lax: int) -> None:
    cluster = SmallCluster()
    cluster.play(*BEHIND)
    node = cluster.nodes[lax]
    node.replica._fence = LaxFence(node.store)
    cluster.play(
        "redot 1", "compare 0 1", "compare 1 0", "ask 0 1", "deliver", "ask 0 1", "deliver"
    )
    assert cluster.nodes[0].store.stamp_of(b"s", b"x") is None


def test_after_a_fresh_beginning_nothing_is_believed_that_the_old_file_was_told() -> None:
    cluster = SmallCluster(3)
    cluster.play("add 0 x", "exchange 1 0", "exchange 2 0", "remove 0 x")
    cluster.play("lapse 0 1", "lapse 0 2", "collect 0", "add 2 y", "exchange 1 2")
    taken = cluster.nodes[1].replica.peers.peer(cluster.addresses[2]).taken
    assert taken.hash == cluster.nodes[2].store.seen.state.hash
    cluster.play("exchange 1 0")
    assert cluster.nodes[1].replica.counters.copies_finished == 1
    assert not covers_all(cluster.nodes[1].store.seen, cluster.nodes[2].store.seen)
    assert taken.hash == 0
