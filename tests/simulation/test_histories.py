"""Histories of a few steps that each need one rule of collection: without it a check breaks.

`tools/mutants.py` takes the rules away one by one.
"""

from itertools import permutations

import pytest

from lastword.replication import collection
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

ONE_WAY = ("ask 2 0", "deliver") * 4
"""Node 2 takes all that node 0 has, and tells it nothing."""

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
    "a node that joins through one that is behind brings nothing back": (
        *("add 0 x", "exchange 1 0", "exchange 2 0", "save 1", "remove 0 x", "exchange 1 0"),
        *("exchange 2 0", "exchange 0 1", "exchange 0 2", "collect 0", "restore 1", "wipe 2"),
        *("exchange 2 1", "add 2 y", "compare 0 2", "exchange 0 2", "exchange 2 0"),
    ),
    "nor one that hears late of a leave": (
        *("add 0 x", "exchange 1 0", "exchange 2 0", "remove 0 x", "exchange 1 0", "exchange 0 1"),
        *("leave 2", "ask 0 2", "deliver", "collect 0", "collect 1", "crash 2", "exchange 1 2"),
        *("compare 0 2", "exchange 2 0", "collect 1"),
    ),
    "nor a walk that was broken off for good": (
        *("add 0 a", "add 0 b", "add 0 c", "ask 1 0", "deliver", "wipe 0", "remove 1 a"),
        *("exchange 2 1", "redot 1", "exchange 2 1", "exchange 1 2", "lapse 1 0", "exchange 2 1"),
        *("collect 1", "collect 2", "compare 2 1", "exchange 0 2"),
    ),
    "after a fresh beginning each log is read from its start": (
        *("add 2 y", "exchange 1 2", "add 0 x", "remove 0 x", "lapse 0 1", "lapse 0 2"),
        *(*ONE_WAY, "collect 0", "exchange 1 0", "exchange 1 2"),
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


APART = {
    "2/2": ((0, 1), (2, 3)),
    "3/2": ((0, 1, 2), (3, 4)),
    "one alone": ((0, 1), (2,)),
}
"""Sides that are apart for longer than the lapse, and take each other for lost."""


@pytest.mark.parametrize("sides", APART.values(), ids=APART)
def test_sides_that_took_each_other_out_are_joined_by_their_operator(
    sides: tuple[tuple[int, ...], ...],
) -> None:
    cluster = parted(sides)
    cluster.play(*(f"list {one[0]} {other[0]}" for one, other in (sides, sides[::-1])))
    assert not cluster.settle()
    stamps = [[node.store.stamp_of(b"s", at) for at in (b"x", b"y")] for node in cluster.nodes]
    kept, given_up = stamps[0], stamps[-1]
    assert (kept[0], given_up[1]) == (None, None)
    cluster.play(*(f"rejoin {node} 0" for node in sides[1]))
    assert cluster.settle()
    for node in cluster.nodes:
        assert [node.store.stamp_of(b"s", at) for at in (b"x", b"y")] == kept
        assert node.store.contains(b"s", b"new")
        assert node.store.contains(b"s", b"other")
        assert node.store.members() == frozenset(cluster.addresses)


def parted(sides: tuple[tuple[int, ...], ...]) -> SmallCluster:
    """Return a cluster whose sides collected the removal of x here, and of y there."""
    cluster = SmallCluster(sum(map(len, sides)))
    cluster.play("add 0 x", "add 0 y")
    cluster.play(*(f"exchange {node.index} 0" for node in cluster.nodes[1:]))
    for side, gone, element in zip(sides, sides[::-1], "xy", strict=True):
        first = side[0]
        cluster.play(*(f"lapse {first} {node}" for node in gone))
        cluster.play(f"remove {first} {element}", f"add {first} {'new' if first else 'other'}")
        for _ in range(2):
            cluster.play(*(f"exchange {one} {two}" for one, two in permutations(side, 2)))
        cluster.play(*(f"collect {node}" for node in side))
    return cluster


def test_a_node_that_joins_in_the_middle_of_a_collection_begins_afresh(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(collection, "BATCH_ROWS", 1)
    cluster = SmallCluster(3)
    cluster.play("add 0 x", "add 0 y", "remove 0 x", "remove 0 y", "lapse 0 2", "exchange 1 0")
    cluster.play("exchange 0 1", "collect 0")
    first = cluster.nodes[0]
    assert first.store.totals()[b"s"].tombstones == 1  # one batch of two is done
    cluster.play("wipe 2", "add 2 x", "exchange 2 1", "exchange 2 0")
    first.replica.collection.tick(cluster.now_us)
    assert b"s" not in first.store.totals() or not first.store.totals()[b"s"].tombstones
    cluster.play("exchange 0 2", "compare 1 2")
    assert cluster.settle()
    assert cluster.nodes[0].store.contains(b"s", b"x")  # it was added later


def test_whom_a_node_copies_is_not_silent() -> None:
    cluster = SmallCluster()
    cluster.play(*BEHIND, "add 0 y", "add 0 z", "ask 1 0", "deliver")
    node, source = cluster.nodes[1], cluster.addresses[0]
    pages = 0
    for _ in range(10):
        cluster.play("ask 1 0")
        copied = node.replica.copied
        cluster.play("deliver")
        if node.replica.copied > copied:
            pages += 1
            assert node.replica.peers.peer(source).report.silent_us(cluster.now_us) == 0
    assert (pages > 0, node.replica.counters.copies_finished) == (True, 1)
