"""The reader of replies reads what hiredis reads, and keeps the types that hiredis forgets."""

import io
from typing import Any

import hiredis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.redis.liar import written
from tests.redis.replies import Closed, Reply, read_reply


def _in_turns(pairs: list[tuple[Reply, Reply]]) -> tuple[Reply, ...]:
    return tuple(part for pair in pairs for part in pair)


words = st.binary(max_size=5).filter(lambda word: not {10, 13} & set(word))
leaves = st.one_of(
    st.builds(Reply, st.sampled_from("+-"), words.filter(bool)),
    st.builds(Reply, st.just(":"), st.integers(-(1 << 63), (1 << 63) - 1)),
    st.builds(Reply, st.just("$"), st.none() | st.binary(max_size=9)),
    st.sampled_from((Reply("_", b""), Reply("*", None), Reply("#", b"t"), Reply(",", b"1.5"))),
)
replies = st.recursive(
    leaves,
    lambda parts: st.one_of(
        st.builds(Reply, st.sampled_from("*~>"), st.lists(parts, max_size=4).map(tuple)),
        st.builds(
            Reply, st.just("%"), st.lists(st.tuples(leaves, parts), max_size=3).map(_in_turns)
        ),
    ),
    max_leaves=8,
)


@given(replies)
def test_what_is_written_is_read_again(reply: Reply) -> None:
    assert read_reply(io.BytesIO(written(reply))) == reply


@given(replies)
def test_what_is_cut_short_is_no_reply(reply: Reply) -> None:
    data = written(reply)
    for end in range(len(data)):
        with pytest.raises(Closed):
            read_reply(io.BytesIO(data[:end]))


@pytest.mark.parametrize(
    ("data", "kind", "value"),
    [
        (b"+OK\r\n", "+", b"OK"),
        (b"$2\r\nOK\r\n", "$", b"OK"),
        (b":-7\r\n", ":", -7),
        (b"*0\r\n", "*", []),
        (b"~0\r\n", "~", []),
        (b"$-1\r\n", "$", None),
        (b"*-1\r\n", "*", None),
    ],
)
def test_types_are_kept_that_have_one_value(data: bytes, kind: str, value: Any) -> None:
    reader = hiredis.Reader()
    reader.feed(data)
    assert reader.gets() == value
    reply = read_reply(io.BytesIO(data))
    assert reply.kind == kind
    assert reply.value == (() if value == [] else value)


@pytest.mark.parametrize("data", [b"x1\r\n", b"$2\r\nOKxx", b"+OK\n", b"\r\n", b":x\r\n"])
def test_what_no_server_may_say_is_an_error(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"no reply|a text|invalid literal"):
        read_reply(io.BytesIO(data))
