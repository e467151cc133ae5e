"""Changes to the structure of a message, where a change of bytes would seldom leave it whole."""

import json
from collections.abc import Callable
from random import Random
from typing import Any, Final

import msgspec
import zstandard

from lastword.errors import InvalidFrame
from lastword.limits import STAMP_MAX, TIME_MAX
from lastword.replication import frames
from tools.fuzz.target import Change

NUMBERS: Final = (
    *(0, 1, -1, 127, 128, 255, 256, 65_535, 1 << 31, 1 << 32, 1 << 53, (1 << 63) - 1),
    *((1 << 64) - 1, -(1 << 63), TIME_MAX, TIME_MAX + 1, STAMP_MAX, STAMP_MAX + 1),
)
TEXTS: Final = ("", "a", "\0", "é", "_peers_", "_tokens_", "s/t", "YQ==", "a:1", "\U0010ffff")


def json_changed(data: bytes, rng: Random) -> bytes:
    """Return JSON with one part changed, or as it was where it is none."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return data
    return json.dumps(changed(value, rng), ensure_ascii=rng.random() < 0.5).encode(
        errors="surrogatepass"
    )


def msgpack_changed(data: bytes, rng: Random) -> bytes:
    """Return msgpack with one part changed, or as it was where it is none."""
    try:
        value = msgspec.msgpack.decode(data)
        return msgspec.msgpack.encode(changed(value, rng))
    except (ValueError, TypeError, RecursionError, OverflowError):
        return data


def frame_changed(data: bytes, rng: Random) -> bytes:
    """Return a frame with one part changed, now and then compressed."""
    if len(data) < 2:
        return data
    body = data[1:]
    if data[0] & frames.COMPRESSED:
        try:
            body = frames.decompressed(memoryview(body))
        except InvalidFrame:
            return data
    body, version = msgpack_changed(body, rng), data[0] & ~frames.COMPRESSED
    if rng.random() < 0.1:
        return bytes((version | frames.COMPRESSED,)) + zstandard.compress(body, 1)
    return bytes((version,)) + body


def of_lines(change: Change) -> Change:
    """Return what changes one line by `change`, or repeats, drops or swaps lines."""

    def change_lines(data: bytes, rng: Random) -> bytes:
        lines = data.split(b"\n")
        at = rng.randrange(len(lines))
        if rng.random() < 0.7:
            lines[at] = change(lines[at], rng)
        else:
            lines = _of_list(lines, at, rng)
        return b"\n".join(lines)

    return change_lines


def behind(count: int, change: Change) -> Change:
    """Return what changes all but the first `count` bytes."""
    return lambda data, rng: data[:count] + change(data[count:], rng)


def changed(value: Any, rng: Random) -> Any:
    """Return a value with one part of it changed."""
    if isinstance(value, list) and value and rng.random() < 0.8:
        at = rng.randrange(len(value))
        if rng.random() < 0.3:
            return _of_list(value, at, rng)
        return [*value[:at], changed(value[at], rng), *value[at + 1 :]]
    if isinstance(value, dict) and value and rng.random() < 0.8:
        return _of_map(value, rng)
    return _KINDS.get(type(value), _anything)(value, rng)


def _of_list(items: list[Any], at: int, rng: Random) -> list[Any]:
    other = rng.randrange(len(items))
    if rng.random() < 0.3:
        return [*items[:at], *items[at + 1 :]]
    if rng.random() < 0.5:
        return [*items[:at], items[other], *items[at:]]
    items = items.copy()
    items[at], items[other] = items[other], items[at]
    return items


def _of_map(items: dict[Any, Any], rng: Random) -> dict[Any, Any]:
    key = rng.choice(list(items))
    value = items[key]
    others = {name: held for name, held in items.items() if name != key}
    if rng.random() < 0.2:
        return others
    if rng.random() < 0.1:
        return items | {_Twin(key) if isinstance(key, str) else key: changed(value, rng)}
    if rng.random() < 0.3:
        return others | {_KINDS.get(type(key), _anything)(key, rng): value}
    return others | {key: changed(value, rng)}


class _Twin(str):
    """A key that JSON writes like another one, and that no map takes for it."""

    __slots__ = ()
    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other


def _number(value: Any, rng: Random) -> Any:
    return rng.choice([*NUMBERS, value + 1, value - 1, value ^ 1 << rng.randrange(64)])


def _text(value: str, rng: Random) -> str:
    return rng.choice([*TEXTS, value * 2, value[:-1], value + rng.choice(TEXTS)])


def _bytes(value: bytes, rng: Random) -> bytes:
    return rng.choice([b"", value * 2, value[:-1], value + rng.randbytes(2), b"\xff", b"a" * 300])


def _anything(_: Any, rng: Random) -> Any:
    return rng.choice([None, True, 1.5, [], {}, {"a": 1}, [[]], *NUMBERS, *TEXTS])


_KINDS: Final[dict[type, Callable[[Any, Random], Any]]] = {
    int: _number,
    str: _text,
    bytes: _bytes,
}
