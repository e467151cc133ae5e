"""Collection: tombstones go for good once every listed member covers them, and not before."""

from dataclasses import replace

import pytest

from lastword.replication.collection import BATCH_ROWS
from lastword.replication.entries import Entry
from lastword.replication.fence import Standing
from lastword.store.base import BaseStore
from lastword.store.operations import PEERS_SET, Write
from tests.replication.net import SETTINGS, A, B, C, Net, Node, assert_converged
from tests.stores import HOUR_US, SECOND_US, S, add, made_up, numbered, remove, stamps

GRACE_US = 600 * SECOND_US
QUICK = replace(SETTINGS, grace_us=GRACE_US)
OLD = replace(QUICK, version=2)
ROUNDS = 8


def started(net: Net, *addresses: str) -> list[Node]:
    """Return nodes that know each other, and have an element each that was removed."""
    first = addresses[0]
    nodes = [net.start(at, *([first] if at != first else []), settings=QUICK) for at in addresses]
    net.rounds(ROUNDS)
    for node, address in zip(nodes, addresses, strict=True):
        add(node.store, b"stays", b"goes " + address.encode())
        remove(node.store, b"goes " + address.encode())
    net.rounds(ROUNDS)
    return nodes


def hour(net: Net) -> None:
    """Let the wall reach the next full hour, and whatever is due then be done."""
    net.pass_time(HOUR_US - net.stores.wall.now_us % HOUR_US)
    net.rounds(ROUNDS)


def tombstones(store: BaseStore) -> set[bytes]:
    return {element for (name, element), stamp in stamps(store).items() if stamp & 1 and name == S}


def members_of(*addresses: str) -> set[bytes]:
    return {b"goes " + address.encode() for address in addresses}


def test_what_every_member_covers_is_collected_by_all(net: Net) -> None:
    nodes = started(net, A, B, C)
    assert all(tombstones(node.store) == members_of(A, B, C) for node in nodes)
    hour(net)
    for node in nodes:
        assert tombstones(node.store) == set()
        assert node.store.contains(S, b"stays")
        assert node.replica.counters.tombstones_collected == 3
        assert node.replica.collection.blocked == {}
    assert_converged(nodes)
    assert nodes[0].store.collected == nodes[1].store.collected == nodes[2].store.collected


def test_nobody_is_fenced_off_by_collecting_at_the_same_time(net: Net) -> None:
    nodes = started(net, A, B, C)
    hour(net)
    add(nodes[0].store, b"after")
    net.rounds(ROUNDS)
    assert_converged(nodes)
    assert all(node.store.contains(S, b"after") for node in nodes)
    assert all(node.replica.counters.copies_begun == 0 for node in nodes)


def test_nothing_is_collected_within_its_grace(net: Net) -> None:
    a, b = started(net, A, B)
    net.pass_time(HOUR_US - net.stores.wall.now_us % HOUR_US - GRACE_US + SECOND_US)
    remove(a.store, b"late")
    net.rounds(ROUNDS)
    hour(net)
    assert tombstones(a.store) == tombstones(b.store) == {b"late"}
    hour(net)
    assert tombstones(a.store) == tombstones(b.store) == set()


def test_nothing_is_collected_before_the_hour(net: Net) -> None:
    a, _ = started(net, A, B)
    net.pass_time(HOUR_US - net.stores.wall.now_us % HOUR_US - 60 * SECOND_US)
    net.rounds(ROUNDS)
    assert tombstones(a.store) == members_of(A, B)


def test_a_member_that_is_away_holds_back_what_it_has_not_said_to_cover(net: Net) -> None:
    a, b, _ = started(net, A, B, C)
    net.stop(C)
    remove(a.store, b"stays")
    net.rounds(ROUNDS)
    hour(net)
    since = dict(a.replica.collection.blocked)
    assert since.keys() == {C}
    assert a.replica.collection.held_back == 1
    assert tombstones(a.store) == tombstones(b.store) == {b"stays"}
    hour(net)
    assert a.replica.collection.blocked == since  # since when it was first held back
    net.start(C, A, settings=QUICK)
    net.rounds(ROUNDS)
    hour(net)
    assert tombstones(a.store) == set()
    assert (a.replica.collection.blocked, a.replica.collection.held_back) == ({}, 0)


def test_what_a_member_said_counts_over_a_start(net: Net) -> None:
    a, _, _ = started(net, A, B, C)
    hour(net)
    remove(a.store, b"stays")
    net.rounds(ROUNDS)
    hour(net)
    assert tombstones(a.store) == set()
    net.stop(B)
    net.stop(C)
    net.stop(A)
    a = net.start(A, settings=QUICK)
    assert a.replica.peers.peer(B).report.entries == a.store.reports()[B].seen
    remove(a.store, b"more")
    net.rounds(ROUNDS)
    hour(net)
    assert tombstones(a.store) == {b"more"}
    assert a.replica.collection.blocked.keys() == {B, C}


def test_a_member_that_was_unlisted_is_not_waited_for(net: Net) -> None:
    a, b, _ = started(net, A, B, C)
    net.stop(C)
    remove(a.store, b"stays")
    net.rounds(ROUNDS)
    a.store.unlist_member(C)
    net.rounds(ROUNDS)
    hour(net)
    assert tombstones(a.store) == tombstones(b.store) == set()


def test_a_member_of_the_version_before_holds_everything_back(net: Net) -> None:
    a, b = started(net, A, B)
    net.start(C, A, settings=OLD)
    net.rounds(ROUNDS)
    hour(net)
    hour(net)
    assert tombstones(a.store) == tombstones(b.store) == members_of(A, B)
    net.restart(C, A, settings=QUICK)
    net.rounds(ROUNDS)
    hour(net)
    assert tombstones(a.store) == tombstones(b.store) == set()


def test_a_lonely_node_collects_by_itself(net: Net) -> None:
    (a,) = started(net, A)
    assert not a.store.may_collect
    hour(net)
    assert a.store.may_collect
    assert tombstones(a.store) == set()


def test_a_newborn_that_has_not_met_whom_it_was_told_of_collects_nothing(net: Net) -> None:
    b = net.start(B, A, settings=QUICK)
    remove(b.store, b"x")
    net.rounds(ROUNDS)
    hour(net)
    hour(net)
    assert not b.store.may_collect
    assert tombstones(b.store) == {b"x"}


def test_a_newborn_waits_for_those_that_wait_themselves(net: Net) -> None:
    """B was told of A, which was told of C, which is away and may have collected anything."""
    a, b = net.start(A, C, settings=QUICK), net.start(B, A, settings=QUICK)
    remove(b.store, b"x")
    net.rounds(ROUNDS)
    hour(net)
    assert (a.store.may_collect, b.store.may_collect) == (False, False)
    assert tombstones(a.store) == tombstones(b.store) == {b"x"}
    net.start(C, settings=QUICK)
    net.rounds(2 * ROUNDS)
    hour(net)  # the first of them knows that nobody has collected, the others have it from that
    assert all(node.store.may_collect for node in net.nodes.values())
    hour(net)
    assert tombstones(a.store) == tombstones(b.store) == set()


def test_a_newborn_may_collect_after_a_walk_from_one_that_may(net: Net) -> None:
    a, _ = started(net, A, B)
    hour(net)
    assert a.store.may_collect
    c = net.start(C, A, settings=QUICK)
    assert not c.store.may_collect
    net.rounds(2 * ROUNDS)
    assert c.store.may_collect
    assert c.store.contains(S, b"stays")


def test_a_walk_from_one_that_may_not_collect_does_not_let_another(net: Net) -> None:
    a, b = net.start(A, C, settings=QUICK), net.start(B, A, settings=QUICK)
    add(a.store, b"x")
    net.rounds(ROUNDS)
    assert b.store.contains(S, b"x")
    assert not b.store.may_collect


def test_more_than_a_batch_goes_within_as_many_ticks(net: Net) -> None:
    (a,) = started(net, A)
    count = 2 * BATCH_ROWS + 1
    a.store.execute(Write(S, remove=tuple(numbered(count))))
    net.pass_time(HOUR_US - net.stores.wall.now_us % HOUR_US)
    net.tick(A)
    assert len(tombstones(a.store)) == count + 1 - BATCH_ROWS
    net.rounds(ROUNDS)
    assert tombstones(a.store) == set()
    assert a.replica.counters.tombstones_collected == count + 1


def test_a_set_whose_last_row_went_is_gone_and_what_it_forgot_is_known(net: Net) -> None:
    (a,) = started(net, A)
    remove(a.store, b"stays")
    newest = max(stamp >> 1 for (name, _), stamp in stamps(a.store).items() if name == S)
    hour(net)
    assert S not in a.store.totals()
    assert a.store.contains(S, b"stays") is None
    assert a.store.collected_time == newest
    assert a.store.collected_times([S]) == [newest]


def test_a_removed_member_is_collected_as_all_else(net: Net) -> None:
    a, b, _ = started(net, A, B, C)
    net.stop(C)
    a.store.unlist_member(C)
    net.rounds(ROUNDS)
    hour(net)
    for node in (a, b):
        assert node.store.members() == {A, B}
        assert (PEERS_SET, C.encode()) not in stamps(node.store)


def test_who_was_unlisted_while_away_is_behind_and_brings_nothing_back(net: Net) -> None:
    a, b, c = started(net, A, B, C)
    for node in (a, b):
        add(node.store, b"of the others")
    add(c.store, b"old")
    remove(a.store, b"stays")
    net.pass_time(SECOND_US)
    add(c.store, b"only there")
    net.stop(C)
    net.rounds(ROUNDS)
    a.store.unlist_member(C)
    net.rounds(ROUNDS)
    hour(net)
    assert tombstones(a.store) == set()
    c = net.start(C, A, settings=QUICK)
    assert c.store.contains(S, b"stays")
    net.rounds(3 * ROUNDS)
    assert c.replica.counters.copies_finished == 1
    assert [entry.element for entry in c.store.refused] == [b"old"]  # maybe it was removed, too
    for node in (a, b, c):
        assert not node.store.contains(S, b"stays")
        assert not node.store.contains(S, b"old")
        assert node.store.contains(S, b"only there")
        assert node.store.members() == {A, B, C}
    assert_converged([a, b, c])
    assert c.replica.peers.peer(A).theirs.standing is Standing.CLEAR


def test_a_tombstone_that_came_to_life_again_meanwhile_stays(net: Net) -> None:
    a, b = started(net, A, B)
    add(b.store, b"goes a:1")
    hour(net)
    for node in (a, b):
        assert node.store.contains(S, b"goes a:1")
        assert tombstones(node.store) == set()


def test_a_tombstone_whose_dot_nobody_covers_is_held_back(net: Net) -> None:
    (a,) = started(net, A)
    entry = Entry(S, b"orphan", 3, 77, 5)
    assert a.store.apply(made_up(a.store, entry), "z:1") is not None
    hour(net)
    assert b"orphan" in tombstones(a.store)
    assert a.replica.collection.held_back == 1


@pytest.mark.parametrize("collector", [A, B])
def test_a_tombstone_that_one_has_collected_goes_at_the_other_by_comparing(
    net: Net, collector: str
) -> None:
    nodes = dict(zip([A, B], started(net, A, B), strict=True))
    store = nodes[collector].store
    other = nodes[B if collector == A else A]
    store.collect(dict(store.seen), 0, store.log_end, 10)
    assert tombstones(other.store) == members_of(A, B)
    net.rounds(3 * SETTINGS.full_interval_us // 200_000)
    assert tombstones(other.store) == set()
    assert other.replica.counters.tombstones_collected == 2
    assert store.sums() == other.store.sums()
