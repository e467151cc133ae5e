"""What an acknowledged write is worth: to this client, to others, to REST, and after a crash."""

import base64
import itertools
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.calls import call
from tests.redis.conftest import Connect
from tests.redis.connection import Argument, Connection, encoded
from tests.redis.replies import Closed
from tools.files import check_file
from tools.resp_node import RespNode

BINARY = (b"", b"\x00", b"\xff\xfe", b"\r\n", "é".encode(), b"a/b", b"%2F", b"plain")


def test_what_is_acknowledged_is_seen_by_everyone_at_once(
    resp_node: RespNode, connect: Connect
) -> None:
    writer, reader = connect(), connect()
    for n in range(200):
        assert writer.call("SADD", "s", n).value == 1
        assert reader.call("SISMEMBER", "s", n).value == 1
        assert call(resp_node.address, "GET", f"/s/{n}").body == b"true"
        assert reader.call("SREM", "s", n).value == 1
        assert writer.call("EXISTS", "s").value == 0


@pytest.mark.slow
def test_reads_in_a_pipeline_see_the_writes_before_them(connect: Connect) -> None:
    commands: list[list[Argument]] = []
    expected: list[int | bytes | None] = []
    for n in range(500):
        commands += [["SADD", "s", n], ["SCARD", "s"], ["SISMEMBER", "s", n]]
        commands += [["SREM", "s", n - 1], ["SMEMBERS", "s"], ["ECHO", n]]
        expected += [1, 1 + (n > 0), 1, int(n > 0), None, b"%d" % n]
    replies = connect().pipeline(commands)
    for n, reply in enumerate(replies[4::6]):
        assert reply.values == [b"%d" % n]
    got = [None if isinstance(reply.value, tuple) else reply.value for reply in replies]
    assert got == expected


@pytest.mark.parametrize("member", BINARY, ids=repr)
def test_rest_and_resp_see_the_same_members(
    resp_node: RespNode, connect: Connect, member: bytes
) -> None:
    connection, path = connect(), f"/both/{quote(member, safe='')}"
    assert call(resp_node.address, "PUT", path).status == 200
    assert connection.call("SMEMBERS", "both").values == [member]
    assert connection.call("SADD", "both", member).value == 0
    assert connection.call("SREM", "both", member).value == 1
    assert call(resp_node.address, "GET", path).body == b"false"
    assert connection.call("EXISTS", "both").value == 0
    assert connection.call("SADD", "both", member).value == 1
    assert call(resp_node.address, "GET", path).body == b"true"
    assert call(resp_node.address, "DELETE", path).status == 200
    assert connection.call("DBSIZE").value == 0


def test_what_rest_shows_is_what_resp_wrote(resp_node: RespNode, connect: Connect) -> None:
    connection = connect()
    connection.call("SADD", "state", *BINARY)
    connection.call("SREM", "state", "plain")
    state = call(resp_node.address, "GET", "/state").json
    added = {text.encode() for text in state["lwwAdded"]}
    added |= {base64.b64decode(text) for text in state["lwwAddedBase64"]}
    assert added == {*BINARY} - {b"plain"}
    assert "plain" in state["lwwRemoved"]


def test_rest_breaks_a_watch(resp_node: RespNode, connect: Connect) -> None:
    connection = connect()
    connection.call("WATCH", "s")
    assert call(resp_node.address, "PUT", "/s/a").status == 200
    connection.call("MULTI")
    connection.call("SADD", "s", "b")
    assert connection.call("EXEC").value is None
    assert connection.call("SMEMBERS", "s").values == [b"a"]


@pytest.mark.slow
def test_nothing_acknowledged_is_lost_when_the_node_is_killed(tmp_path: Path) -> None:
    node = RespNode(tmp_path / "a.db")
    acknowledged = 0
    try:
        node.start()
        for round_number in range(3):
            with Connection(node.resp_address) as connection:
                acknowledged += _write_until_killed(node, connection, acknowledged)
            node.start()
            with Connection(node.resp_address) as connection:
                held = connection.call("SMISMEMBER", "s", *range(acknowledged)).values
            assert held == [1] * acknowledged, round_number
        node.stop()
    finally:
        node.kill()
    check_file(node.database)


def _write_until_killed(node: RespNode, connection: Connection, first: int) -> int:
    """Return how many SADDs were acknowledged, of many that were under way."""
    connection.send(b"".join(encoded("SADD", "s", first + n) for n in range(4_000)))
    for _ in range(1_000):
        assert not connection.read().is_error
    node.kill()
    for late in itertools.count():
        try:
            assert not connection.read().is_error
        except Closed:
            return 1_000 + late
    raise AssertionError


def test_nothing_is_flushed_unless_the_node_was_told_to_allow_it(tmp_path: Path) -> None:
    with (
        RespNode(tmp_path / "a.db") as node,
        Connection(node.resp_address) as connection,
    ):
        connection.call("SADD", "s", "a")
        for command in (["FLUSHALL"], ["FLUSHDB"], ["FLUSHALL", "ASYNC"], ["flushdb", "SYNC"]):
            reply = connection.call(*command)
            assert reply.is_error
        assert connection.call("DBSIZE").value == 1
        connection.close()
