"""Replies as bytes, in RESP2 and RESP3.

A handler returns a value, and what it is decides how it is written: an integer, bytes, None, a
list, a frozenset, a `Status`, a dict (a map in RESP3, its pairs in a row in RESP2), or members
`Gathered` from a large set.

Source: the Redis serialization protocol specification.
"""

from collections.abc import Callable, Iterable, Sequence
from types import NoneType
from typing import Any, Final

from lastword.errors import CommandTooLarge, LastwordError, resp_code

NULL: Final = (b"$-1\r\n", b"_\r\n")
NULL_ARRAY: Final = (b"*-1\r\n", b"_\r\n")
ZERO: Final = b":0\r\n"
ONE: Final = b":1\r\n"

FOUND: Final = {True: ONE, False: ZERO}

CHUNK_BYTES: Final = 64 << 10
"""A long reply is kept and written in pieces of about this size."""


class Status(str):
    """A simple string, such as PONG."""

    __slots__ = ()


class Verbatim(bytes):
    """Text for people to read; RESP3 says so."""

    __slots__ = ()


class Raw(bytes):
    """A reply that is encoded already."""

    __slots__ = ()


class NullArray:
    """A null where an array was asked for: they differ in RESP2."""


class Gathered:
    """Members that are gathered as the bytes that they are sent in.

    `is_set` is written as a set in RESP3. Raises CommandTooLarge beyond `bytes_max`.
    """

    __slots__ = ("_bytes_max", "_waiting", "_waiting_bytes", "chunks", "count", "is_set", "size")

    def __init__(self, bytes_max: int, *, is_set: bool = False) -> None:
        self._bytes_max = bytes_max
        self._waiting: list[bytes] = []
        self.is_set = is_set
        self.count = self.size = 0
        self.chunks: list[bytes] = []

    def add(self, members: Sequence[bytes]) -> None:
        """Take members, in order."""
        chunk = b"".join([b"$%d\r\n%b\r\n" % (len(member), member) for member in members])
        self.count += len(members)
        self.size += len(chunk)
        if self.size > self._bytes_max:
            raise CommandTooLarge(
                f"the reply has more than {self._bytes_max} bytes; SSCAN reads in parts",
            )
        self.chunks.append(chunk)

    def encoded(self, version: int) -> list[bytes]:
        """Return the whole reply, in pieces."""
        sign = b"~" if self.is_set and version == 3 else b"*"
        return [b"%b%d\r\n" % (sign, self.count), *self.chunks]


def encode(value: Any, version: int) -> bytes:
    """Return `value` in RESP `version`."""
    if isinstance(value, LastwordError):
        return error(value)
    return _ENCODERS[type(value)](value, version)


def error(fault: LastwordError) -> bytes:
    """Return an error; its text is one line whatever stood in it."""
    text = f"{resp_code(fault)} {fault}".encode("utf-8", "surrogateescape")
    return b"-%b\r\n" % text.translate(_ONE_LINE)


_ONE_LINE: Final = bytes.maketrans(b"\r\n", b"  ")


def _encode_bytes(value: bytes, _: int) -> bytes:
    return b"$%d\r\n%b\r\n" % (len(value), value)


def _encode_verbatim(value: Verbatim, version: int) -> bytes:
    if version == 3:
        return b"=%d\r\ntxt:%b\r\n" % (len(value) + 4, value)
    return _encode_bytes(value, version)


def _encode_text(value: str, version: int) -> bytes:
    return _encode_bytes(value.encode(), version)


def _encode_list(value: Sequence[Any], version: int) -> bytes:
    return _encode_items(b"*", value, len(value), version)


def _encode_set(value: frozenset[Any], version: int) -> bytes:
    return _encode_items(b"~" if version == 3 else b"*", value, len(value), version)


def _encode_map(value: dict[Any, Any], version: int) -> bytes:
    flat = [item for pair in value.items() for item in pair]
    if version == 3:
        return _encode_items(b"%", flat, len(value), version)
    return _encode_items(b"*", flat, len(flat), version)


def _encode_items(sign: bytes, items: Iterable[Any], count: int, version: int) -> bytes:
    return b"%b%d\r\n%b" % (sign, count, b"".join([encode(item, version) for item in items]))


_ENCODERS: Final[dict[type, Callable[[Any, int], bytes]]] = {
    bool: lambda value, _: ONE if value else ZERO,
    int: lambda value, _: b":%d\r\n" % value,
    bytes: _encode_bytes,
    str: _encode_text,
    NoneType: lambda _, version: NULL[version - 2],
    NullArray: lambda _, version: NULL_ARRAY[version - 2],
    Status: lambda value, _: b"+%b\r\n" % value.encode(),
    Raw: lambda value, _: value,
    Verbatim: _encode_verbatim,
    Gathered: lambda value, version: b"".join(value.encoded(version)),
    list: _encode_list,
    frozenset: _encode_set,
    dict: _encode_map,
}
