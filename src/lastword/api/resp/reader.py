"""Commands from bytes: arrays of bulk strings, and inline commands.

It promises Redis' own reading, with its error texts, whatever the pieces that the bytes come in;
and that no more is held for a client than `query_buffer_bytes_max`. A packet that has whole
commands and nothing suspicious is read by hiredis; everything else is read here, step by step.

hiredis reads replies, not commands: it takes every type, nested, of any announced length, and
makes room for an array before its items are there. So a packet with a large array, or with a
type that it would turn into bytes or a map, does not reach it; and what it returns counts only
where all of it is arrays of bulk strings.

Source: the Redis serialization protocol specification; inline arguments as Redis splits them.
"""

import re
from typing import Any, Final

import hiredis

from lastword.api.resp.inline import split_inline
from lastword.api.resp.limits import RespLimits
from lastword.errors import InvalidRequest

Arguments = list[bytes]
"""A command's name and its arguments, as they came."""

LINE_BYTES_MAX: Final = 64 << 10
"""An inline command, or the line of a length, as in Redis."""

STRANGER_BYTES_MAX: Final = 1 << 20
"""Held for a client that has shown no token where it must. AUTH takes a hundred bytes; what a
client sends behind it in the same packets must not be taken for too much."""

ITEM_BYTES_MIN: Final = 6
"""Bytes of an empty bulk string."""

_ARRAY: Final = ord("*")
_SUSPICIOUS: Final = re.compile(rb"\*[0-9]{5}|\n[+=(~%>|]").search
_END: Final = b"+\r\n"
"""An empty status: fed behind a packet it is read as such only where the packet ended well."""

_LENGTH: Final = re.compile(rb"0|-?[1-9][0-9]{0,18}").fullmatch


class CommandReader:
    """Reads one connection's bytes. After an error it reads nothing more.

    While `stranger` is true no more than STRANGER_BYTES_MAX are held.
    """

    __slots__ = (
        "_arguments",
        "_at",
        "_bulk_bytes",
        "_data",
        "_fast",
        "_fast_bytes_max",
        "_held_bytes",
        "_lacking",
        "_limits",
        "error",
        "stranger",
    )

    def __init__(self, limits: RespLimits) -> None:
        self._limits = limits
        self._fast = hiredis.Reader()
        # A shorter packet has no more arguments, nor longer ones, than are allowed.
        self._fast_bytes_max = min(limits.bulk_bytes_max, limits.arguments_max * ITEM_BYTES_MIN)
        self._data = bytearray()
        self._at = 0
        self._lacking = 0  # items of the array that is being read
        self._bulk_bytes = -1  # of the item that is being read; -1 before its line
        self._arguments: Arguments = []
        self._held_bytes = 0  # in `_arguments`
        self.error: InvalidRequest | None = None
        self.stranger = False

    @property
    def held_bytes(self) -> int:
        """How much waits for the rest of its command."""
        return len(self._data) + self._held_bytes

    @property
    def has_begun(self) -> bool:
        """Whether a command has arrived in part."""
        return bool(self._lacking or self._data)

    def feed(self, data: bytes) -> list[Arguments]:
        """Return the commands that `data` completes, in order; an error ends them."""
        if self.error is not None:
            return []
        if (
            not self._data
            and not self._lacking
            and data[:1] == b"*"
            and len(data) <= self._fast_bytes_max
            and not _SUSPICIOUS(data)
        ):
            commands = self._read_fast(data)
            if commands is not None:
                return commands
        self._data += data
        commands = []
        try:
            self._read(commands)
        except InvalidRequest as error:
            self.error = error
            self._data.clear()
        return commands

    def _read_fast(self, data: bytes) -> list[Arguments] | None:
        """Return the commands of a packet that hiredis reads as Redis would, and else None."""
        reader = self._fast
        commands: list[Any] = []
        try:
            reader.feed(data + _END)
            read = reader.gets
            while (command := read()) is not False:
                commands.append(command)
            b"".join(map(b"".join, commands))  # a TypeError for all but arrays of bulk strings
            if commands and commands.pop() == b"" and all(commands):
                return commands
        except (hiredis.ProtocolError, TypeError):
            pass
        self._fast = hiredis.Reader()
        return None

    def _read(self, commands: list[Arguments]) -> None:
        while self._take_items(commands) if self._lacking else self._begin(commands):
            pass
        del self._data[: self._at]
        self._at = 0
        self._check_held(self.held_bytes)

    def _check_held(self, size: int) -> None:
        most = self._limits.query_buffer_bytes_max
        if size > (min(most, STRANGER_BYTES_MAX) if self.stranger else most):
            raise InvalidRequest("Closing client that reached max query buffer length")

    def _begin(self, commands: list[Arguments]) -> bool:
        """Begin an array, or take an inline command; return whether there is more to read."""
        if self._at == len(self._data):
            return False
        if self._data[self._at] != _ARRAY:
            return self._take_inline(commands)
        line = self._line("mbulk count string")
        if line is None:
            return False
        count = _length(line, "multibulk", -(1 << 63), self._limits.arguments_max)
        self._lacking = max(count, 0)
        return True

    def _take_inline(self, commands: list[Arguments]) -> bool:
        end = self._data.find(b"\n", self._at)
        if (end if end >= 0 else len(self._data)) - self._at > LINE_BYTES_MAX:
            raise InvalidRequest("Protocol error: too big inline request")
        if end < 0:
            return False
        line = bytes(self._data[self._at : end]).removesuffix(b"\r")
        self._at = end + 1
        arguments = split_inline(line)
        if arguments is None:
            raise InvalidRequest("Protocol error: unbalanced quotes in request")
        if arguments:
            commands.append(arguments)
        return True

    def _take_items(self, commands: list[Arguments]) -> bool:
        """Take items of the array; return whether it is complete."""
        data, limits = self._data, self._limits
        while self._lacking:
            if self._bulk_bytes < 0:
                line = self._line("bulk count string")
                if line is None:
                    return False
                if line[:1] != b"$":
                    got = (line or b"\r")[:1].decode("utf-8", "surrogateescape")
                    raise InvalidRequest(f"Protocol error: expected '$', got '{got}'")
                self._bulk_bytes = _length(line, "bulk", 0, limits.bulk_bytes_max)
            end = self._at + self._bulk_bytes
            if len(data) < end + 2:
                return False
            self._arguments.append(bytes(data[self._at : end]))
            self._held_bytes += self._bulk_bytes
            self._check_held(self._held_bytes)
            self._at, self._bulk_bytes = end + 2, -1
            self._lacking -= 1
        commands.append(self._arguments)
        self._arguments, self._held_bytes = [], 0
        return True

    def _line(self, what: str) -> bytes | None:
        """Return the line at hand without its end, or None until that has come."""
        data = self._data
        end = data.find(b"\r", self._at)
        if (end if end >= 0 else len(data)) - self._at > LINE_BYTES_MAX:
            raise InvalidRequest(f"Protocol error: too big {what}")
        if end < 0 or end + 1 == len(data):
            return None
        line = bytes(data[self._at : end])
        self._at = end + 2
        return line


def _length(line: bytes, what: str, least: int, most: int) -> int:
    """Return the number behind the line's first byte."""
    if _LENGTH(line, 1) is None or not least <= int(line[1:]) <= most:
        raise InvalidRequest(f"Protocol error: invalid {what} length")
    return int(line[1:])
