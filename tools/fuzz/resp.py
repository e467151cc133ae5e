"""Commands of the Redis protocol: whole and in pieces, and beside hiredis."""

import re
from collections.abc import Iterator
from typing import Any, Final

import hiredis

from lastword.api.resp.limits import RespLimits
from lastword.api.resp.reader import CommandReader
from tools.fuzz.target import Target, bytewise, pieces

LIMITS: Final = RespLimits(bulk_bytes_max=500, arguments_max=40, query_buffer_bytes_max=3_000)
COMMANDS: Final = (
    (b"SADD", b"s", b"a", b"\r\n\0\xff"),
    (b"PING",),
    (b"SMEMBERS", b"s"),
    (b"",),
)
STREAMS: Final = (
    *(
        b"PING\r\n",
        b"SADD s 'it\\'s' \"\\x41\\n\"\r\nPING\n",
        b"*0\r\n*-1\r\nPING\r\n",
        b"*1\r\n$4\r\n",
    ),
    *(
        b"*1\r\n:5\r\n",
        b"%1\r\n$1\r\na\r\n:1\r\n",
        b"*2\r\n$1\r\na\r\n*1\r\n$1\r\nb\r\n",
        b"+OK\r\n",
    ),
)
WORDS: Final = (
    *(
        b"*1\r\n",
        b"$0\r\n\r\n",
        b"$-1\r\n",
        b"*-1\r\n",
        b"*40\r\n",
        b"*41\r\n",
        b"$500\r\n",
        b"\r\n",
    ),
    *(b"$18446744073709551615\r\n", b"*" + b"9" * 19, b"~1\r\n", b"=6\r\ntxt:ab\r\n", b"_\r\n"),
    *(b"\\x", b'"', b"'", b"\0", b"\v", b"(1\r\n", b"$01\r\n", b"|1\r\n", b">1\r\n", b"#t\r\n"),
)

_LONE_END: Final = re.compile(rb"\r(?!\n)|(?<!\r)\n").search
"""Where half a line's end stands, Redis goes on two bytes behind it, and hiredis looks further."""

Outcome = tuple[list[list[bytes]], str | None]


def encoded(arguments: list[bytes] | tuple[bytes, ...]) -> bytes:
    """Return a command as clients send it."""
    items = b"".join(b"$%d\r\n%b\r\n" % (len(item), item) for item in arguments)
    return b"*%d\r\n%b" % (len(arguments), items)


def _examine(data: bytes) -> None:
    whole = commands, _ = _read(data)
    assert _read(*pieces(data)) == whole, "commands depend on how their bytes were cut"
    assert _read(*bytewise(data)) == whole, "commands differ where they come byte by byte"
    assert all(commands), "a command without a name"
    assert sum(map(len, (item for command in commands for item in command))) <= len(data)
    again = b"".join(map(encoded, commands))
    assert _by_hiredis(again) == commands, "hiredis reads other commands"
    read = _by_hiredis(data)
    if read is not None and data[:1] == b"*" and not _LONE_END(data):
        # What is a line to us is a length to hiredis, which then waits: so it may have read less.
        both = zip(commands, (command for command in read if command), strict=False)
        assert all(ours == theirs for ours, theirs in both), "hiredis reads otherwise"


def _read(*parts: bytes) -> Outcome:
    reader = CommandReader(LIMITS)
    commands = []
    for part in parts:
        commands += reader.feed(part)
        assert reader.held_bytes <= LIMITS.query_buffer_bytes_max or reader.error is not None
    return commands, None if reader.error is None else str(reader.error)


def _by_hiredis(data: bytes) -> list[list[bytes]] | None:
    """Return the commands in `data`, None where there is anything but arrays of bulk strings."""
    reader = hiredis.Reader()
    reader.feed(data)
    commands: list[Any] = []
    try:
        while (command := reader.gets()) is not False:
            commands.append(command)
    except (hiredis.ProtocolError, TypeError):  # the latter for a map as the key of a map
        return None
    return commands if all(map(_is_command, commands)) else None


def _is_command(read: Any) -> bool:
    return isinstance(read, list) and all(isinstance(item, bytes) for item in read)


def _seeds() -> Iterator[bytes]:
    yield from (*map(encoded, COMMANDS), *STREAMS)
    yield b"".join(map(encoded, COMMANDS[:3]))


RESP: Final = Target("resp", lambda: _examine, _seeds, WORDS)
