"""What a cluster says to itself: little where nothing is new, and what is new once."""

import itertools
from random import Random

import pytest

from lastword.replication import frames
from lastword.replication.frames import Frame, Log, PageBody, Rows
from lastword.replication.knowledge import ASKS_MAX, SMALL_VECTOR_ENTRIES
from lastword.replication.peers import BACKOFF_MAX_US
from lastword.replication.replica import Send
from lastword.store.memory import MemoryStore
from tests.replication.net import (
    SETTINGS,
    TICK_US,
    A,
    B,
    C,
    Net,
    Node,
    Sent,
    assert_converged,
    pair,
)
from tests.stores import S, add, add_each, made_up, numbered, stamps

FIVE = [f"n{index}:1" for index in range(5)]
FOUR = FIVE[: SETTINGS.fanout + 1]
MANY = 1_000


def cluster(net: Net, addresses: list[str]) -> list[Node]:
    """Return nodes that know each other and have nothing to say."""
    nodes = [net.start(addresses[0])]
    nodes += [net.start(address, addresses[0]) for address in addresses[1:]]
    net.rounds(12)
    assert_converged(nodes)
    net.sent.clear()
    return nodes


def size_of(frame: Frame | None) -> int:
    return 0 if frame is None else len(frames.encode(frame))


def vectors(sent: list[Sent]) -> int:
    """Return how many entries of vectors travelled."""
    count = 0
    for frame in (frame for exchange in sent for frame in (exchange.frame, exchange.reply)):
        if frame is not None and frame.pull is not None:
            count += len(frame.pull.seen or {})
        if frame is not None and frame.page is not None and frame.page.seen is not None:
            count += len(frame.page.seen.entries)
    return count


def entries_sent(nodes: list[Node]) -> int:
    return sum(node.replica.counters.entries_sent for node in nodes)


# -- quiet


def test_a_quiet_round_is_one_small_exchange_with_each_of_fanout_peers(net: Net) -> None:
    nodes = cluster(net, [A, B, C])
    for address in (A, B, C):
        net.sent.clear()
        net.tick(address)
        assert len(net.sent) == len(nodes) - 1
        for sent in net.sent:
            assert size_of(sent.frame) + size_of(sent.reply) <= 180
        assert vectors(net.sent) == 0


def test_a_node_of_a_larger_cluster_makes_no_more_exchanges_than_fanout(net: Net) -> None:
    cluster(net, [f"n{index}:1" for index in range(9)])
    for address in net.nodes:
        net.sent.clear()
        net.tick(address)
        assert len({sent.target for sent in net.sent}) == len(net.sent) == SETTINGS.fanout


# -- spreading


def test_in_a_cluster_of_fanout_and_one_a_write_is_everywhere_after_two_ticks_each(
    net: Net,
) -> None:
    nodes = cluster(net, FOUR)
    for seed, writer in itertools.product(range(5), nodes):
        element = b"%d" % seed + writer.replica.membership.address.encode()
        add(writer.store, element)
        order = FOUR * 2
        Random(seed).shuffle(order)
        for address in order:
            net.tick(address)
        net.pass_time(TICK_US)
        assert all(node.store.contains(S, element) for node in nodes)


def test_writes_go_to_each_node_hardly_more_than_once(net: Net) -> None:
    nodes = cluster(net, FIVE)
    rng, before = Random(3), entries_sent(nodes)
    elements = numbered(200)
    for element in elements:
        add(rng.choice(nodes).store, element)
        net.tick(rng.choice(FIVE))
        net.pass_time(TICK_US // 5)
    net.rounds(12)
    assert_converged(nodes)
    assert entries_sent(nodes) - before <= 1.2 * len(elements) * (len(nodes) - 1)


def test_what_a_third_node_told_is_not_sent_again(net: Net) -> None:
    a, b, c = cluster(net, [A, B, C])
    add_each(a.store, 20)
    before = [node.replica.counters.entries_sent for node in (a, b, c)]
    net.tick(B)
    net.nodes.pop(A)
    net.tick(C)
    net.nodes[A] = a
    net.pass_time(BACKOFF_MAX_US)
    net.rounds(3)
    sent = [node.replica.counters.entries_sent for node in (a, b, c)]
    assert [now - then for now, then in zip(sent, before, strict=True)] == [20, 20, 0]
    assert_converged([a, b, c])


# -- large vectors


def grown(store: MemoryStore, first: int = 1, count: int = MANY) -> None:
    """Let a store cover many runs, as an old cluster's does."""
    store.apply(made_up(store, seen=dict.fromkeys(range(first, first + count), 7)), "gone:1")


def test_of_a_large_vector_only_what_changed_travels_once_it_was_taken(net: Net) -> None:
    a, b = pair(net)
    grown(a.store)
    net.rounds(3)
    assert_converged([a, b])
    net.sent.clear()

    add(a.store, b"new")
    net.rounds(10)

    assert_converged([a, b])
    assert 0 < vectors(net.sent) <= 8
    assert max(size_of(sent.frame) + size_of(sent.reply) for sent in net.sent) <= 400


@pytest.mark.parametrize("restarted", [A, B], ids=["giver", "taker"])
def test_after_a_start_equal_large_vectors_need_not_travel(net: Net, restarted: str) -> None:
    a, b = pair(net)
    grown(a.store)
    net.rounds(3)
    assert_converged([a, b])
    net.restart(restarted)
    net.sent.clear()
    net.rounds(4)
    assert_converged(net.nodes.values())
    assert vectors(net.sent) == 0


def test_whoever_must_know_a_large_vector_asks_once_a_walk_and_the_walk_goes_on(net: Net) -> None:
    net.start(A, page_rows=4)
    a, b = net.nodes[A], net.start(B, A)
    net.rounds(4)
    grown(a.store, first=1)
    grown(b.store, first=MANY)
    net.nodes.pop(B)
    add_each(a.store, 40)
    net.nodes[B] = b
    b = net.restart(B)
    net.sent.clear()

    net.tick(B)

    assert stamps(b.store) == stamps(a.store)
    pages = [sent for sent in net.sent if sent.source == B and sent.reply and sent.reply.page]
    asked = [sent for sent in pages if sent.reply and sent.reply.page and sent.reply.page.ask]
    assert len(pages) > 10
    assert len(asked) == 1
    assert a.replica.counters.vectors_asked == 1
    net.rounds(3)
    assert_converged([a, b])


def test_a_giver_that_asks_for_what_it_was_told_ends_the_walk(net: Net) -> None:
    a, b = pair(net)
    send = Send(B, next(send.frame for send in a.replica.tick(net.now_us, net.rng)))
    asking = Frame(
        1,
        b.store.run,
        B,
        Log(9, 9),
        page=PageBody(a.store.run, (0, 0, 0), 0, False, Rows(), ask=[7]),
    )
    assert send.frame.pull is not None
    (again,) = a.replica.answer(B, asking, net.now_us)
    assert again.frame.pull is not None

    assert a.replica.answer(B, asking, net.now_us) == []

    assert a.replica.awaited is None


def test_large_vectors_that_differ_meet_whichever_way_they_are_asked_for(net: Net) -> None:
    nodes = cluster(net, [A, B, C])
    for index, node in enumerate(nodes):
        grown(node.store, first=1 + index * SMALL_VECTOR_ENTRIES, count=3 * SMALL_VECTOR_ENTRIES)
        add_each(node.store, 3, b"%d" % index)
    net.rounds(4)
    assert_converged(nodes)


# -- who is where


def test_a_copied_file_and_another_node_at_the_same_address_converge(net: Net) -> None:
    a, b = pair(net)
    add_each(a.store, 10)
    net.rounds(2)
    net.stores.snapshot(A, "older")
    add_each(a.store, 5, b"after the copy")
    net.rounds(2)
    net.stop(A)
    net.stores.snapshot("older", A)
    a = net.start(A, B)
    add_each(a.store, 5, b"in the copy")
    net.rounds(4)
    assert_converged([a, b])
    assert len(stamps(a.store)) == 2 + 20

    net.stop(A)
    net.stores.wipe(A)
    a = net.start(A, B)
    add(a.store, b"of another")
    net.rounds(6)
    assert_converged([a, b])
    assert len(stamps(a.store)) == 2 + 21


def test_a_silent_peer_is_called_within_the_longest_pause_and_used_once_it_speaks(
    net: Net,
) -> None:
    a, b = pair(net)
    net.nodes.pop(B)
    net.rounds(200)
    net.sent.clear()
    calls = []
    for _ in range(5 * BACKOFF_MAX_US // TICK_US):
        net.tick(A)
        calls += [net.now_us for _ in net.sent]
        net.sent.clear()
        net.pass_time(TICK_US)
    assert all(
        later - call <= BACKOFF_MAX_US + TICK_US for call, later in itertools.pairwise(calls)
    )
    assert len(calls) >= 4

    net.nodes[B] = b
    add(a.store, b"meanwhile")
    net.pass_time(BACKOFF_MAX_US)
    net.tick(B)
    net.sent.clear()
    net.tick(A)
    assert [sent.target for sent in net.sent] == [B]
    assert_converged([a, b])


# -- beside comparisons


def test_a_step_of_a_comparison_ends_no_walk_that_is_under_way(net: Net) -> None:
    for name in (A, B, C):
        net.start(name, A)
    net.rounds(6)
    a = net.nodes[A]
    walk = compare = None
    while walk is None or compare is None or walk.address != compare.address:
        net.pass_time(2 * SETTINGS.full_interval_us)
        sends = a.replica.tick(net.now_us, net.rng)
        walk = next((send for send in sends if send.frame.pull is not None), None)
        compare = next((send for send in sends if send.frame.compare is not None), None)
    reply = net.reply(A, compare)
    assert reply is not None

    assert a.replica.answer(compare.address, reply, net.now_us) == []

    assert a.replica.awaited == walk.address


def test_a_giver_that_asks_for_ever_other_runs_ends_the_walk(net: Net) -> None:
    a, b = pair(net)
    sends = list(a.replica.tick(net.now_us, net.rng))
    questions = 0
    while sends:
        questions += 1
        page = PageBody(a.store.run, (0, 0, 0), 0, False, Rows(), ask=[questions])
        sends = a.replica.answer(B, Frame(1, b.store.run, B, Log(9, 9), page=page), net.now_us)
    assert questions <= ASKS_MAX + 1
    assert a.replica.awaited is None


def test_after_a_restore_what_the_taker_holds_does_not_travel_again(net: Net) -> None:
    a, b = net.start(A, page_rows=50), net.start(B, A)
    net.rounds(4)
    net.stores.snapshot(A, "before")
    add_each(a.store, 400)
    net.rounds(20)
    assert_converged([a, b])
    net.stop(A)
    net.stores.open("before")
    net.stores.copy("before", A)
    a = net.start(A)
    net.rounds(20)
    assert_converged([a, b])
    sent = a.replica.counters.entries_sent
    assert sent <= 60
