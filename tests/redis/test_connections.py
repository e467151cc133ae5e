"""What a connection keeps, as one to Redis does: its protocol, its name, its transaction."""

from collections.abc import Sequence

import pytest

from tests.redis.agreement import same_shape
from tests.redis.both import Both
from tests.redis.conftest import Connect
from tests.redis.connection import Argument, encoded
from tests.redis.replies import RESP3_NULL, Reply

Commands = list[Sequence[Argument]]

CONVERSATIONS: dict[str, Commands] = {
    "HELLO alone keeps the protocol": [["HELLO"], ["HELLO", "3"], ["HELLO"], ["SMEMBERS", "s"]],
    "HELLO goes up and down": [["HELLO", "3"], ["SPOP", "s"], ["HELLO", "2"], ["SPOP", "s"]],
    "HELLO knows two protocols": [["HELLO", n] for n in ("4", "1", "0", "x", "", "-3", "3.0")],
    "a refused HELLO changes nothing": [
        *(["HELLO", "4"], ["SPOP", "s"], ["HELLO", "3", "FOO"], ["SPOP", "s"]),
    ],
    "HELLO names": [["HELLO", "3", "SETNAME", "me"], ["CLIENT", "GETNAME"]],
    "HELLO refuses names": [["HELLO", "3", "SETNAME", "a b"], ["CLIENT", "GETNAME"]],
    "HELLO wants whole options": [
        *(["HELLO", "3", "SETNAME"], ["HELLO", "3", "AUTH", "default"], ["HELLO", "3", "AUTH"]),
        *(["HELLO", "3", "FOO"], ["HELLO", "3", "FOO", "SETNAME", "a"], ["CLIENT", "GETNAME"]),
    ],
    "HELLO takes no stranger": [["HELLO", "3", "AUTH", "nobody", "x"], ["SPOP", "s"]],
    "HELLO between MULTI and EXEC": [["MULTI"], ["HELLO", "3"], ["SPOP", "s"], ["EXEC"]],
    "AUTH without a password": [["AUTH", "x"], ["AUTH", "nobody", "x"], ["PING"]],
    "names of clients": [
        *(["CLIENT", "GETNAME"], ["CLIENT", "SETNAME", "a"], ["CLIENT", "GETNAME"]),
        *(["CLIENT", "SETNAME", ""], ["CLIENT", "GETNAME"], ["CLIENT", "SETNAME", "b"]),
        *(["CLIENT", "SETNAME", "a b"], ["CLIENT", "SETNAME", "a\nb"], ["CLIENT", "GETNAME"]),
        *(["CLIENT", "SETNAME", "\x80"], ["CLIENT", "SETNAME", "\0"], ["client", "getname"]),
    ],
    "RESET forgets": [
        *(["CLIENT", "SETNAME", "a"], ["HELLO", "3"], ["MULTI"], ["PING"], ["RESET"]),
        *(["CLIENT", "GETNAME"], ["SPOP", "s"], ["EXEC"], ["RESET", "x"], ["RESET"]),
    ],
    "RESET unwatches": [
        *(["WATCH", "s"], ["SADD", "s", "a"], ["RESET"], ["MULTI"], ["PING"], ["EXEC"]),
    ],
    "EXEC and DISCARD want MULTI": [["EXEC"], ["DISCARD"], ["UNWATCH"], ["EXEC", "x"]],
    "MULTI is not nested": [["MULTI"], ["MULTI"], ["SADD", "s", "a"], ["EXEC"], ["EXEC"]],
    "no WATCH inside": [["MULTI"], ["WATCH", "s"], ["SADD", "s", "a"], ["EXEC"]],
    "UNWATCH inside is queued": [["WATCH", "s"], ["MULTI"], ["UNWATCH"], ["EXEC"]],
    "an unknown command aborts": [
        ["MULTI"],
        ["SADD", "s", "a"],
        ["FOO"],
        ["EXEC"],
        ["SCARD", "s"],
    ],
    "a wrong number aborts": [["MULTI"], ["SADD", "s"], ["SADD", "s", "a"], ["EXEC"], ["EXEC"]],
    "an unknown subcommand aborts": [["MULTI"], ["CLIENT", "FOO"], ["EXEC"], ["EXEC"]],
    "DISCARD after an error": [["MULTI"], ["FOO"], ["DISCARD"], ["DISCARD"], ["SCARD", "s"]],
    "an error inside leaves the others": [
        *(["MULTI"], ["SADD", "s", "a"], ["SPOP", "s", "-1"], ["SADD", "s", "b"], ["EXEC"]),
        ["SCARD", "s"],
    ],
    "EXEC of nothing": [["MULTI"], ["EXEC"], ["WATCH", "s"], ["MULTI"], ["EXEC"]],
    "later commands see earlier ones": [
        *(["MULTI"], ["SADD", "t", "a"], ["SMEMBERS", "t"], ["SREM", "t", "a"], ["EXISTS", "t"]),
        *(["RENAME", "t", "u"], ["SADD", "t", "b"], ["RENAME", "t", "u"], ["SMEMBERS", "u"]),
        *(["SUNIONSTORE", "v", "u", "s"], ["DEL", "u"], ["KEYS", "*"], ["DBSIZE"], ["EXEC"]),
    ],
    "SPOP of one inside": [
        *(["SADD", "one", "m"], ["MULTI"], ["SPOP", "one"], ["SPOP", "one"], ["SCARD", "one"]),
        ["EXEC"],
    ],
    "own changes break WATCH": [["WATCH", "s"], ["SADD", "s", "z"], ["MULTI"], ["PING"], ["EXEC"]],
    "changes of nothing do not break WATCH": [
        *(["SADD", "s", "a"], ["WATCH", "s", "none"], ["DEL", "none"], ["SMOVE", "s", "s", "a"]),
        *(["SPOP", "none"], ["RENAME", "s", "s"], ["SPOP", "s", "0"]),
        *(["MULTI"], ["PING"], ["EXEC"]),
    ],
    "a refused EXEC keeps the WATCH": [
        *(
            ["WATCH", "s"],
            ["EXEC"],
            ["DISCARD"],
            ["SADD", "s", "y"],
            ["MULTI"],
            ["PING"],
            ["EXEC"],
        ),
    ],
    "there and back breaks WATCH": [
        *(["WATCH", "t"], ["SADD", "t", "a"], ["SREM", "t", "a"], ["MULTI"], ["PING"], ["EXEC"]),
    ],
    "FLUSHALL breaks WATCH of what was there": [
        *(["SADD", "s", "a"], ["WATCH", "s"], ["FLUSHALL"], ["MULTI"], ["PING"], ["EXEC"]),
        *(["WATCH", "none"], ["FLUSHALL"], ["MULTI"], ["PING"], ["EXEC"]),
    ],
    "WATCH holds once": [
        *(["WATCH", "s"], ["SADD", "s", "y"], ["MULTI"], ["EXEC"], ["MULTI"], ["PING"], ["EXEC"]),
    ],
    "UNWATCH and DISCARD unwatch": [
        *(["WATCH", "s"], ["SADD", "s", "x"], ["UNWATCH"], ["MULTI"], ["PING"], ["EXEC"]),
        *(["WATCH", "s"], ["SADD", "s", "w"], ["MULTI"], ["DISCARD"], ["MULTI"], ["EXEC"]),
    ],
    "CLIENT REPLY says ON": [["CLIENT", "REPLY", "ON"], ["CLIENT", "REPLY", "x"], ["PING"]],
}
SHAPES: list[Sequence[Argument]] = [
    *(["TIME"], ["CLIENT", "ID"], ["CLIENT", "INFO"], ["COMMAND", "COUNT"], ["INFO"]),
    *(["CONFIG", "GET", "save"], ["CONFIG", "GET", "appendonly"], ["CONFIG", "GET", "maxclients"]),
    *(["INFO", "server"], ["INFO", "nothing"], ["WAIT", "0", "0"], ["RANDOMKEY"]),
]


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("commands", CONVERSATIONS.values(), ids=CONVERSATIONS)
def test_a_conversation_goes_as_with_redis(both: Both, commands: Commands, protocol: int) -> None:
    both.agree(["SADD", "s", "m"], *commands, protocol=protocol)


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("command", SHAPES, ids=" ".join)
def test_what_is_a_servers_own_has_the_types_that_redis_gives_it(
    both: Both, command: Sequence[Argument], protocol: int
) -> None:
    expected, actual = both.each(command, protocol=protocol)
    assert not actual.is_error
    assert same_shape(expected, actual), f"Redis replies {expected}\nbut not {actual}"


def test_client_info_has_the_fields_that_tools_read(both: Both) -> None:
    _, reply = both.each(["CLIENT", "INFO"])
    fields = dict(part.partition(b"=")[::2] for part in reply.value.split())
    assert {b"id", b"addr", b"laddr", b"name", b"age", b"idle", b"db", b"cmd"} <= fields.keys()
    assert fields[b"cmd"] == b"client|info"


def test_queued_commands_are_queued_by_redis_too(both: Both) -> None:
    """A null of RESP3 inside EXEC, and the null that EXEC is after a broken WATCH."""
    replies = both.agree(["MULTI"], ["SPOP", "none"], ["EXEC"], protocol=3)
    assert replies[-1] == Reply("*", (RESP3_NULL,))
    replies = both.agree(["WATCH", "w"], ["SADD", "w", "a"], ["MULTI"], ["EXEC"], protocol=3)
    assert replies[-1] == RESP3_NULL


def test_a_skipped_reply_may_be_an_empty_one(connect: Connect) -> None:
    connection = connect()
    connection.send(encoded("CLIENT", "REPLY", "SKIP") + encoded("ECHO", ""))
    assert connection.call("ECHO", "heard").value == b"heard"
