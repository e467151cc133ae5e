"""What commands refuse, word for word as Redis does, and edges where replies are easily wrong."""

from collections.abc import Sequence

import pytest

from tests.redis.both import Both
from tests.redis.commands import NAMES
from tests.redis.connection import Argument


def rows(*commands: Sequence[Argument]) -> Sequence[Sequence[Argument]]:
    return commands


LONG = "x" * 300
UNKNOWN: list[Sequence[Argument]] = [
    *rows(["FOO"], ["foo", "bar"], ["fOo", "bar", "it's", 'a"b'], [""], ["", "x"], [" "]),
    *rows([LONG], [LONG, LONG, LONG], ["foo", LONG, "b"], ["foo", *"abcdefgh" * 10]),
    *rows([b"a\x00b"], ["foo\x00", "k", "v"], [b"SADD\r\n", "k", "v"], [b"\xff\xfe", b"\x00\xff"]),
    *rows(["foo", b"a\x00b", "c"], ["foo", b"a\r\nb", "c"], ["foo", "", ""], ["foo", b"\x01\t"]),
    *rows(["SADDX", "k", "v"], ["S"], ["sadd "], ["OBJECTS", "ENCODING", "k"]),
]
SUBCOMMANDS: list[Sequence[Argument]] = [
    *([name, "foo"] for name in ("CLIENT", "CONFIG", "COMMAND")),
    *([name, "foo", "bar", "x"] for name in ("CLIENT", "CONFIG", "COMMAND")),
    *([name] for name in ("CLIENT", "CONFIG")),
    *([name, ""] for name in ("CLIENT", "CONFIG", "COMMAND")),
    *rows(["CLIENT", LONG], ["CLIENT", b"a\x00b"], ["CLIENT", b"a\r\nb"], ["CONFIG", LONG, LONG]),
    *rows(["CLIENT", "SETNAME"], ["CLIENT", "setname", "a", "b"], ["client", "GETNAME", "x"]),
    *rows(["CLIENT", "ID", "x"], ["CLIENT", "INFO", "x"], ["CONFIG", "GET"]),
    *rows(
        ["COMMAND", "COUNT", "x"],
    ),
]
ARGUMENTS: list[Sequence[Argument]] = [
    *(["SPOP", "k", n] for n in ("-1", "x", "1.5", "", "01", "9223372036854775808")),
    *(["SPOP", "none", n] for n in ("-1", "x", "0", "1")),
    *rows(["SPOP", "none"], ["SPOP", "k", "0"], ["SPOP", "k", "1", "2"], ["SPOP", "k", "99"]),
    *(["SRANDMEMBER", "k", n] for n in ("0", "x", "", "-9223372036854775808", "1 ")),
    *(["SRANDMEMBER", "none", n] for n in ("0", "1", "-1", "x", "-9223372036854775808")),
    *rows(["SRANDMEMBER", "none"], ["SRANDMEMBER", "k", "1", "x"]),
    *(["SINTERCARD", n, "k"] for n in ("0", "-1", "x", "2", "1.0", "")),
    *(["SINTERCARD", "1", "k", *rest] for rest in (["LIMIT"], ["LIMIT", "x"], ["LIMIT", "-1"])),
    *(["SINTERCARD", "1", "k", *rest] for rest in (["LIMIT", "0"], ["limit", "1"], ["FOO", "1"])),
    *rows(["SINTERCARD", "1", "k", "k"], ["SINTERCARD", "1", "k", "LIMIT", "1", "LIMIT", "2"]),
    *rows(["SINTERCARD", "2", "k", "none"], ["SINTERCARD", "1"], ["SINTERCARD", "3", "k", "k"]),
    *(["SSCAN", "k", n] for n in ("x", "-1", "", "1.5", "18446744073709551616", " 0")),
    *(["SSCAN", "none", n] for n in ("x", "0", "5")),
    *(["SSCAN", "k", "0", "COUNT", n] for n in ("0", "-1", "x", "", "1.5")),
    *(["SSCAN", "none", "0", "COUNT", n] for n in ("0", "x")),
    *(["SSCAN", "k", "0", *rest] for rest in (["COUNT"], ["MATCH"], ["FOO"], ["FOO", "1"])),
    *rows(["SSCAN", "k", "0", "TYPE", "set"], ["SSCAN", "k", "0", "count", "9", "MATCH", "*"]),
    *(["SCAN", n] for n in ("x", "-1", "", "1.5", "18446744073709551616")),
    *(["SCAN", "0", "COUNT", n] for n in ("0", "-1", "x", "")),
    *(["SCAN", "0", *rest] for rest in (["COUNT"], ["TYPE"], ["FOO", "1"], ["TYPE", "string"])),
    *rows(["SCAN", "0", "TYPE", "SET", "COUNT", "1000"], ["SCAN", "0", "TYPE", "nonsense"]),
    *rows(["RENAME", "none", "k"], ["RENAME", "none", "none"], ["RENAME", "k", "k"]),
    *rows(["SMOVE", "k", "k", "a"], ["SMOVE", "k", "k", "z"], ["SMOVE", "none", "k", "a"]),
    *rows(["SMOVE", "k", "new", "z"], ["EXISTS", "k", "k", "none"], ["DEL", "k", "k", "none"]),
    *rows(
        ["SINTER", "k", "none"], ["SUNION", "none"], ["SDIFF", "none", "k"], ["SDIFF", "k", "k"]
    ),
    *rows(
        ["SUNIONSTORE", "k", "none"], ["SINTERSTORE", "k", "k", "none"], ["SDIFFSTORE", "k", "k"]
    ),
    *rows(
        ["SMISMEMBER", "none", "a", "b"], ["SMISMEMBER", "k", "a", "a", "z"], ["SMEMBERS", "none"]
    ),
    *rows(["TYPE", "none"], ["TYPE", "k"], ["SCARD", "none"], ["SISMEMBER", "none", "a"]),
    *rows(["SREM", "none", "a"], ["SREM", "k", "a", "a", "z"], ["SADD", "k", "a", "a", "y", "y"]),
    *(["SELECT", n] for n in ("0", "1", "-1", "x", "", "16", "99999999999")),
    *(["FLUSHALL", *rest] for rest in (["FOO"], ["ASYNC", "SYNC"], ["sync"], ["ASYNC"])),
    *(["FLUSHDB", *rest] for rest in (["FOO"], ["SYNC"], ["async"])),
    *(["WAIT", *rest] for rest in (["x", "0"], ["0", "x"], ["0", "-1"], ["0", "0"], ["-1", "0"])),
    *rows(["PING", "a", "b"], ["PING", ""], ["PING", b"\x00"], ["ECHO", ""], ["DBSIZE", "x"]),
    *rows(["AUTH", "x"], ["AUTH", "nobody", "x"], ["AUTH", "a", "b", "c"], ["TIME", "x"]),
    *rows(["COMMAND", "INFO", "nothing"], ["COMMAND", "DOCS", "nothing"]),
    *rows(
        ["CONFIG", "GET", "nothing-of-this-name"],
    ),
]


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize(
    "command", [*UNKNOWN, *SUBCOMMANDS, *ARGUMENTS], ids=lambda c: repr(c)[:60]
)
def test_a_command_is_answered_as_by_redis(
    both: Both, command: Sequence[Argument], protocol: int
) -> None:
    both.agree(
        ["SADD", "k", "a", "b", "c"], command, ["DBSIZE"], ["SMEMBERS", "k"], protocol=protocol
    )


@pytest.mark.parametrize("name", [name.decode() for name in NAMES])
def test_a_wrong_number_of_arguments_is_named_as_by_redis(both: Both, name: str) -> None:
    optional = {"PING", "EXEC", "MULTI", "DISCARD", "UNWATCH", "RESET", "DBSIZE", "RANDOMKEY"}
    few: list[Sequence[Argument]] = [] if name in optional or "FLUSH" in name else [[name]]
    if name in {"HELLO", "TIME"}:
        few = []
    both.agree(*few, [name.lower(), *"abcdefgh"], [name, "k"], ["RESET"])


@pytest.mark.parametrize(
    "name", ["sadd", "SMEMBERS", "sinter", "sintercard", "spop", "del", "scan"]
)
def test_commands_describe_themselves_as_redis_does(both: Both, name: str) -> None:
    """What cluster-aware clients and proxies read: name, arity, and where the keys stand."""
    expected, actual = both.each(["COMMAND", "INFO", name])
    (right,), (told,) = expected.items, actual.items
    for index in (0, 1, 3, 4, 5):
        assert told.items[index] == right.items[index]
    assert {flag.value for flag in told.items[2].items} & {b"write", b"readonly"} == {
        flag.value for flag in right.items[2].items
    } & {b"write", b"readonly"}
