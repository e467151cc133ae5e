"""What a client of Redis may take of a node, and what becomes of one that wants more."""

import select
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.eventually import eventually
from tests.redis.connection import Connection, encoded
from tests.redis.replies import OK, Closed, Reply, error
from tools.resp_node import RespNode

PONG = Reply("+", b"PONG")
RSS_GROWTH_KIB_MAX = 20 << 10

Limited = Callable[..., RespNode]


@pytest.fixture
def limited(tmp_path: Path) -> Iterator[Limited]:
    """Start a node with options, that is stopped in order at the end."""
    with ExitStack() as stack:
        yield lambda *options: stack.enter_context(RespNode(tmp_path / "a.db", *options))


def test_one_client_too_many_is_told_so(limited: Limited) -> None:
    node = limited("--redis-clients-max", "3")
    with ExitStack() as stack:
        clients = [stack.enter_context(Connection(node.resp_address)) for _ in range(3)]
        assert [client.call("PING") for client in clients] == [PONG] * 3
        with Connection(node.resp_address) as late:
            assert late.rest() == [error("ERR max number of clients reached")]
        assert [client.call("PING") for client in clients] == [PONG] * 3
        clients[0].close()
        eventually(lambda: answers(node), "there is room again")


def answers(node: RespNode) -> bool:
    with Connection(node.resp_address) as connection:
        try:
            return connection.call("PING") == PONG
        except (Closed, ConnectionError):
            return False


@pytest.mark.slow
def test_a_client_that_says_nothing_is_let_go(limited: Limited) -> None:
    node = limited("--redis-timeout", "1")
    with Connection(node.resp_address) as idle, Connection(node.resp_address) as busy:
        assert idle.call("PING") == PONG
        while not select.select([idle.socket], [], [], 0.05)[0]:
            assert busy.call("PING") == PONG
        assert idle.rest() == []
        assert busy.call("PING") == PONG


def test_an_argument_too_long_to_be_read_ends_the_connection(limited: Limited) -> None:
    node = limited("--redis-bulk-bytes-max", "70000")
    with Connection(node.resp_address) as connection:
        assert connection.call("ECHO", "x" * 70_000).value == b"x" * 70_000
        connection.send(b"*2\r\n$4\r\nECHO\r\n$70001\r\n")
        assert connection.rest() == [error("ERR Protocol error: invalid bulk length")]


def test_too_many_arguments_end_the_connection(limited: Limited) -> None:
    node = limited("--redis-arguments-max", "16")
    with Connection(node.resp_address) as connection:
        assert connection.call("SADD", "s", *range(14)).value == 14
        connection.send(b"*17\r\n")
        assert connection.rest() == [error("ERR Protocol error: invalid multibulk length")]


def test_a_command_that_is_too_large_to_be_held_ends_the_connection(limited: Limited) -> None:
    node = limited("--redis-query-buffer-bytes-max", "140000")
    command = encoded("SADD", "s", *(str(n) * 60_000 for n in range(3)))
    with Connection(node.resp_address) as other, Connection(node.resp_address) as connection:
        connection.send(command[:-20_000])
        assert all(reply.is_error for reply in connection.rest())
        assert other.call("EXISTS", "s").value == 0


def test_what_comes_together_is_not_one_command(limited: Limited) -> None:
    """A pipeline may be far longer than the longest command."""
    node = limited("--redis-query-buffer-bytes-max", "140000")
    with Connection(node.resp_address) as connection:
        replies = connection.pipeline([["SADD", "s", "x" * 60_000]] * 20)
        assert [reply.value for reply in replies] == [1] + [0] * 19


@pytest.mark.slow
def test_a_client_that_does_not_read_takes_no_more_than_its_buffer(limited: Limited) -> None:
    """It asks for 60 MB: the node does not hold them, and serves others."""
    node = limited("--redis-output-buffer-bytes-max", "1000000")
    with (
        Connection(node.resp_address) as other,
        Connection(node.resp_address, receive_bytes=4_096) as connection,
    ):
        assert other.call("SADD", "s", *(f"{n:020}" for n in range(2_000))).value == 2_000
        assert len(other.call("SMEMBERS", "s").items) == 2_000
        before_kib = resident_kib(node)
        connection.send(encoded("SMEMBERS", "s") * 1_200)
        most_kib = 0
        for n in range(500):
            assert not other.call("SADD", "t", n).is_error
            most_kib = max(most_kib, resident_kib(node))
        assert most_kib - before_kib < RSS_GROWTH_KIB_MAX
        for _ in range(1_200):
            try:
                assert len(connection.read().items) == 2_000
            except Closed:
                break
        assert other.call("PING") == PONG


def resident_kib(node: RespNode) -> int:
    status = Path(f"/proc/{node.process.pid}/status")
    if not status.exists():
        pytest.skip("the memory of processes is read from /proc")
    (line,) = [line for line in status.read_text().splitlines() if line.startswith("VmRSS:")]
    return int(line.split()[1])


def test_commands_that_wait_for_exec_are_limited(limited: Limited) -> None:
    node = limited()
    with Connection(node.resp_address) as connection:
        assert connection.call("MULTI") == OK
        replies = connection.pipeline([["SADD", "s", n] for n in range(10_100)])
        assert any(reply.is_error for reply in replies)
        assert connection.call("EXEC").value.startswith(b"EXECABORT")
        assert connection.call("EXISTS", "s").value == 0


def test_bytes_that_wait_for_exec_are_limited(limited: Limited) -> None:
    node = limited("--redis-query-buffer-bytes-max", "140000")
    with Connection(node.resp_address) as connection:
        assert connection.call("MULTI") == OK
        replies = connection.pipeline([["SADD", "s", str(n) * 60_000] for n in range(3)])
        assert [reply.is_error for reply in replies] == [False, False, True]
        assert connection.call("EXEC").value.startswith(b"EXECABORT")
        assert connection.call("EXISTS", "s").value == 0


def test_many_draws_hold_up_nobody(limited: Limited) -> None:
    """Another client writes and reads before the draws of the first are at an end."""
    node = limited("--redis-output-buffer-bytes-max", "2000000")
    with Connection(node.resp_address) as other, Connection(node.resp_address) as connection:
        assert other.call("SADD", "s", "a").value == 1
        connection.send(encoded("SRANDMEMBER", "s", -300_000))
        assert other.call("SADD", "t", "a").value == 1
        assert not select.select([connection.socket], [], [], 0)[0]
        assert connection.read().is_error


def test_draws_in_a_transaction_are_limited(limited: Limited) -> None:
    node = limited()
    with Connection(node.resp_address) as connection:
        assert connection.call("SADD", "s", "a").value == 1
        assert connection.call("MULTI") == OK
        connection.call("SRANDMEMBER", "s", -(1 << 40))
        connection.call("SCARD", "s")
        drawn, count = connection.call("EXEC").items
        assert drawn.is_error
        assert count.value == 1


def test_a_client_cannot_change_a_limit(limited: Limited) -> None:
    node = limited("--redis-clients-max", "3")
    with Connection(node.resp_address) as connection:
        before = connection.call("CONFIG", "GET", "*").values
        assert before
        for name in before[::2]:
            assert connection.call("CONFIG", "SET", name, "1").is_error
        for command in (["CONFIG", "REWRITE"], ["CONFIG", "RESETSTAT"], ["DEBUG", "SEGFAULT"]):
            connection.call(*command)
        assert connection.call("CONFIG", "GET", "*").values == before
        assert connection.call("PING") == PONG


def test_a_pattern_is_limited(limited: Limited) -> None:
    node = limited()
    with Connection(node.resp_address) as connection:
        assert connection.call("SADD", "s", "a").value == 1
        assert connection.call("KEYS", "*" * 1_024).values == [b"s"]
        for command in (["KEYS"], ["SCAN", 0, "MATCH"], ["SSCAN", "s", 0, "MATCH"]):
            assert connection.call(*command, "a*" * 1_000).is_error
