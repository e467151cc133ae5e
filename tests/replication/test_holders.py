"""Who is known to hold a node's writes: nobody too early, and everybody soon."""

from random import Random

import pytest

from lastword.store.operations import Write
from tests.replication.net import A, B, C, Net, pair


def write(net: Net, address: str, element: int) -> int:
    """Add an element; return the number of the write in its node's log."""
    store = net.nodes[address].store
    store.execute(Write(b"s", add=(b"%d" % element,)))
    return store.seen[store.run]


def holding(net: Net, number: int) -> int:
    """Return how many others really hold A's writes up to `number`."""
    run = net.nodes[A].store.run
    others = [node.store for address, node in net.nodes.items() if address != A]
    return sum(store.seen.get(run, 0) >= number for store in others)


@pytest.mark.parametrize("seed", range(20))
def test_nobody_is_counted_who_does_not_hold_it(net: Net, seed: int) -> None:
    rng = Random(seed)
    for address in (A, B, C):
        net.start(address, A)
    numbers = [0]
    for element in range(60):
        if rng.random() < 0.5:
            numbers.append(write(net, A, element))
        if rng.random() < 0.2:
            write(net, B, element)
        net.tick(rng.choice([A, B, C]))
        net.pass_time(rng.choice([50_000, 200_000]))
        number = rng.choice(numbers)
        if number:
            assert net.nodes[A].replica.holders(number) <= holding(net, number)
    net.rounds(4)
    assert net.nodes[A].replica.holders(numbers[-1]) == 2


def test_a_write_is_known_to_be_there_within_two_rounds(net: Net) -> None:
    a, _ = pair(net)
    number = write(net, A, 1)
    assert a.replica.holders(number) == 0
    net.rounds(2)
    assert a.replica.holders(number) == 1
    assert a.replica.holders(number + 1) == 0


def test_who_lost_its_file_or_is_no_member_does_not_count(net: Net) -> None:
    a, _ = pair(net)
    number = write(net, A, 1)
    net.rounds(2)
    assert a.replica.holders(number) == 1
    peer = a.replica.peers.peer(B)
    peer.says_it_holds(peer.holds.run, a.store.run, number - 1)
    assert a.replica.holders(number) == 1, "one run does not lose what it had"
    peer.says_it_holds(peer.holds.run + 1, a.store.run, number - 1)
    assert a.replica.holders(number) == 0, "another run may be of another file"
    net.rounds(2)
    assert a.replica.holders(number) == 1
    a.store.unlist_member(B)
    assert a.replica.holders(number) == 0


def test_writes_of_an_earlier_run_are_not_those_of_this_one(net: Net) -> None:
    a, _ = pair(net)
    write(net, A, 1)
    net.rounds(2)
    a.store.begin_run()
    assert a.replica.holders(1) == 0
