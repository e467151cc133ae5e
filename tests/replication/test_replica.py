"""Replicas find each other, converge, forget nobody, and are quiet."""

import itertools

import pytest
from msgspec.structs import replace as changed

from lastword.replication.entries import NO_CURSOR
from lastword.replication.frames import Log, Pull
from lastword.replication.peers import BACKOFF_MAX_US
from tests.replication.net import (
    TICK_US,
    A,
    B,
    C,
    Net,
    assert_converged,
    greeting,
    pair,
)
from tests.stores import S, add, add_each, remove, stamps

# -- finding each other


def test_two_nodes_of_which_one_was_told_of_the_other_converge(net: Net) -> None:
    a, b = net.start(A), net.start(B, A)
    add(a.store, b"from a")
    add(b.store, b"from b")

    net.rounds(3)

    assert a.store.members() == b.store.members() == {A, B}
    assert stamps(a.store).keys() >= {(S, b"from a"), (S, b"from b")}
    assert_converged([a, b])


def test_three_nodes_told_of_one_find_each_other(net: Net) -> None:
    nodes = [net.start(A), net.start(B, A), net.start(C, A)]
    net.rounds(4)
    assert [node.store.members() for node in nodes] == [{A, B, C}] * 3
    assert_converged(nodes)


def test_ten_nodes_told_of_one_each_in_a_chain_all_find_each_other(net: Net) -> None:
    addresses = [f"n{index}:1" for index in range(10)]
    nodes = [net.start(addresses[0])]
    nodes += [net.start(address, before) for before, address in itertools.pairwise(addresses)]

    net.rounds(40)

    assert all(node.store.members() == set(addresses) for node in nodes)
    assert_converged(nodes)


def test_nodes_started_in_any_order_find_each_other(net: Net) -> None:
    b = net.start(B, A)
    net.rounds(3)
    assert b.store.members() == {B}
    a = net.start(A)
    net.rounds(40)
    assert_converged([a, b])
    assert a.store.members() == {A, B}


def test_a_node_told_of_itself_lists_that_address_and_talks_to_nobody(net: Net) -> None:
    a = net.start(A, A)
    net.rounds(3)
    assert a.store.members() == {A}
    assert a.store.cursor(A) == NO_CURSOR
    assert {sent.target for sent in net.sent} == {A}
    assert len(net.sent) == 1


def test_a_contact_point_that_is_not_listed_is_left_alone_once_it_was_met(net: Net) -> None:
    a = net.start(A)
    net.nodes["alias:1"] = a
    b = net.start(B, "alias:1")
    net.rounds(4)
    assert b.store.members() == {A, B}
    net.sent.clear()

    net.rounds(10)

    assert {sent.target for sent in net.sent if sent.source == B} == {A}


def test_a_contact_point_is_called_until_it_stands_on_the_list(net: Net) -> None:
    net.start(A)
    nodes = [net.start(C), net.start(B, C, A)]
    for address in (B, C) * 4:
        net.tick(address)
        net.pass_time(TICK_US)
    assert nodes[1].store.members() == {B, C}
    net.stop(A)
    net.stores.wipe(A)
    nodes.append(net.start(A))

    net.rounds(6)

    assert [node.store.members() for node in nodes] == [{A, B, C}] * 3
    assert_converged(nodes)


# -- being away


@pytest.mark.parametrize("writer_restarts", [False, True])
@pytest.mark.parametrize("other_restarts", [False, True])
def test_what_was_written_while_a_peer_was_away_is_there_when_it_is_back(
    net: Net, writer_restarts: bool, other_restarts: bool
) -> None:
    a, b = pair(net)
    net.nodes.pop(B)
    add_each(a.store, 5)
    remove(a.store, b"e0")
    net.rounds(10)
    if writer_restarts:
        a = net.restart(A)

    net.nodes[B] = b
    if other_restarts:
        b = net.restart(B)
    net.pass_time(BACKOFF_MAX_US)
    net.rounds(4)

    assert stamps(b.store).keys() >= {(S, b"e%d" % index) for index in range(5)}
    assert b.store.contains(S, b"e0") is False
    assert_converged([a, b])


def test_nobody_is_taken_off_the_list_because_sends_failed(net: Net) -> None:
    a, _ = pair(net)
    net.nodes.pop(B)
    held = stamps(a.store)

    net.rounds(2_000)

    assert a.replica.counters.sends_failed > 50
    assert a.store.members() == {A, B}
    assert stamps(a.store) == held


def test_a_silent_peer_is_called_seldom_and_again_and_again(net: Net) -> None:
    pair(net)
    net.nodes.pop(B)
    net.rounds(50)
    net.sent.clear()

    net.rounds(100 * BACKOFF_MAX_US // TICK_US)

    assert 95 <= len(net.sent) <= 105


def test_a_peer_that_is_back_is_used_within_the_longest_pause(net: Net) -> None:
    a, b = pair(net)
    net.nodes.pop(B)
    add(a.store, b"meanwhile")
    net.rounds(200)
    net.nodes[B] = b
    net.rounds(BACKOFF_MAX_US // TICK_US + 1)
    assert_converged([a, b])


def test_a_lost_reply_costs_nothing_but_time(net: Net) -> None:
    a, b = pair(net)
    add(a.store, b"new")
    (send,) = b.replica.tick(net.now_us, net.rng)
    assert net.reply(B, send) is not None
    net.deliver(B, b.replica.silence(A, net.now_us))

    net.rounds(3)

    assert_converged([a, b])


# -- what it costs


def test_a_pair_that_has_nothing_to_say_exchanges_one_frame_for_one(net: Net) -> None:
    pair(net)
    net.tick(A)
    (sent,) = net.sent
    assert sent.reply is not None
    assert sent.reply.pull is None
    assert sent.reply.page is not None
    assert sent.reply.page.rows.rows == []


def test_a_quiet_pair_writes_nothing(net: Net) -> None:
    a, b = pair(net)
    ends = [(node.store.log_end, len(node.store.image.log)) for node in (a, b)]
    net.rounds(20)
    assert [(node.store.log_end, len(node.store.image.log)) for node in (a, b)] == ends


@pytest.mark.parametrize(
    ("longer", "other_hash", "asks"),
    [(0, 0, False), (1, 0, True), (0, 1, True)],
    ids=["nothing new", "a longer log", "another vector"],
)
def test_whoever_is_called_asks_back_only_where_the_caller_has_news(
    net: Net, longer: int, other_hash: int, asks: bool
) -> None:
    a, b = pair(net)
    frame = greeting(b.store, B, Pull(NO_CURSOR))
    log = Log(b.store.log_end + longer, b.store.seen.state.hash ^ other_hash)
    reply = a.replica.receive(changed(frame, log=log), net.now_us)
    assert (reply.pull is not None) == asks


def test_a_write_travels_both_ways_in_one_exchange(net: Net) -> None:
    a, b = pair(net)
    add(a.store, b"from a")
    add(b.store, b"from b")
    net.tick(A)
    assert_converged([a, b])


def test_a_write_is_sent_to_each_node_once(net: Net) -> None:
    nodes = [net.start(A), net.start(B, A), net.start(C, A)]
    net.rounds(6)
    before = sum(node.replica.counters.entries_sent for node in nodes)
    add(nodes[0].store, b"new")
    net.rounds(6)
    assert sum(node.replica.counters.entries_sent for node in nodes) - before == 2


def test_a_frame_of_its_own_is_answered_with_nothing(net: Net) -> None:
    a, _ = pair(net)
    reply = a.replica.receive(greeting(a.store, A), net.now_us)
    assert (reply.run, reply.page, reply.pull, reply.compared) == (a.store.run, None, None, None)
