"""Beginning afresh: who is behind copies, loses nothing by it, and begins again where it must."""

import pytest

from lastword.errors import DiskFailed
from lastword.replication.fence import Standing
from lastword.replication.hashing import element_of
from lastword.replication.renewal import REST_US
from lastword.replication.replica import Send
from lastword.store.base import BaseStore
from lastword.store.operations import PEERS_SET
from tests.replication.net import SETTINGS, TICK_US, A, B, C, Net, Node, assert_converged, pair
from tests.stores import S, add, add_each, remove, stamps

PAGE_ROWS = 2
ROUNDS = 12
D = "d:1"


def collect_all(store: BaseStore) -> int:
    return store.collect(dict(store.seen), 0, store.log_end, 1_000).collected


def apart(net: Net, *, rows: int = 6) -> tuple[Node, Node]:
    """Return a node, and one that was away while the first removed, collected, and wrote on.

    The second is stopped; the first has given up waiting for it.
    """
    a = net.start(A, page_rows=PAGE_ROWS)
    b = net.start(B, A, page_rows=PAGE_ROWS)
    add(a.store, b"removed")
    net.rounds(ROUNDS)
    net.stop(B)
    remove(a.store, b"removed")
    add_each(a.store, rows)
    assert collect_all(a.store) == 1
    return a, b


def back(net: Net, *, page_rows: int = PAGE_ROWS) -> Node:
    return net.start(B, A, page_rows=page_rows)


def until_copying(net: Net, node: Node, address: str) -> list[Send]:
    """Tick one node until it asks for the first page of a copy; return what it sends then."""
    for _ in range(ROUNDS):
        sends = node.replica.tick(net.now_us, net.rng)
        if node.replica.source is not None:
            return [send for send in sends if send.frame.pull and send.frame.pull.is_copy]
        net.deliver(address, sends)
        net.pass_time(TICK_US)
    raise AssertionError("it does not begin to copy")


def step(net: Net, node: Node, send: Send) -> list[Send]:
    """Carry one message of a copy and its reply."""
    reply = net.reply(B, send)
    assert reply is not None
    return node.replica.answer(send.address, reply, net.now_us)


def test_who_is_behind_copies_and_nothing_comes_back(net: Net) -> None:
    a, _ = apart(net)
    b = back(net)
    run = b.store.run
    net.rounds(ROUNDS)
    assert (b.replica.counters.copies_begun, b.replica.counters.copies_finished) == (1, 1)
    assert b.store.run != run
    assert not a.store.contains(S, b"removed")
    assert not b.store.contains(S, b"removed")
    assert b.store.collected == a.store.collected
    assert b.store.collected_time == a.store.collected_time
    assert b.store.totals()[S].collected_time == a.store.totals()[S].collected_time
    assert b.replica.source is None
    assert_converged([a, b])
    assert a.replica.counters.copies_begun == 0


def test_a_lost_disk_that_is_told_of_nobody_copies_who_calls_it(net: Net) -> None:
    a, _ = apart(net)
    a.store.list_member(C)
    net.pass_time(TICK_US)
    c = net.start(C)
    add(c.store, b"own")
    net.rounds(ROUNDS)
    assert c.replica.counters.copies_finished == 1
    assert all(node.store.contains(S, b"own") for node in (a, c))
    assert_converged([a, c])


def test_whose_list_of_members_is_damaged_copies_who_calls_it(net: Net) -> None:
    a, b = pair(net)
    add(a.store, b"held")
    net.rounds(4)
    b = net.restart(B)
    b.store.image.lose([name for name in b.store.image.rows if element_of(name[1]) == A.encode()])
    assert b.store.distrust(PEERS_SET)
    assert A not in b.store.members()
    net.rounds(ROUNDS)
    assert b.replica.counters.copies_finished == 1
    assert not b.store.is_damaged
    assert_converged([a, b])


def test_who_knows_nobody_collects_nothing_once_one_has_called_who_may(net: Net) -> None:
    a, _ = apart(net)
    a.store.allow_collection()
    c = net.start(C)
    a.store.list_member(C)
    net.tick(A)
    assert not c.replica.state.may_collect
    for _ in range(3):
        net.pass_time(net.nodes[C].replica.settings.collect_interval_us)
        c.replica.collection.tick(net.now_us)
    assert not c.replica.state.may_collect


def test_what_only_the_one_behind_had_is_offered(net: Net) -> None:
    a, b = apart(net)
    net.pass_time(TICK_US)
    b = back(net)
    add(b.store, b"only here")
    remove(b.store, b"e1")
    assert b.store.contains(S, b"removed")
    net.rounds(ROUNDS)
    for node in (a, b):
        assert node.store.contains(S, b"only here")
        assert not node.store.contains(S, b"e1")
        assert not node.store.contains(S, b"removed")
    assert b.store.refused == []
    assert_converged([a, b])


def test_while_it_copies_a_node_goes_on_serving_and_loses_no_write(net: Net) -> None:
    a, _ = apart(net, rows=20)
    b = back(net)
    sends = until_copying(net, b, B)
    written = 0
    while sends:
        net.pass_time(1)
        add(b.store, b"meanwhile %d" % written)
        written += 1
        assert b.store.contains(S, b"removed")  # it still serves what it had
        sends = step(net, b, sends[0])
    assert written > 5
    net.rounds(ROUNDS)
    for node in (a, b):
        assert all(node.store.contains(S, b"meanwhile %d" % at) for at in range(written))
    assert_converged([a, b])


def test_a_copy_is_a_walk_into_another_store(net: Net) -> None:
    apart(net)
    b = back(net)
    before = stamps(b.store)
    sends = until_copying(net, b, B)
    sends = step(net, b, sends[0])
    assert stamps(b.store) == before
    assert b.store.copy is not None
    assert len(stamps(b.store.copy)) == PAGE_ROWS
    assert sends[0].frame.run == b.store.copy.run != b.store.run


def test_a_page_that_came_late_or_twice_changes_nothing(net: Net) -> None:
    a, _ = apart(net)
    b = back(net)
    (first,) = until_copying(net, b, B)
    reply = net.reply(B, first)
    assert reply is not None
    sends = b.replica.answer(A, reply, net.now_us)
    assert b.store.copy is not None
    held = stamps(b.store.copy)
    assert b.replica.answer(A, reply, net.now_us) == []
    assert stamps(b.store.copy) == held
    while sends:
        sends = step(net, b, sends[0])
    assert b.replica.answer(A, reply, net.now_us) is not None
    net.rounds(ROUNDS)
    assert_converged([a, b])
    assert b.replica.counters.copies_begun == 1


def test_a_page_that_was_lost_is_asked_for_again(net: Net) -> None:
    a, _ = apart(net)
    b = back(net)
    sends = step(net, b, until_copying(net, b, B)[0])
    assert sends
    net.pass_time(SETTINGS.patience_us)
    net.rounds(ROUNDS)
    assert (b.replica.counters.copies_begun, b.replica.counters.copies_finished) == (1, 1)
    assert_converged([a, b])


def test_a_source_that_went_away_is_replaced(net: Net) -> None:
    a, _ = apart(net)
    c = net.start(C, A, page_rows=PAGE_ROWS)
    net.rounds(ROUNDS)
    b = net.start(B, A, C, page_rows=PAGE_ROWS)
    sends = step(net, b, until_copying(net, b, B)[0])
    source = sends[0].address
    net.stop(source)
    other = c if source == A else a
    net.deliver(B, sends)
    for _ in range(3):
        net.pass_time(SETTINGS.patience_us)
        net.rounds(ROUNDS)
    assert b.replica.counters.copies_begun == 2
    assert b.replica.counters.copies_finished == 1
    assert_converged([other, b])
    assert not b.store.contains(S, b"removed")


def test_a_copy_begins_again_where_its_source_collected_what_it_had_not_seen_at_first(
    net: Net,
) -> None:
    a, _ = apart(net)
    d = net.start(D, A, page_rows=PAGE_ROWS)
    net.rounds(ROUNDS)
    b = back(net)
    sends = step(net, b, until_copying(net, b, B)[0])
    add(d.store, b"new and removed")
    remove(d.store, b"new and removed")
    net.tick(A)
    assert collect_all(a.store) == 1
    sends = step(net, b, sends[0])
    assert b.replica.counters.copies_begun == 2
    assert b.store.copy is not None
    assert stamps(b.store.copy) == {}
    while sends:
        sends = step(net, b, sends[0])
    assert b.store.collected == a.store.collected
    net.rounds(ROUNDS)
    assert b.replica.counters.copies_begun == 2
    assert not b.store.contains(S, b"new and removed")


def test_a_copy_goes_on_where_its_source_collected_what_it_had_seen_at_first(net: Net) -> None:
    a, _ = apart(net, rows=20)
    remove(a.store, b"e0")
    e0 = next(stamp >> 1 for (_, element), stamp in stamps(a.store).items() if element == b"e0")
    b = back(net)
    sends = step(net, b, until_copying(net, b, B)[0])
    assert collect_all(a.store) == 1
    while sends:
        sends = step(net, b, sends[0])
    assert (b.replica.counters.copies_begun, b.replica.counters.copies_finished) == (1, 1)
    assert b.store.collected == a.store.collected
    assert b.store.totals()[S].collected_time >= e0
    assert not b.store.contains(S, b"e0")
    net.rounds(ROUNDS)
    assert_converged([a, b])


def test_a_copy_begins_again_where_this_node_collected_meanwhile(net: Net) -> None:
    apart(net)
    b = back(net)
    sends = step(net, b, until_copying(net, b, B)[0])
    remove(b.store, b"removed")
    assert collect_all(b.store) == 1
    step(net, b, sends[0])
    assert b.replica.counters.copies_begun == 2


def test_a_copy_begins_again_where_its_source_is_another_file(net: Net) -> None:
    a, _ = apart(net, rows=20)
    net.stores.snapshot(A, "older")
    b = back(net)
    add_each(a.store, 3, b"later")
    sends = step(net, b, until_copying(net, b, B)[0])
    net.stop(A)
    net.stores.snapshot("older", A)
    a = net.start(A, page_rows=PAGE_ROWS)
    sends = step(net, b, sends[0])
    assert b.replica.counters.copies_begun == 2
    while sends:
        sends = step(net, b, sends[0])
    net.rounds(ROUNDS)
    assert_converged([a, b])
    assert not b.store.contains(S, b"later0")


def both_collected(net: Net) -> tuple[Node, Node]:
    """Return two nodes that each collected what the other has not seen."""
    apart(net)
    net.stop(A)
    b = back(net)
    remove(b.store, b"removed")
    assert collect_all(b.store) == 1
    add(b.store, b"of b")
    return net.start(A, page_rows=PAGE_ROWS), b


def test_of_two_that_are_behind_each_other_neither_gives_way(net: Net) -> None:
    a, b = both_collected(net)
    held = stamps(a.store), stamps(b.store)
    net.rounds(3 * ROUNDS)
    assert a.replica.peers.peer(B).theirs.standing is Standing.APART
    assert b.replica.peers.peer(A).theirs.standing is Standing.APART
    assert a.replica.counters.copies_begun == b.replica.counters.copies_begun == 0
    assert stamps(a.store) == held[0]
    assert stamps(b.store) == held[1]
    assert a.replica.counters.exchanges_fenced + b.replica.counters.exchanges_fenced > 0


def test_one_that_is_told_to_gives_way(net: Net) -> None:
    a, b = both_collected(net)
    net.rounds(ROUNDS)
    pull = b.replica._renewal.begin(A, net.now_us, forced=True)
    net.deliver(B, [b.replica._copy_sent(pull)])
    net.rounds(ROUNDS)
    assert b.replica.counters.copies_finished == 1
    assert_converged([a, b])
    assert a.store.contains(S, b"e0")
    assert a.store.contains(S, b"of b")


def test_a_copy_that_nobody_forced_is_given_up_where_its_source_is_behind_too(net: Net) -> None:
    _, b = both_collected(net)
    net.rounds(ROUNDS)
    pull = b.replica._renewal.begin(A, net.now_us)
    assert step(net, b, b.replica._copy_sent(pull)) == []
    assert b.replica.source is None
    assert b.store.copy is None


def test_a_copy_that_is_given_up_leaves_everything_as_it_was(net: Net) -> None:
    apart(net)
    b = back(net)
    sends = step(net, b, until_copying(net, b, B)[0])
    before, run = stamps(b.store), b.store.run
    b.replica._renewal.give_up()
    assert (stamps(b.store), b.store.run, b.store.copy) == (before, run, None)
    late = net.reply(B, sends[0])
    assert late is not None
    b.replica.answer(A, late, net.now_us)
    assert (stamps(b.store), b.store.run, b.store.copy) == (before, run, None)


def test_after_a_copy_whose_disk_failed_the_next_one_waits(
    net: Net, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, _ = apart(net)
    b = back(net)
    sends = until_copying(net, b, B)
    before, run = stamps(b.store), b.store.run

    def full(*_: object) -> None:
        raise DiskFailed("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(b.store.copy, "apply", full)
        with pytest.raises(DiskFailed):
            step(net, b, sends[0])
    assert (stamps(b.store), b.store.run, b.store.copy) == (before, run, None)
    net.rounds(ROUNDS)
    assert (b.replica.counters.copies_begun, b.replica.source) == (1, None)
    net.pass_time(REST_US)
    net.rounds(ROUNDS)
    assert (b.replica.counters.copies_begun, b.replica.counters.copies_finished) == (2, 1)
    assert_converged([a, b])


def test_old_adds_that_may_have_been_removed_are_kept_for_the_operator(net: Net) -> None:
    apart(net)
    b = back(net)
    add(b.store, b"before", time=1)
    net.rounds(ROUNDS)
    assert [entry.element for entry in b.store.refused] == [b"before"]
    assert b.replica.counters.refused_entries == 1
    assert not b.store.contains(S, b"before")


def test_a_node_that_copied_is_known_by_its_new_run_and_takes_writes(net: Net) -> None:
    a, _ = apart(net)
    b = back(net)
    net.rounds(ROUNDS)
    add(b.store, b"after")
    add(a.store, b"from a")
    net.rounds(ROUNDS)
    assert a.store.contains(S, b"after")
    assert b.store.contains(S, b"from a")
    assert a.store.members() == b.store.members() == {A, B}
    b = net.restart(B, A)
    net.rounds(ROUNDS)
    assert b.replica.counters.copies_begun == 0
    assert_converged([a, b])


@pytest.mark.parametrize("page_rows", [1, 3, 1_000])
def test_pages_of_any_size_make_the_same_copy(net: Net, page_rows: int) -> None:
    apart(net, rows=10)
    net.stop(A)
    a = net.start(A, page_rows=page_rows)
    b = back(net)
    net.rounds(ROUNDS)
    assert_converged([a, b])
    assert b.store.collected == a.store.collected


def test_nothing_is_exchanged_before_the_one_behind_begins_to_copy(net: Net) -> None:
    a, _ = apart(net)
    b = back(net)
    add(b.store, b"of b")
    held = stamps(a.store), stamps(b.store)
    until_copying(net, b, B)
    for _ in range(ROUNDS):
        net.tick(A)
        net.pass_time(TICK_US)
    assert (stamps(a.store), stamps(b.store)) == held
    assert a.replica.counters.exchanges_fenced + b.replica.counters.exchanges_fenced > 0
    net.sent.clear()
    net.tick(A)
    assert not any(sent.frame.page or (sent.reply and sent.reply.page) for sent in net.sent)
