"""Names that the node cannot give a set, and sets that are the node's own."""

import pytest

from tests.calls import call
from tests.redis.conftest import Connect
from tests.redis.connection import Connection
from tools.resp_node import RespNode

REFUSED = {
    b"\xff": "UTF-8",
    b"a/b": "'/'",
    b"x" * 256: "255 bytes",
    b"": "1 to 255 bytes",
    b"_peers_": "'_'",
    b"_": "'_'",
}
WITH_A_NAME: list[list[str]] = [
    *(["SADD", "KEY", "a"], ["SREM", "KEY", "a"], ["SISMEMBER", "KEY", "a"], ["SCARD", "KEY"]),
    *(["SMISMEMBER", "KEY", "a"], ["SMEMBERS", "KEY"], ["SSCAN", "KEY", "0"], ["SPOP", "KEY"]),
    *(["SRANDMEMBER", "KEY"], ["SMOVE", "KEY", "s", "a"], ["SMOVE", "s", "KEY", "a"]),
    *(["SINTER", "s", "KEY"], ["SUNION", "s", "KEY"], ["SDIFF", "s", "KEY"], ["TYPE", "KEY"]),
    *(["SINTERCARD", "2", "s", "KEY"], ["SUNIONSTORE", "KEY", "s"], ["SUNIONSTORE", "s", "KEY"]),
    *(["SINTERSTORE", "KEY", "s"], ["SDIFFSTORE", "KEY", "s"], ["SDIFFSTORE", "t", "s", "KEY"]),
    *(["DEL", "s", "KEY"], ["UNLINK", "s", "KEY"], ["EXISTS", "s", "KEY"], ["WATCH", "s", "KEY"]),
    *(["RENAME", "s", "KEY"], ["RENAME", "KEY", "s"]),
]


@pytest.mark.parametrize("name", REFUSED, ids=lambda name: repr(name[:10]))
@pytest.mark.parametrize("command", WITH_A_NAME, ids=lambda words: " ".join(map(str, words)))
def test_a_name_that_cannot_be_is_refused_with_the_reason(
    connect: Connect, command: list[str], name: bytes
) -> None:
    """And nothing is done of the command."""
    connection = connect()
    connection.call("SADD", "s", "a", "b")
    reply = connection.call(*(name if word == "KEY" else word for word in command))
    assert reply.is_error
    assert reply.value.startswith(b"ERR ")
    assert REFUSED[name] in reply.value.decode()
    assert connection.call("KEYS", "*").values == [b"s"]
    assert connection.call("SCARD", "s").value == 2


def test_the_longest_name_and_odd_ones_are_taken(connect: Connect) -> None:
    connection = connect()
    names = [b"x" * 255, "é".encode() * 127, b" ", b"\x00", b"a_", b"*", b"\r\n", b"%2F"]
    for name in names:
        assert connection.call("SADD", name, "a").value == 1
    assert sorted(connection.call("KEYS", "*").values) == sorted(names)


def test_reserved_sets_do_not_exist_here(resp_node: RespNode, connect: Connect) -> None:
    connection = connect()
    listed = call(resp_node.address, "GET", "/_peers_").json["lwwAdded"]
    assert listed
    for command in (["KEYS", "*"], ["KEYS", "_*"]):
        assert connection.call(*command).items == ()
    for options in ([], ["COUNT", "1000", "MATCH", "_*"]):
        assert scanned(connection, *options) == []
    assert connection.call("DBSIZE").value == 0
    assert connection.call("RANDOMKEY").value is None
    connection.call("SADD", "s", "a")
    assert [connection.call("RANDOMKEY").value for _ in range(20)] == [b"s"] * 20
    assert not connection.call("FLUSHALL").is_error
    assert not connection.call("FLUSHDB").is_error
    assert call(resp_node.address, "GET", "/_peers_").json["lwwAdded"] == listed


def scanned(connection: Connection, *options: str) -> list[bytes]:
    """Return what SCAN finds; a page may be empty before the end."""
    found: list[bytes] = []
    cursor = b""
    while cursor != b"0":
        page = connection.call("SCAN", cursor or b"0", *options)
        cursor = page.items[0].value
        found += page.items[1].values
    return found


def test_a_member_has_at_most_64_kib(connect: Connect) -> None:
    connection = connect()
    assert connection.call("SADD", "s", b"x" * 65_536).value == 1
    reply = connection.call("SADD", "s", "fits", b"x" * 65_537)
    assert reply.is_error
    assert b"65536 bytes" in reply.value
    assert connection.call("SCARD", "s").value == 1
