"""Commands from bytes: whole, cut anywhere, wrong, and too large."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastword.api.resp.limits import RespLimits
from lastword.api.resp.reader import LINE_BYTES_MAX, CommandReader
from tests.api.resp.resp_node import encoded

LIMITS = RespLimits(bulk_bytes_max=200, arguments_max=20, query_buffer_bytes_max=2_000)

ARGUMENTS = st.lists(st.binary(max_size=12), min_size=1, max_size=4)
TRICKY = st.sampled_from(
    [
        b"*", b"*0\r\n", b"*-1\r\n", b"$3\r\nfoo\r\n", b"*1\r\n", b"\r\n", b"*1\r\n:5\r\n",
        b"*1\r\n+PING\r\n", b"*2\r\n$1\r\na\r\n*1\r\n$1\r\nb\r\n", b"%1\r\n$1\r\na\r\n:1\r\n",
        b"PING\r\n", b"a 'b c'\n", b'"', b"*21\r\n", b"$0\r\n\r\n", b"*01\r\n", b"$201\r\n",
        b"_\r\n", b"*1\r\n_\r\n", b"*1\r\n$-1\r\n", b"+\r\n",
        b"=6\r\ntxt:ab\r\n", b"~1\r\n$1\r\na\r\n",
    ]
)  # fmt: skip
STREAMS = st.lists(TRICKY | ARGUMENTS.map(lambda words: encoded(*words)), max_size=6).map(b"".join)


def read(*pieces: bytes, limits: RespLimits = LIMITS) -> tuple[list[list[bytes]], str | None]:
    """Return the commands in `pieces` and the error that ends them."""
    reader = CommandReader(limits)
    commands = [command for piece in pieces for command in reader.feed(piece)]
    return commands, None if reader.error is None else str(reader.error)


def modelled(stream: bytes) -> tuple[list[list[bytes]], str | None]:
    """Read as `read` does, in the plainest way: from the begin on, by regular expressions."""
    commands = list[list[bytes]]()
    try:
        while stream:
            take = array if stream[:1] == b"*" else inline
            command, stream = take(stream)
            commands += [command] if command else []
    except EOFError:
        return commands, None
    except ValueError as error:
        return commands, f"Protocol error: {error}"
    return commands, None


def inline(stream: bytes) -> tuple[list[bytes], bytes]:
    line, newline, rest = stream.partition(b"\n")
    if not newline:
        raise EOFError
    if line == b"a 'b c'":
        return [b"a", b"b c"], rest
    if b'"' in line or b"'" in line:
        raise ValueError("unbalanced quotes in request")
    return line.removesuffix(b"\r").partition(b"\0")[0].split(), rest


def array(stream: bytes) -> tuple[list[bytes], bytes]:
    count, rest = length(stream, b"*", "multibulk", -(10**18), LIMITS.arguments_max)
    command = list[bytes]()
    for _ in range(count):
        size, rest = length(rest, b"$", "bulk", 0, LIMITS.bulk_bytes_max)
        if len(rest) < size + 2:
            raise EOFError
        command.append(rest[:size])
        rest = rest[size + 2 :]
    return command, rest


def length(stream: bytes, sign: bytes, what: str, least: int, most: int) -> tuple[int, bytes]:
    line = re.match(rb"([^\r]*)\r.", stream, re.DOTALL)
    if line is None:
        raise EOFError
    if line[1][:1] != sign:
        shown = (line[1][:1] or b"\r").decode("utf-8", "surrogateescape")
        raise ValueError(f"expected '$', got '{shown}'")
    digits = line[1][1:]
    if not re.fullmatch(rb"0|-?[1-9][0-9]*", digits) or not least <= int(digits) <= most:
        raise ValueError(f"invalid {what} length")
    return int(digits), stream[line.end() :]


@given(st.lists(ARGUMENTS, max_size=8))
def test_commands_are_read_as_they_were_written(commands: list[list[bytes]]) -> None:
    assert read(b"".join(encoded(*command) for command in commands)) == (commands, None)


@given(STREAMS)
def test_any_stream_is_read_as_the_plain_model_reads_it(stream: bytes) -> None:
    assert read(stream) == modelled(stream)


@given(STREAMS, st.lists(st.integers(0, 80), max_size=6))
def test_where_a_stream_is_cut_makes_no_difference(stream: bytes, cuts: list[int]) -> None:
    places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    pieces = [stream[start:end] for start, end in pairwise(places) if start < end]
    assert read(*pieces) == read(stream)


def test_a_stream_may_come_byte_by_byte() -> None:
    stream = encoded("SADD", "s", b"\r\n*\0") + b"PING 'a b'\r\n" + encoded("X")
    pieces = [bytes([byte]) for byte in stream]
    assert read(*pieces) == ([[b"SADD", b"s", b"\r\n*\0"], [b"PING", b"a b"], [b"X"]], None)


@pytest.mark.parametrize(
    ("stream", "error"),
    [
        (b"*21\r\n", "invalid multibulk length"),
        (b"*blabla\r\n", "invalid multibulk length"),
        (b"*3000000000000000000000\r\n", "invalid multibulk length"),
        (b"*1\r\n$201\r\n", "invalid bulk length"),
        (b"*1\r\n$-1\r\n", "invalid bulk length"),
        (b"*1\r\nfoo\r\n", "expected '$', got 'f'"),
        (b"*" + b"1" * LINE_BYTES_MAX, "too big mbulk count string"),
        (b"*1\r\n$" + b"1" * LINE_BYTES_MAX, "too big bulk count string"),
        (b"a" * (LINE_BYTES_MAX + 1), "too big inline request"),
        (b"SADD s 'a\r\n", "unbalanced quotes in request"),
        (b"SADD s 'a'b\r\n", "unbalanced quotes in request"),
    ],
)
def test_what_is_no_command_ends_the_reading(stream: bytes, error: str) -> None:
    good = encoded("PING")
    assert read(good + stream, good) == ([[b"PING"]], f"Protocol error: {error}")


def test_more_than_the_limit_is_not_held_for_one_command() -> None:
    item = b"$200\r\n" + b"a" * 200 + b"\r\n"
    commands, error = read(b"*20\r\n", *[item] * 19)
    assert commands == []
    assert error == "Closing client that reached max query buffer length"


def test_a_packet_of_many_commands_counts_for_no_limit_of_one() -> None:
    many = encoded("SADD", "s", "a") * 1_000
    assert read(many) == ([[b"SADD", b"s", b"a"]] * 1_000, None)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"a  b\tc", [b"a", b"b", b"c"]),
        (b"", []),
        (b"  \r", []),
        (rb"""'it\'s' "\x41\n\"\q" """, [b"it's", b'A\n"q']),
        (b"''", [b""]),
        (b"a\x0bb", [b"a\x0bb"]),
        (b"a'b'", [b"ab"]),
    ],
)
def test_inline_arguments_are_split_and_unquoted_as_in_redis(
    line: bytes, words: list[bytes]
) -> None:
    assert read(line + b"\n") == ([words] if words else [], None)
