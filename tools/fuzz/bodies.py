"""Bodies of REST: JSON beside the standard library's reading of it, NDJSON, and msgpack."""

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

import msgspec

from lastword.api.rest.bodies import decode_members, decode_patch, decode_state
from lastword.api.rest.lines import read_groups
from lastword.crdt.stamp import pack
from lastword.crdt.wire import encode_json, encode_msgpack, text_or_bytes
from lastword.errors import CallerError
from lastword.limits import ELEMENT_BYTES_MAX, TIME_MAX
from lastword.store.operations import Write
from tools.fuzz.memory import memory_store
from tools.fuzz.structure import json_changed, msgpack_changed, of_lines
from tools.fuzz.target import Examine, Target, tried

STATE: Final = {b"a": pack(1, removed=False), b"\xc3\xa9": pack(2, removed=True)}
STATES: Final[tuple[dict[bytes, int], ...]] = (
    STATE,
    {},
    STATE | {b"\xff\x00": pack(3, removed=False), b"": 9},
)
MEMBERS: Final[tuple[Any, ...]] = (["a", "é"], {"members": ["a"], "membersBase64": ["/wA="]}, [])
PATCHES: Final[tuple[Any, ...]] = ({"add": ["a"], "remove": ["b"]}, {"addBase64": ["/w=="]}, {})
LINES: Final = (
    {"set": "s", "add": ["a"], "remove": ["b"], "time": 1_000},
    {"set": "t", "addBase64": ["/w=="], "time": None},
    {"set": "_peers_", "add": ["a:1"]},
)
NAMES: Final = (
    *("lwwAdded", "lwwRemoved", "lwwAddedBase64", "lwwRemovedBase64", "members", "membersBase64"),
    *("add", "addBase64", "remove", "removeBase64", "set", "time", "_tokens_"),
)
JSON_WORDS: Final = (
    *(f'"{name}":'.encode() for name in NAMES),
    *(b"\\ud800", b"\\u0000", b'\\"', b"\\\\", b"1e400", b"-0", b"1.0", b"NaN", b"null", b"true"),
    *(
        str(TIME_MAX).encode(),
        str(TIME_MAX + 1).encode(),
        b"[[[[[[[[",
        b'{"":{"":',
        b"\xed\xa0\x80",
    ),
)
PACKED_WORDS: Final = (
    *(msgspec.msgpack.encode(name) for name in NAMES),
    *(b"\xdf\xff\xff\xff\xff", b"\xdd\xff\xff\xff\xff", b"\xdb\xff\xff\xff\xff", b"\xc6\x7f\xff"),
    *(b"\xc1", b"\xd4\xff\x00", b"\xc7\x00\x01", b"\xd6\xff\x00\x00\x00\x00", b"\xc0", b"\xcf"),
)
Pairs = list[tuple[str, Any]]


class Wrong(Exception):
    """The plain model of a body says that it is none."""


def _examine_json(data: bytes) -> None:
    for decode, model in (
        (decode_state, _state),
        (decode_members, _members),
        (decode_patch, _patch),
    ):
        _compare(data, decode, model)
    stamps = tried(lambda: decode_state(data, packed=False), CallerError)
    if stamps is not None:
        assert sum(map(len, stamps)) <= len(data)
        assert decode_state(encode_json(stamps.items()), packed=False) == stamps


def _compare(data: bytes, decode: Callable[..., Any], model: Callable[[Any], Any]) -> None:
    found = tried(lambda: decode(data, packed=False), CallerError)
    try:
        value = model(_parsed(data))
    except Wrong:
        value = None
    assert found == value, f"{decode.__name__}: {found!r}, and the model says {value!r}"


def _parsed(data: bytes) -> Any:
    """Return JSON as the standard library reads it, objects as lists of pairs in a tuple."""
    try:
        return json.loads(data.decode(), object_pairs_hook=lambda pairs: (dict(_once(pairs)),))
    except (ValueError, RecursionError) as error:
        raise Wrong from error


def _once(pairs: Pairs) -> Pairs:
    if len(dict(pairs)) < len(pairs):
        raise Wrong("a name stands twice")
    return pairs


def _object(value: Any, *names: str) -> dict[str, Any]:
    if not isinstance(value, tuple) or not value[0].keys() <= set(names):
        raise Wrong
    held: dict[str, Any] = value[0]
    return held


def _state(value: Any) -> dict[bytes, int]:
    stamps: dict[bytes, int] = {}
    names = ("lwwAdded", "lwwRemoved", "lwwAddedBase64", "lwwRemovedBase64")
    for name, times in _object(value, *names).items():
        if not isinstance(times, tuple):
            raise Wrong
        for key, time in times[0].items():
            if type(time) is not int or not 0 <= time <= TIME_MAX:
                raise Wrong
            element = _encoded(key) if name.endswith("Base64") else _text(key)
            stamp = time * 2 + name.startswith("lwwRemoved")
            stamps[element] = max(stamp, stamps.get(element, 0))
    return stamps


def _members(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(map(_text, value)), ()
    held = _object(value, "members", "membersBase64")
    return _elements(held, "members"), ()


def _patch(value: Any) -> Any:
    held = _object(value, "add", "addBase64", "remove", "removeBase64")
    add, remove = _elements(held, "add"), _elements(held, "remove")
    if set(add) & set(remove):
        raise Wrong
    return add, remove


def _elements(held: dict[str, Any], name: str) -> tuple[bytes, ...]:
    lists = [held.get(name, []), held.get(name + "Base64", [])]
    if not all(isinstance(found, list) for found in lists):
        raise Wrong
    return (*map(_text, lists[0]), *map(_encoded, lists[1]))


def _text(value: Any) -> bytes:
    if not isinstance(value, str):
        raise Wrong
    try:
        element = value.encode()
    except UnicodeEncodeError as error:
        raise Wrong from error
    if len(element) > ELEMENT_BYTES_MAX:
        raise Wrong
    return element


def _encoded(value: Any) -> bytes:
    try:
        element = b64decode(_text(value), validate=True)
    except ValueError as error:
        raise Wrong from error
    if b64encode(element) != _text(value):
        raise Wrong
    return element


def _prepare_lines() -> Examine:
    store = memory_store()

    def examine(data: bytes) -> None:
        found = list(read_groups(store, data, packed=False))
        writes = [write for group in found for write in group.writes]
        lines = [line for line in data.split(b"\n") if line.strip(b" \t\r")]
        for at, write in enumerate(writes):
            assert write == _alone(lines[at]), "a line is not what it is alone"
        refusal = found[-1].refusal
        assert (refusal is None) == (len(writes) == len(lines))
        assert refusal is None or isinstance(refusal, CallerError)
        assert all(group.refusal is None for group in found[:-1])
        assert found[-1].reached <= data.count(b"\n") + 1

    def _alone(line: bytes) -> Write:
        (group,) = read_groups(store, line, packed=False)
        assert group.refusal is None
        return group.writes[0]

    return examine


def _prepare_packed() -> Examine:
    store = memory_store()

    def examine(data: bytes) -> None:
        stamps = tried(lambda: decode_state(data, packed=True), CallerError)
        if stamps is not None:
            assert sum(map(len, stamps)) <= len(data)
            shown = encode_msgpack((text_or_bytes(key), at) for key, at in stamps.items())
            assert decode_state(shown, packed=True) == stamps
        for decode, name in ((decode_members, "members"), (decode_patch, "add")):
            changed = tried(partial(decode, data, packed=True), CallerError)
            if changed is not None:
                assert sum(map(len, changed[0] + changed[1])) <= len(data)
                again = {name: [*changed[0]]} | ({"remove": [*changed[1]]} if changed[1] else {})
                assert decode(msgspec.msgpack.encode(again), packed=True) == changed
        groups = list(read_groups(store, data, packed=True))
        assert all(group.refusal is None for group in groups[:-1])
        assert sum(len(group.writes) for group in groups) <= len(data)

    return examine


def _json_seeds() -> Iterator[bytes]:
    yield from map(encode_json, (state.items() for state in STATES))
    yield from map(msgspec.json.encode, (*MEMBERS, *PATCHES))


def _line_seeds() -> Iterator[bytes]:
    lines = [msgspec.json.encode(line) for line in LINES]
    yield from (*lines, b"\n".join(lines), b"\r\n\n ".join((*lines, b"")))


def _packed_seeds() -> Iterator[bytes]:
    for state in STATES:
        yield encode_msgpack((text_or_bytes(key), at) for key, at in state.items())
    packed = ([b"\xff", "a"], {"members": [b"a"]}, {"add": [b"a"], "remove": ["b"]})
    lines = [{"set": "s", "add": [b"\xff"], "time": 5}, {"set": "t", "remove": ["a"]}]
    yield from map(msgspec.msgpack.encode, (*packed, lines, []))


JSON: Final = Target("json", lambda: _examine_json, _json_seeds, JSON_WORDS, json_changed)
NDJSON: Final = Target("ndjson", _prepare_lines, _line_seeds, JSON_WORDS, of_lines(json_changed))
MSGPACK: Final = Target("msgpack", _prepare_packed, _packed_seeds, PACKED_WORDS, msgpack_changed)
