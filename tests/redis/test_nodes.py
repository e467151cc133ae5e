"""Two nodes: what one is told by its clients, clients of the other see."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.calls import members
from tests.eventually import eventually
from tests.redis.connection import Connection
from tools.files import check_file
from tools.resp_node import RespNode

pytestmark = pytest.mark.slow

Nodes = tuple[RespNode, RespNode]


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[Nodes]:
    """Two nodes that know each other; their files are verified at the end."""
    fast = ("-r", "0.05", "--allow-flush")
    first = RespNode(tmp_path / "first.db", *fast)
    with ExitStack() as stack:
        stack.callback(first.kill)
        first.start()
        second = RespNode(tmp_path / "second.db", *fast, "-i", first.address)
        stack.callback(second.kill)
        second.start()
        eventually(lambda: len(members(first.address)) == 2, "they are acquainted")
        eventually(lambda: len(members(second.address)) == 2, "they are acquainted")
        yield first, second
    for node in (first, second):
        check_file(node.database)


def call(node: RespNode, *words: str | int) -> object:
    with Connection(node.resp_address) as connection:
        reply = connection.call(*words)
    return set(reply.values) if isinstance(reply.value, tuple) else reply.value


def eventually_hold(nodes: Nodes, members: set[bytes]) -> None:
    """Wait until both nodes have these members of the set s."""
    for name, node in zip(("first", "second"), nodes, strict=True):

        def holds(node: RespNode = node) -> bool:
            return call(node, "SMEMBERS", "s") == members

        eventually(holds, f"the {name} node has {members}")


def test_what_one_is_told_the_other_knows_soon(nodes: Nodes) -> None:
    first, second = nodes
    call(first, "SADD", "s", "a", "b")
    call(second, "SADD", "s", "c")
    everything = {b"a", b"b", b"c"}
    eventually_hold(nodes, everything)
    call(second, "SREM", "s", "a")
    eventually(lambda: call(first, "SMEMBERS", "s") == {b"b", b"c"}, "a removal arrives")
    call(first, "DEL", "s")
    eventually(lambda: call(second, "EXISTS", "s") == 0, "a DEL arrives")
    assert call(second, "KEYS", "*") == set()
    assert call(second, "DBSIZE") == 0


def test_news_from_another_node_breaks_a_watch(nodes: Nodes) -> None:
    first, second = nodes
    with Connection(first.resp_address) as connection:
        connection.call("WATCH", "s")
        call(second, "SADD", "s", "theirs")
        eventually(lambda: call(first, "SISMEMBER", "s", "theirs") == 1, "the news arrives")
        connection.call("MULTI")
        connection.call("SADD", "s", "mine")
        assert connection.call("EXEC").value is None


def test_wait_returns_once_so_many_members_have_the_write(nodes: Nodes) -> None:
    """What WAIT has counted is there: no time passes between it and the look."""
    first, second = nodes
    with Connection(first.resp_address) as connection:
        for n in range(20):
            connection.call("SADD", "waited", n)
            assert connection.call("WAIT", 1, 20_000).value == 1
            assert call(second, "SISMEMBER", "waited", n) == 1


def test_wait_counts_nobody_who_does_not_have_the_write(nodes: Nodes) -> None:
    first, second = nodes
    with Connection(first.resp_address) as connection:
        connection.call("SADD", "s", "a")
        assert connection.call("WAIT", 1, 20_000).value == 1
        second.kill()
        connection.call("SADD", "s", "b")
        assert connection.call("WAIT", 1, 300).value == 0
        assert connection.call("WAIT", 0, 0).value == 0
        second.start()
        assert connection.call("WAIT", 1, 20_000).value == 1
        assert call(second, "SMEMBERS", "s") == {b"a", b"b"}
        assert connection.call("WAIT", 5, 300).value == 1


def test_wait_inside_a_transaction_does_not_wait(nodes: Nodes) -> None:
    first, second = nodes
    second.kill()
    with Connection(first.resp_address) as connection:
        for command in (["MULTI"], ["SADD", "s", "a"], ["WAIT", "1", "0"]):
            assert not connection.call(*command).is_error
        assert connection.call("EXEC").values == [1, 0]


def test_del_removes_what_it_saw_and_an_add_elsewhere_stays(nodes: Nodes) -> None:
    """Neither knows of the other: they do not run at the same time."""
    first, second = nodes
    call(first, "SADD", "s", "old")
    eventually(lambda: call(second, "SISMEMBER", "s", "old") == 1, "the add arrives")
    first.kill()
    call(second, "SADD", "s", "new")
    second.kill()
    first.start()
    assert call(first, "DEL", "s") == 1
    assert call(first, "EXISTS", "s") == 0
    second.start()
    eventually_hold(nodes, {b"new"})


def test_two_nodes_that_are_apart_may_pop_the_same_member(nodes: Nodes) -> None:
    """And end without it."""
    first, second = nodes
    call(first, "SADD", "s", "only")
    eventually(lambda: call(second, "SISMEMBER", "s", "only") == 1, "the add arrives")
    first.kill()
    assert call(second, "SPOP", "s") == b"only"
    second.kill()
    first.start()
    assert call(first, "SPOP", "s") == b"only"
    second.start()
    eventually_hold(nodes, set())
