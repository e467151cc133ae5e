"""Replies of RESP2 and RESP3 as they stand on the wire, to be compared exactly.

A client library turns a status and a bulk string into the same value, or a set and an array; here
the type of every part is kept, by the byte that it begins with.
"""

from typing import Any, BinaryIO, Final, NamedTuple

STATUS: Final = "+"
ERROR: Final = "-"
INT: Final = ":"
BULK: Final = "$"
ARRAY: Final = "*"
NULL: Final = "_"
SET: Final = "~"
MAP: Final = "%"
DOUBLE: Final = ","
BOOL: Final = "#"
VERBATIM: Final = "="
PUSH: Final = ">"

_LINES: Final = frozenset((STATUS, ERROR, NULL, DOUBLE, BOOL, "("))
_TEXTS: Final = frozenset((BULK, VERBATIM))
_AGGREGATES: Final = frozenset((ARRAY, SET, PUSH))


class Closed(Exception):
    """The server closed the connection where a reply was awaited."""


class Reply(NamedTuple):
    """One reply, or a part of one: the byte of its type, and its value.

    The value is an int for an integer, a tuple of replies for an array, a set, a map (keys and
    values in turns) or a push, None for RESP2's two nulls, and the bytes of anything else.
    """

    kind: str
    value: Any

    @property
    def is_error(self) -> bool:
        """Whether it is an error."""
        return self.kind == ERROR

    @property
    def is_nothing(self) -> bool:
        """Whether it is a null, of either protocol."""
        return self.kind == NULL or self.value is None

    @property
    def items(self) -> tuple["Reply", ...]:
        """The parts of an aggregate; fails for any other reply."""
        assert isinstance(self.value, tuple), self
        return self.value

    @property
    def values(self) -> list[Any]:
        """The values of the parts of an aggregate."""
        return [part.value for part in self.items]

    @property
    def unordered(self) -> tuple[str, Any]:
        """The type and the parts, in an order that does not depend on the server's."""
        if not isinstance(self.value, tuple):
            return (self.kind, self.value)
        return (self.kind, sorted(self.value, key=repr))

    @property
    def mapping(self) -> dict[Any, "Reply"]:
        """A map, or the array that stands for one in RESP2, by the values of its keys."""
        parts = self.items
        return {key.value: value for key, value in zip(parts[::2], parts[1::2], strict=True)}


OK: Final = Reply(STATUS, b"OK")
QUEUED: Final = Reply(STATUS, b"QUEUED")
NO_BULK: Final = Reply(BULK, None)
NO_ARRAY: Final = Reply(ARRAY, None)
RESP3_NULL: Final = Reply(NULL, b"")


def error(text: str) -> Reply:
    """Return the reply that a server gives for an error."""
    return Reply(ERROR, text.encode())


def read_reply(stream: BinaryIO) -> Reply:
    """Return the next reply; raise Closed where the stream ends before its end."""
    line = _line(stream)
    kind, rest = chr(line[0]), line[1:]
    if kind in _LINES:
        return Reply(kind, rest)
    count = int(rest)
    if kind == INT:
        return Reply(kind, count)
    if count == -1:
        return Reply(kind, None)
    if kind in _TEXTS:
        return Reply(kind, _text(stream, count))
    if kind == MAP:
        count *= 2
    elif kind not in _AGGREGATES:
        raise ValueError(f"no reply begins with {line[:60]!r}")
    return Reply(kind, tuple(read_reply(stream) for _ in range(count)))


def _line(stream: BinaryIO) -> bytes:
    line = stream.readline()
    if not line.endswith(b"\n"):
        raise Closed(line)
    if not line.endswith(b"\r\n") or len(line) < 3:
        raise ValueError(f"no reply has the line {line[:60]!r}")
    return line[:-2]


def _text(stream: BinaryIO, count: int) -> bytes:
    data = stream.read(count + 2)
    if len(data) < count + 2:
        raise Closed(data)
    if not data.endswith(b"\r\n"):
        raise ValueError(f"a text of {count} bytes ends with {data[-2:]!r}")
    return data[:-2]
