"""Replicas' walks, one at a time; and runs that begin anew."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from lastword.replication.entries import NO_CURSOR
from lastword.replication.frames import Pull
from lastword.replication.replica import Send
from tests.replication.net import (
    SETTINGS,
    TICK_US,
    A,
    B,
    C,
    Net,
    Node,
    assert_converged,
    greeting,
    pair,
)
from tests.stores import add, add_each, covers_its_rows, stamps

SECOND_US = 1_000_000


# -- walks


def pulls(sends: Iterable[Send]) -> list[str]:
    return [send.address for send in sends if send.frame.pull is not None]


def in_the_middle(net: Net, page_rows: int) -> tuple[Node, str, str, Send]:
    """Return a node that has begun a walk over one of two long logs, and knows both peers."""
    nodes = {
        B: net.start(B, page_rows=page_rows),
        C: net.start(C, B, page_rows=page_rows),
        A: net.start(A, B),
    }
    net.rounds(6)
    for address in (B, C):
        add_each(nodes[address].store, 4, address.encode())
    sends = nodes[A].replica.tick(net.now_us, net.rng)
    (first,) = pulls(sends)
    (other,) = {B, C} - {first}
    return nodes[A], first, other, sends[0]


def test_one_walk_is_taken_in_at_a_time_and_the_next_begins_when_it_ends(net: Net) -> None:
    a, first, other, send = in_the_middle(net, page_rows=2)
    asked = []
    sends = [send]
    while sends:
        (send,) = [send for send in sends if send.frame.pull is not None]
        asked.append(send.address)
        assert a.replica.tick(net.now_us, net.rng) == []
        reply = net.reply(A, send)
        assert reply is not None
        sends = a.replica.answer(send.address, reply, net.now_us)
        if asked.count(other) == 2:
            break
    assert asked.count(first) >= 2
    assert asked == sorted(asked, key=[first, other].index)


def test_the_next_walk_begins_when_the_peer_is_silent(net: Net) -> None:
    a, first, other, _ = in_the_middle(net, page_rows=2)
    assert pulls(a.replica.silence(first, net.now_us)) == [other]


def test_the_next_walk_begins_beside_one_that_is_slow(net: Net) -> None:
    a, first, other, send = in_the_middle(net, page_rows=2)
    late = net.reply(A, send)
    assert late is not None

    assert a.replica.tick(net.now_us + SETTINGS.slow_us - 1, net.rng) == []
    assert pulls(a.replica.tick(net.now_us + SETTINGS.slow_us, net.rng)) == [other]
    assert a.replica.awaited == other

    before = a.replica.counters.pages_applied
    assert pulls(a.replica.answer(first, late, net.now_us)) == [first]
    assert a.replica.counters.pages_applied == before + 1


def test_a_late_end_of_a_slow_walk_begins_no_further_one_beside_the_one_that_is_awaited(
    net: Net,
) -> None:
    a = net.start(A)
    for address in (B, C, "d:1"):
        net.start(address, A)
    net.rounds(6)
    (slow,) = a.replica.tick(net.now_us, net.rng)
    late = net.reply(A, slow)
    assert late is not None
    assert late.page is not None
    assert late.page.seen is not None
    (beside,) = a.replica.tick(net.now_us + SETTINGS.slow_us, net.rng)

    assert a.replica.answer(slow.address, late, net.now_us) == []

    assert a.replica.awaited == beside.address
    assert len(pulls(a.replica.silence(beside.address, net.now_us))) == 1


def test_a_page_that_comes_twice_is_applied_once(net: Net) -> None:
    a, first, _, send = in_the_middle(net, page_rows=2)
    reply = net.reply(A, send)
    assert reply is not None
    a.replica.answer(first, reply, net.now_us)
    log_end = a.store.log_end

    a.replica.answer(first, reply, net.now_us)

    assert a.replica.counters.pages_refused == 1
    assert a.store.log_end == log_end


def test_a_walk_broken_off_by_a_restart_goes_on_and_ends_equal(net: Net) -> None:
    a, first, _, send = in_the_middle(net, page_rows=2)
    reply = net.reply(A, send)
    assert reply is not None
    a.replica.answer(first, reply, net.now_us)
    cursor = a.store.cursor(first)
    assert 0 < cursor.number < cursor.head

    a = net.restart(A)
    net.rounds(6)

    assert_converged(net.nodes.values())
    assert a.replica.counters.walks_from_start == 0


# -- upkeep


def test_rows_whose_origin_has_gone_are_covered_in_the_end(net: Net) -> None:
    quick = replace(SETTINGS, orphan_us=10 * SECOND_US)
    b, a = net.start(B, page_rows=2), net.start(A, B, settings=quick)
    c = net.start(C, A)
    net.rounds(6)
    add_each(b.store, 4)
    send = Send(B, greeting(a.store, A, Pull(a.store.cursor(B), 0, dict(a.store.seen))))
    reply = net.reply(A, send)
    assert reply is not None
    a.replica.answer(B, reply, net.now_us)
    assert not covers_its_rows(a.store)
    net.nodes.pop(B)

    net.rounds(200 * SECOND_US // TICK_US)

    assert a.replica.counters.dots_renewed > 0
    assert_converged([a, c])


# -- resumption


def test_a_node_whose_run_was_seen_further_than_its_log_begins_a_new_run(net: Net) -> None:
    a, b = pair(net)
    run, end = a.store.run, a.store.log_end
    ahead = greeting(b.store, B, Pull(NO_CURSOR, 0, {run: end + 1}))

    a.replica.receive(ahead, net.now_us)

    assert a.store.run != run
    assert a.replica.counters.runs_begun_again == 1
    add(a.store, b"new")
    assert a.store.seen[a.store.run] == end + 1


def test_a_run_that_was_seen_to_its_end_goes_on(net: Net) -> None:
    a, b = pair(net)
    run, end = a.store.run, a.store.log_end
    equal = greeting(b.store, B, Pull(NO_CURSOR, 0, {run: end}))
    a.replica.receive(equal, net.now_us)
    assert a.store.run == run


@pytest.mark.parametrize("page_rows", [1, 2_000], ids=["by an entry", "by a vector"])
def test_a_machine_resumed_from_a_snapshot_gives_no_dot_a_second_time(
    net: Net, page_rows: int
) -> None:
    a, b = net.start(A), net.start(B, A, page_rows=page_rows)
    net.rounds(4)
    snapshot, run = a.store.image.copy(), a.store.run
    add_each(a.store, 5, b"after the snapshot")
    net.tick(B)
    assert b.store.seen[run] == a.store.log_end

    a.store.image = snapshot
    a.store.ledger = snapshot.ledger
    net.tick(A)
    assert a.store.run != run
    add_each(a.store, 5, b"after the resumption")
    net.rounds(6)

    assert_converged([a, b])
    assert len(stamps(a.store)) == 2 + 5 + 5
