"""A member that is silent for too long is unlisted by a majority; it lists itself when it is back.

Collection is on, so that what lapses is also what collection no longer waits for.
"""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from lastword.replication.frames import Frame
from lastword.replication.lapse import Lapse
from lastword.replication.replica import Send
from lastword.replication.settings import ReplicaSettings
from lastword.store.operations import PEERS_SET, Write
from tests.replication.net import Net, Node, assert_converged

ROUNDS = 20
ROUND_US = 10_000_000
LAPSE_US = ROUNDS * ROUND_US
NAMES = ("a:1", "b:1", "c:1", "d:1", "e:1")
SETTINGS = ReplicaSettings(
    lapse_us=LAPSE_US, grace_us=0, collect_interval_us=2 * ROUND_US, fanout=4
)


class Halves(Net):
    """A net whose nodes reach only those that are on their side."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.cut: frozenset[str] = frozenset()

    def reaches(self, source: str, target: str) -> bool:
        return (source in self.cut) == (target in self.cut)

    def rounds(self, count: int) -> None:
        for _ in range(count):
            for address in list(self.nodes):
                self.tick(address)
            self.pass_time(ROUND_US)

    def reply(self, source: str, send: Send) -> Frame | None:
        return super().reply(source, send) if self.reaches(source, send.address) else None

    def cluster(self, count: int, settings: ReplicaSettings = SETTINGS) -> list[Node]:
        """Start nodes that all know each other."""
        made = [self.start(name, *NAMES[:1], settings=settings) for name in NAMES[:count]]
        self.rounds(10)
        assert all(node.store.members() == set(NAMES[:count]) for node in made)
        return made


@pytest.fixture
def net(tmp_path: Path) -> Iterable[Halves]:
    made = Halves(tmp_path)
    yield made
    made.stores.finish()


def lapsed(nodes: Iterable[Node]) -> int:
    return sum(node.replica.counters.members_lapsed for node in nodes)


def restart(net: Halves, address: str) -> Node:
    net.stop(address)
    return net.start(address, *NAMES[:1], settings=SETTINGS)


def test_a_member_that_is_silent_for_the_lapse_is_unlisted_and_no_sooner(net: Halves) -> None:
    a, b, _ = net.cluster(3)
    net.stop("c:1")
    net.rounds(ROUNDS - 1)
    assert "c:1" in a.store.members()

    net.rounds(3)

    assert a.store.members() == b.store.members() == {"a:1", "b:1"}
    assert lapsed([a, b]) >= 1


def test_what_a_lapsed_member_held_back_is_collected(net: Halves) -> None:
    a, b, _ = net.cluster(3)
    net.stop("c:1")
    a.store.execute(Write(b"s", add=(b"x",)))
    a.store.execute(Write(b"s", remove=(b"x",)))
    net.rounds(ROUNDS - 2)
    assert a.store.totals()[b"s"].tombstones == 1
    assert "c:1" in a.replica.collection.blocked

    net.rounds(20)

    assert all(b"s" not in node.store.totals() for node in (a, b))
    assert a.replica.collection.blocked == {}


def test_of_two_that_are_alone_neither_unlists_the_other(net: Halves) -> None:
    a, _ = net.cluster(2)
    net.stop("b:1")
    net.rounds(3 * ROUNDS)
    assert a.store.members() == {"a:1", "b:1"}


@pytest.mark.parametrize(
    ("count", "cut", "left"),
    [
        (4, NAMES[:2], {NAMES[:4]}),
        (5, NAMES[:2], {NAMES[:5], NAMES[2:5]}),
        (3, NAMES[:1], {NAMES[:3], NAMES[1:3]}),
    ],
    ids=["2/2", "3/2", "one alone"],
)
def test_of_two_parts_only_the_larger_unlists_and_all_are_members_again_when_they_meet(
    net: Halves, count: int, cut: tuple[str, ...], left: set[tuple[str, ...]]
) -> None:
    nodes = net.cluster(count)
    net.cut = frozenset(cut)
    for number, node in enumerate(nodes):
        node.store.execute(Write(b"s", add=(b"%d" % number,)))
    net.rounds(2 * ROUNDS)
    assert {frozenset(node.store.members()) for node in nodes} == set(map(frozenset, left))

    net.cut = frozenset()
    net.rounds(60)

    assert all(node.store.members() == set(NAMES[:count]) for node in nodes)
    assert_converged(nodes)
    assert all(node.store.contains(b"s", b"%d" % number) for node in nodes for number in range(2))


def test_two_halves_that_unlisted_each_other_by_hand_are_one_cluster_after_one_put(
    net: Halves,
) -> None:
    """Nothing was collected meanwhile; else they would be behind each other."""
    nodes = net.cluster(4, replace(SETTINGS, collect_interval_us=1 << 60))
    net.cut = frozenset(NAMES[:2])
    net.rounds(2 * ROUNDS)
    for node, gone in ((nodes[0], NAMES[2:4]), (nodes[2], NAMES[:2])):
        node.store.execute(Write(PEERS_SET, remove=tuple(map(str.encode, gone))))
    net.rounds(2 * ROUNDS)
    assert nodes[1].store.members() == set(NAMES[:2])
    assert nodes[3].store.members() == set(NAMES[2:4])

    net.cut = frozenset()
    nodes[1].store.execute(Write(PEERS_SET, add=(b"d:1",)))
    net.rounds(100)

    assert all(node.store.members() == set(NAMES[:4]) for node in nodes)
    assert_converged(nodes)


def test_a_member_that_starts_after_its_lapse_lists_itself_again(net: Halves) -> None:
    a, b, c = net.cluster(3)
    c.store.execute(Write(b"s", add=(b"of c",)))
    net.rounds(3)
    net.stop("c:1")
    net.rounds(2 * ROUNDS)
    assert "c:1" not in a.store.members()

    c = net.start("c:1", *NAMES[:1], settings=SETTINGS)
    net.rounds(40)

    assert all(node.store.members() == set(NAMES[:3]) for node in (a, b, c))


def test_a_node_that_was_deleted_while_it_was_up_stays_so_until_its_next_start(
    net: Halves,
) -> None:
    a, _, c = net.cluster(3)
    a.store.execute(Write(PEERS_SET, remove=(b"c:1",)))
    net.rounds(3 * ROUNDS)
    assert c.store.members() == a.store.members() == {"a:1", "b:1"}

    c = restart(net, "c:1")
    net.rounds(10)

    assert c.store.members() == a.store.members() == set(NAMES[:3])


def test_a_node_that_was_deleted_while_it_was_down_lists_itself_at_its_start(net: Halves) -> None:
    a, _, c = net.cluster(3)
    net.stop("c:1")
    a.store.execute(Write(PEERS_SET, remove=(b"c:1",)))
    net.rounds(3)

    c = net.start("c:1", *NAMES[:1], settings=SETTINGS)
    net.rounds(10)

    assert c.store.members() == a.store.members() == set(NAMES[:3])


def test_a_start_that_finds_itself_listed_writes_nothing(net: Halves) -> None:
    net.cluster(3)
    c = restart(net, "c:1")
    log_end = c.store.log_end
    net.rounds(20)
    assert c.store.log_end == log_end


def test_silence_is_counted_over_starts_and_not_while_the_listener_was_down(net: Halves) -> None:
    net.cluster(3)
    net.stop("c:1")
    net.rounds(ROUNDS // 2)
    net.stop("a:1")
    net.stop("b:1")
    net.pass_time(10 * LAPSE_US)
    a = net.start("a:1", settings=SETTINGS)
    net.start("b:1", settings=SETTINGS)
    net.rounds(ROUNDS // 3)
    assert "c:1" in a.store.members()

    net.rounds(ROUNDS // 2)

    assert "c:1" not in a.store.members()


def test_a_listener_that_was_stopped_for_long_does_not_take_that_for_silence(net: Halves) -> None:
    nodes = net.cluster(3)
    net.pass_time(10 * LAPSE_US)
    net.rounds(5)
    assert lapsed(nodes) == 0


def test_a_node_that_stood_still_for_longer_than_the_lapse_lists_itself_again(net: Halves) -> None:
    """Also where nothing was collected meanwhile, so that it need not begin afresh."""
    nodes = a, b, c = net.cluster(3, replace(SETTINGS, collect_interval_us=1 << 60))
    net.cut = frozenset({"c:1"})
    for _ in range(2 * ROUNDS):
        net.tick("a:1")
        net.tick("b:1")
        net.pass_time(ROUND_US)
    assert a.store.members() == b.store.members() == {"a:1", "b:1"}

    net.cut = frozenset()
    net.rounds(20)

    assert c.replica.counters.copies_begun == 0
    assert all(node.store.members() == set(NAMES[:3]) for node in nodes)
    assert lapsed(nodes) <= 2


def test_silence_is_none_where_a_member_was_heard_as_soon_as_this_node_went_on(
    net: Halves,
) -> None:
    a, _, _ = net.cluster(3)
    report = a.replica.peers.peer("b:1").report
    report.heard(net.now_us)
    report.forgive(LAPSE_US, net.now_us)
    assert report.silent_us(net.now_us) == 0


def test_whoever_was_never_called_in_vain_is_not_unlisted(net: Halves) -> None:
    """It may be up: nobody has asked it since this node started."""
    a, _, _ = net.cluster(3)
    silent = a.replica.peers.peer("c:1")
    silent.report.forgive(-10 * LAPSE_US, net.now_us)
    assert not silent.failures
    replica = a.replica
    lapse = Lapse(a.store, replica.peers, replica.membership, SETTINGS, replica.counters)
    lapse.tick(net.now_us)
    assert "c:1" in a.store.members()


def test_a_node_listed_under_two_addresses_counts_once_for_the_majority(net: Halves) -> None:
    """Of a, b, c and d, a and b are two of four, whatever b is called beside."""
    a, _, _, _ = net.cluster(4)
    a.store.list_member("alias:1")
    net.nodes["alias:1"] = net.nodes["b:1"]
    aliased = [name for name in net.nodes if name != "alias:1"]
    for name in ("c:1", "d:1"):
        net.stop(name)
        aliased.remove(name)
    for _ in range(3 * ROUNDS):
        for name in aliased:
            net.tick(name)
        net.pass_time(ROUND_US)
    del net.nodes["alias:1"]
    assert {"c:1", "d:1"} <= a.store.members()


def test_a_node_that_left_does_not_list_itself_again_while_it_is_up(net: Halves) -> None:
    a, b, c = net.cluster(3)
    c.replica.membership.leave()
    net.rounds(5)
    assert a.store.members() == b.store.members() == {"a:1", "b:1"}

    net.cut = frozenset({"c:1"})
    net.rounds(2 * ROUNDS)
    net.cut = frozenset()
    net.rounds(20)

    assert a.store.members() == c.store.members() == {"a:1", "b:1"}


def test_a_node_that_is_no_member_unlists_nobody(net: Halves) -> None:
    a, _, c = net.cluster(3)
    c.replica.membership.leave()
    net.rounds(5)
    net.stop("b:1")
    net.rounds(3 * ROUNDS)
    assert "b:1" in a.store.members()
    assert lapsed([a, c]) == 0
