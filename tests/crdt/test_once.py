"""A key that stands twice is refused and named, and nothing else is."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastword.crdt import wire
from lastword.crdt.once import check_json, length_of_map, strings_in
from lastword.errors import InvalidRequest

KEYS = st.text('a"\\{}[]:,\n é\x00', max_size=4)
MAPS = ("lwwAdded", "lwwRemoved")
PAIRS = st.lists(st.tuples(KEYS, st.integers(0, 9)), max_size=4)
STATES = st.lists(st.tuples(st.sampled_from(MAPS), PAIRS), max_size=3)
NAMES = st.sampled_from(("a", "b", "ab"))
LISTS = st.lists(st.tuples(NAMES, st.lists(KEYS, max_size=3)), max_size=3)


def spelled(pairs: list[tuple[str, str]], ascii_only: bool) -> str:
    """Return an object in JSON, its values as they stand, with every pair of `pairs`."""
    inner = (f"{json.dumps(key, ensure_ascii=ascii_only)} : {value}" for key, value in pairs)
    return f"{{{', '.join(inner)}}}"


def has_twice(keys: list[str]) -> bool:
    return len(set(keys)) < len(keys)


@given(STATES, st.booleans())
def test_a_state_in_json_is_refused_where_a_key_stands_twice_and_only_there(
    state: list[tuple[str, list[tuple[str, int]]]], ascii_only: bool
) -> None:
    maps = [
        (name, spelled([(key, str(time)) for key, time in pairs], ascii_only))
        for name, pairs in state
    ]
    data = spelled(maps, ascii_only).encode()
    inner = [has_twice([key for key, _ in pairs]) for _, pairs in state]
    if has_twice([name for name, _ in state]) or any(inner):
        with pytest.raises(InvalidRequest, match="stands twice"):
            wire.decode_json(data)
    else:
        wire.decode_json(data)


@given(LISTS, st.booleans())
def test_lists_under_one_name_twice_are_refused_and_the_name_is_told(
    lists: list[tuple[str, list[str]]], ascii_only: bool
) -> None:
    data = spelled(
        [(name, json.dumps(items, ensure_ascii=ascii_only)) for name, items in lists], ascii_only
    ).encode()
    held: dict[str, list[str]] = msgspec.json.decode(data)
    strings = sum(map(len, held.values()))
    assert strings_in(data) == sum(len(items) + 1 for _, items in lists)
    names = [name for name, _ in lists]
    twice = [name for at, name in enumerate(names) if name in names[:at]]
    if twice:
        with pytest.raises(InvalidRequest, match=f"^the key '{twice[0]}' stands twice$"):
            check_json(data, strings, 0)
    else:
        check_json(data, strings, 0)
        check_json(data, strings, len(held))


@pytest.mark.parametrize(
    ("data", "key"),
    [
        (b'{"lwwAdded":{"a":1,"b":2,"a":3}}', "a"),
        (b'{"lwwAdded":{"a":1,"\\u0061":1}}', "a"),
        (b'{"lwwAdded":{"a":1},"lwwRemoved":{"a":1},"lwwAdded":{}}', "lwwAdded"),
        (b'{"lwwAdded":{},"lwwAdded":{}}', "lwwAdded"),
        (b'{"lwwRemoved":{},"lww\\u0052emoved":{"\\\\\\"":1}}', "lwwRemoved"),
        (b'{"lwwAdded":{"}":1,"{":2,"}":3}}', "}"),
        (b'{"lwwAdded":{"' + b"k" * 100 + b'":1,"' + b"k" * 100 + b'":1}}', "k" * 60),
    ],
)
def test_the_first_key_that_stands_twice_is_told_in_few_characters(data: bytes, key: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        wire.decode_json(data)
    assert str(caught.value) == f"the key {key!r} stands twice"


def packed(state: list[tuple[str, list[tuple[str, int]]]], long: bool) -> bytes:
    """Return a state in msgpack with all pairs, its lengths in their short or long form."""
    maps = [
        msgspec.msgpack.encode(name)
        + header(len(pairs), long)
        + b"".join(msgspec.msgpack.encode(item) for pair in pairs for item in pair)
        for name, pairs in state
    ]
    return header(len(state), long) + b"".join(maps)


def header(count: int, long: bool) -> bytes:
    return b"\xdf" + count.to_bytes(4) if long else bytes((0x80 | count,))


@given(STATES, st.booleans())
def test_a_state_in_msgpack_is_refused_where_a_key_stands_twice_and_only_there(
    state: list[tuple[str, list[tuple[str, int]]]], long: bool
) -> None:
    data = packed(state, long)
    names = [name for name, _ in state]
    if has_twice(names) or any(has_twice([key for key, _ in pairs]) for _, pairs in state):
        with pytest.raises(InvalidRequest, match="stands twice"):
            wire.decode_msgpack(data)
    else:
        wire.decode_msgpack(data)


@pytest.mark.parametrize("count", [0, 1, 15, 16, 65_535, 65_536])
def test_the_length_of_a_map_is_read_in_each_of_its_forms(count: int) -> None:
    held = dict.fromkeys(map(str, range(count)), 1)
    assert length_of_map(msgspec.msgpack.encode(held)) == count
