"""A copy that was under way when its node ended is gone on with, or begun again where it must."""

from collections import deque
from collections.abc import Iterator
from pathlib import Path

import pytest

from lastword.replication.frames import Pull
from lastword.store.base import BaseStore
from lastword.store.operations import Collect, Write
from tests.replication.net import TICK_US, A, B, Net, Node
from tests.stores import MemoryStores, S, SqliteStores, add, add_each, remove, stamps


@pytest.fixture(params=[MemoryStores, SqliteStores], ids=["memory", "sqlite"])
def net(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Net]:
    made = Net(tmp_path)
    made.stores = request.param(tmp_path)
    yield made
    made.stores.finish()


def collect(store: BaseStore) -> None:
    """Collect every tombstone, as if all members had covered it."""
    store.execute(Collect(dict(store.seen), 0, store.log_end, 1_000))


def one_behind(net: Net) -> tuple[Node, Node]:
    """Return a node, and another that was away when the first collected what both had held."""
    a = net.start(A, page_rows=3)
    add(a.store, b"removed")
    net.start(B, A)
    net.rounds(4)
    net.stop(B)
    remove(a.store, b"removed")
    add_each(a.store, 20)
    collect(a.store)
    net.pass_time(TICK_US)
    b = net.start(B, A)
    add(b.store, b"only here")
    return a, b


def copy_some(net: Net, node: Node) -> None:
    """Let a node begin its copy, and end before that is whole."""
    for _ in range(20):
        sends = deque(node.replica.tick(net.now_us, net.rng))
        while sends:
            send = sends.popleft()
            reply = net.reply(B, send)
            assert reply is not None
            sends += node.replica.answer(send.address, reply, net.now_us)
            if node.store.copy is not None and node.store.copy.cursor(A).number > 3:
                return
        net.pass_time(TICK_US)
    raise AssertionError("no copy was begun")


def copy_pulls(net: Net) -> list[Pull]:
    pulls = [sent.frame.pull for sent in net.sent]
    return [pull for pull in pulls if pull is not None and pull.is_copy]


def assert_copied(a: Node, b: Node) -> None:
    assert b.replica.source is None
    assert b.store.copy is None
    assert b.store.contains_each(S, [b"removed", b"only here", b"e0", b"e19"]) == [
        False,
        True,
        True,
        True,
    ]
    assert stamps(a.store) == stamps(b.store)
    assert b.store.collected == a.store.collected


def test_a_node_that_is_behind_copies_another(net: Net) -> None:
    a, b = one_behind(net)
    run = b.store.run
    net.rounds(20)
    assert_copied(a, b)
    assert b.store.run != run
    assert b.replica.counters.copies_finished == 1


def test_a_copy_goes_on_after_a_restart_in_the_middle(net: Net) -> None:
    a, b = one_behind(net)
    copy_some(net, b)
    assert b.store.copy is not None
    cursor = b.store.copy.cursor(A)
    net.sent.clear()

    b = net.restart(B, A)
    net.rounds(20)

    assert_copied(a, b)
    assert copy_pulls(net)[0].cursor == cursor
    assert (b.replica.counters.copies_begun, b.replica.counters.copies_finished) == (0, 1)


def test_a_copy_that_its_source_has_outrun_begins_again_after_the_restart(net: Net) -> None:
    a, b = one_behind(net)
    copy_some(net, b)
    net.stop(B)
    a.store.execute(Write(b"another", remove=(b"x",)))
    collect(a.store)

    b = net.start(B, A)
    net.rounds(20)

    assert_copied(a, b)
    assert b.replica.counters.copies_begun == 1


def test_a_copy_whose_node_has_collected_meanwhile_is_dropped(net: Net) -> None:
    copy_some(net, one_behind(net)[1])
    net.stop(B)
    store = net.stores.open(B)
    store.execute(Write(b"own", remove=(b"x",)))
    collect(store)
    net.stores.close(B)

    b = net.start(B, A)
    net.tick(B)

    assert b.replica.source is None
    assert b.store.copy is None


def test_a_copy_that_was_being_taken_over_begins_again(net: Net) -> None:
    a, b = one_behind(net)
    copy_some(net, b)
    assert b.store.copy is not None
    b.store.copy.keep_origin(b.store.copy.origin._replace(source=""))

    b = net.restart(B, A)
    net.rounds(30)

    assert_copied(a, b)
    assert b.replica.counters.copies_begun >= 1
