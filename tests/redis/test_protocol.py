"""Requests as bytes, well and badly framed: answered, refused and ended as by Redis."""

import pytest

from tests.redis.both import Both, said
from tests.redis.connection import encoded
from tools.resp_node import RespNode

INLINE = [
    *(b"PING\r\n", b"PING\n", b"ping hello\r\n", b"  PING\t \r\n", b'"PING"\r\n', b"'ping'\r\n"),
    *(b"\r\n", b"\n", b"   \r\n", b"\r\n\r\n\nPING\r\n"),
    b'SADD quoted "a b" \'c d\' e\r\nSISMEMBER quoted "a b"\r\nDEL quoted\r\n',
    b'ECHO "\\x41\\x0a\\n\\r\\t\\b\\a\\"\\\\\\q"\r\n',
    *(
        b'ECHO "\\xzz"\r\n',
        b"ECHO 'it\\'s'\r\n",
        b"ECHO 'a\\n'\r\n",
        b'ECHO ""\r\n',
        b"ECHO ''\r\n",
    ),
    *(b"ECHO a\tb\r\n", b"ECHO a\x0bb\r\n", b"ECHO \xff\xfe\r\n", b'ECHO a"b c"\r\n'),
    *(b"FOO bar\r\n", b"$4\r\n", b"+OK\r\n", b":1\r\n", b"-x\r\n"),
    *(b'ECHO "a\r\n', b"ECHO 'a\r\n", b'ECHO "a"b\r\n', b"ECHO 'a'b\r\n", b'ECHO a"b\r\n'),
    b'PING\r\nECHO "\r\nPING\r\n',
    encoded("PING") + b"PING\r\n" + encoded("ECHO", "x") + b"ECHO y\r\n",
]
FRAMED = [
    *(b"*0\r\n", b"*-1\r\n", b"*-10\r\n", b"*0\r\n*-1\r\n\r\n", b"*-0\r\n"),
    *(b"*x\r\n", b"*\r\n", b"* 1\r\n", b"*+1\r\n", b"*01\r\n", b"*1.0\r\n", b"*1x\r\n"),
    *(b"*2147483648\r\n", b"*9223372036854775808\r\n", b"*99999999999999999999\r\n"),
    *(b"*1\r\nPING\r\n", b"*1\r\n:1\r\n", b"*1\r\n\r\n", b"*1\r\n*1\r\n$4\r\nPING\r\n"),
    *(b"*2\r\n$4\r\nECHO\r\nx\r\n", b"*1\r\n%\r\n", b"*1\r\n\xff\r\n"),
    *(
        b"*1\r\n$x\r\n",
        b"*1\r\n$\r\n",
        b"*1\r\n$-1\r\n",
        b"*1\r\n$-2\r\n",
        b"*1\r\n$ 4\r\nPING\r\n",
    ),
    *(b"*1\r\n$+4\r\nPING\r\n", b"*1\r\n$04\r\nPING\r\n", b"*1\r\n$4x\r\nPING\r\n"),
    *(b"*1\r\n$4294967296\r\n", b"*1\r\n$99999999999999999999\r\n", b"*1\r\n$536870913\r\n"),
    *(b"*1\r\n$0\r\n\r\n", b"*2\r\n$4\r\nECHO\r\n$0\r\n\r\n", b"*2\r\n$0\r\n\r\n$1\r\nx\r\n"),
    b"*2\r\n$4\r\nECHO\r\n$7\r\n\r\n$3\x00\xff\r\r\n",
    encoded("PING") + b"*x\r\n" + encoded("PING"),
]
ENDING = [
    *(b"a" * 70_000, b"ECHO " + b"a" * 70_000),
    *(b"*" + b"1" * 70_000, b"*1\r\n$" + b"1" * 70_000),
    *(b"QUIT\r\n", encoded("QUIT"), encoded("quit", "now"), encoded("PING") + encoded("QUIT")),
    encoded("QUIT") + encoded("SADD", "after-quit", "a"),
    encoded("MULTI") + encoded("SADD", "in-multi", "a") + encoded("QUIT"),
    encoded("CLIENT", "SETNAME", "x") + encoded("QUIT"),
    *(b"POST / HTTP/1.1\r\n", b"Host: x\r\n", b"PING\r\nhost: x\r\n", encoded("post")),
]


def shown(data: bytes) -> str:
    return repr(data[:40])


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("data", [*INLINE, *FRAMED], ids=shown)
def test_bytes_are_answered_as_by_redis(both: Both, data: bytes, protocol: int) -> None:
    expected, actual = both.say(data, protocol=protocol)
    assert actual == expected


@pytest.mark.parametrize("data", [*INLINE, *FRAMED], ids=shown)
def test_bytes_mean_the_same_however_they_are_cut(resp_node: RespNode, data: bytes) -> None:
    """Where the connection is closed, bytes that come after may take the last replies along."""
    whole, cut = (said(resp_node.resp_address, data, pieces=pieces) for pieces in (None, 1))
    assert cut.closed == whole.closed
    if cut.closed:
        assert cut.replies == whole.replies[: len(cut.replies)]
    else:
        assert cut == whole


@pytest.mark.parametrize("data", ENDING, ids=shown)
def test_a_connection_is_closed_where_redis_closes_it(both: Both, data: bytes) -> None:
    expected, actual = both.say_last(data)
    assert actual == expected


def test_nothing_after_quit_is_done(both: Both) -> None:
    both.say_last(encoded("SADD", "quit", "a") + encoded("QUIT") + encoded("SADD", "quit", "b"))
    both.say_last(encoded("MULTI") + encoded("SADD", "quit", "c") + encoded("QUIT"))
    expected, actual = both.say(encoded("SMISMEMBER", "quit", *"abc") + encoded("DEL", "quit"))
    assert actual == expected


def test_a_pipeline_cut_anywhere_is_answered_the_same(both: Both) -> None:
    data = b"".join(
        (
            encoded("DEL", "cut"),
            encoded("SADD", "cut", b"a\r\n", b"", b"\x00$-1\r\n"),
            b"SISMEMBER cut 'a'\r\n\r\n",
            encoded("SCARD", "cut"),
            encoded("NONSENSE", "x"),
            encoded("MULTI") + encoded("SCARD", "cut") + encoded("EXEC"),
            encoded("DEL", "cut"),
        )
    )
    (right, expected) = both.say(data)
    assert expected == right
    for pieces in (1, 2, 3, 5, 7, 11, 64):
        assert both.say(data, pieces=pieces) == [right, right]


@pytest.mark.slow
def test_replies_of_a_long_pipeline_keep_their_order(both: Both) -> None:
    several = []
    for n in range(5_000):
        several.append(encoded("SADD", f"long-{n % 7}", n))
        several.append(encoded("ECHO", n))
        several.append(encoded("SISMEMBER", f"long-{n % 7}", n))
        several.append(encoded("SISMEMBER", f"long-{(n + 1) % 7}", n))
        several.append(encoded("SCARD", f"long-{n % 7}"))
    several.append(encoded("DEL", *(f"long-{n}" for n in range(7))))
    expected, actual = both.say(b"".join(several))
    assert len(expected.replies) == 25_001
    assert actual == expected
