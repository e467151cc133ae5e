"""How far members are behind each other, as each is told of the other."""

import pytest

from lastword.replication.lag import Lag
from lastword.replication.status import MemberLag, lags_of
from lastword.replication.vectors import GrowingVector
from tests.replication.net import TICK_US, A, B, C, Net, Node, pair
from tests.stores import S, add, row_of

NONCE = 11


def lag_of(node: Node, net: Net, address: str) -> MemberLag:
    (found,) = [at for at in lags_of(node.replica, net.now_us) if at.address == address]
    return found


def probe(net: Net, source: str, target: str) -> None:
    net.deliver(source, net.nodes[source].replica.probe(target, NONCE))


def test_after_the_last_write_has_arrived_nothing_is_behind(net: Net) -> None:
    a, b = pair(net)
    for number in range(5):
        add(a.store, b"%d" % number)
        add(b.store, b"other %d" % number)
    net.rounds(4)
    for node, other in ((a, B), (b, A)):
        lag = lag_of(node, net, other)
        assert (lag.lag_us, lag.lacks, lag.their_lag_us, lag.they_lack) == (0, 0, 0, 0)
        assert lag.answers
        assert lag.heard_us is not None
        assert lag.heard_us <= TICK_US


def test_what_a_member_has_not_told_to_have_is_lacking_there(net: Net) -> None:
    a, _ = pair(net)
    net.pass_time(TICK_US)
    for number in range(3):
        add(a.store, b"%d" % number)
    lag = lag_of(a, net, B)
    assert lag.they_lack is not None
    assert lag.they_lack >= 3
    assert lag.their_lag_us is not None
    assert 0 < lag.their_lag_us <= 3 * TICK_US
    assert (lag.lag_us, lag.lacks) == (0, 0)


def test_the_lag_of_a_silent_member_grows(net: Net) -> None:
    a, b = pair(net)
    del net.nodes[B]
    add(b.store, b"unheard")
    add(a.store, b"untold")
    net.rounds(1)
    before = lag_of(a, net, B)
    net.rounds(20)
    after = lag_of(a, net, B)
    assert not before.answers
    assert before.lag_us is not None
    assert after.lag_us is not None
    assert before.their_lag_us is not None
    assert after.their_lag_us is not None
    assert after.lag_us - before.lag_us == after.their_lag_us - before.their_lag_us
    assert after.lag_us - before.lag_us == 20 * TICK_US
    net.nodes[B] = b
    a.replica.peers.peer(B).heard()  # by a frame that tells nothing of its log
    assert lag_of(a, net, B).lag_us == after.lag_us
    net.rounds(40)
    healed = lag_of(a, net, B)
    assert (healed.lag_us, healed.their_lag_us, healed.they_lack) == (0, 0, 0)


def test_of_a_member_that_was_never_heard_nothing_is_known(net: Net) -> None:
    a, _ = pair(net)
    a.store.list_member(C)
    lag = lag_of(a, net, C)
    assert (lag.lag_us, lag.lacks, lag.their_lag_us, lag.they_lack) == (None,) * 4
    assert (lag.heard_us, lag.equal, lag.answers) == (None, None, False)


def test_a_node_that_starts_knows_nothing_before_it_is_told(net: Net) -> None:
    pair(net)
    b = net.restart(B)
    assert lag_of(b, net, A).lag_us is None
    net.rounds(2)
    assert lag_of(b, net, A).lag_us == 0
    assert lag_of(b, net, A).their_lag_us == 0


@pytest.mark.parametrize("rounds", [5, 30])
def test_under_writes_without_a_pause_the_times_stay_those_of_some_rounds(
    net: Net, rounds: int
) -> None:
    a, b = pair(net)
    for number in range(rounds):
        add(a.store, b"a %d" % number)
        add(b.store, b"b %d" % number)
        net.rounds(1)
        add(a.store, b"a too %d" % number)
        add(b.store, b"b too %d" % number)
    for node, other in ((a, B), (b, A)):
        lag = lag_of(node, net, other)
        assert lag.lag_us is not None
        assert lag.their_lag_us is not None
        assert lag.lag_us <= 3 * TICK_US
        assert 0 < lag.their_lag_us <= 4 * TICK_US


def test_a_probe_tells_that_both_hold_the_same(net: Net) -> None:
    a, _ = pair(net)
    probe(net, A, B)
    lag = lag_of(a, net, B)
    assert (lag.equal, lag.compared_us, lag.heard_us) == (True, 0, 0)
    (sent,) = [sent for sent in net.sent if sent.frame.survey is not None]
    assert sent.reply is not None
    assert sent.reply.log is not None


def test_a_probe_of_two_that_are_written_to_says_nothing_of_digests(net: Net) -> None:
    a, b = pair(net)
    add(a.store, b"here")
    add(b.store, b"there")
    probe(net, A, B)
    assert lag_of(a, net, B).equal is None
    assert lag_of(a, net, B).lacks == 1


def test_a_probe_finds_that_a_row_is_lost_and_a_comparison_that_it_is_back(net: Net) -> None:
    a, b = pair(net)
    add(a.store, b"kept")
    add(a.store, b"lost")
    net.rounds(4)
    lost = row_of(b.store, S, b"lost")
    (name,) = [name for name, row in b.store.image.rows.items() if row == lost]
    b.store.image.lose([name])
    b.store.recount(S)
    probe(net, A, B)
    assert lag_of(a, net, B).equal is False
    net.pass_time(70_000_000)
    net.rounds(4)
    probe(net, A, B)
    assert lag_of(a, net, B).equal is True


def test_a_probe_ends_no_walk_and_leaves_the_standing_as_it_is(net: Net) -> None:
    a, b = pair(net)
    add(b.store, b"news")
    sends = a.replica.tick(net.now_us, net.rng)
    assert a.replica.awaited == B
    probe(net, A, B)
    assert a.replica.awaited == B
    assert lag_of(a, net, B).standing.is_clear
    net.deliver(A, sends)
    assert a.store.contains(S, b"news")


def test_a_target_is_followed_by_the_next_one() -> None:
    lag, own = Lag(), GrowingVector({1: 5})
    lag.report({}, own, 10, all_of=False)
    assert lag.theirs_us is None
    own.grow({1: 9})
    lag.report({1: 4}, own, 20, all_of=False)
    assert lag.theirs_us is None
    lag.report({1: 6}, own, 30, all_of=False)
    assert lag.theirs_us == 10
    own.grow({1: 12})
    lag.report({1: 9}, own, 40, all_of=False)
    assert lag.theirs_us == 30
    lag.report({1: 12}, own, 50, all_of=False)
    assert lag.theirs_us == 50
