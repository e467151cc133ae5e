"""The same bytes and the same commands to a redis-server and to a node, from the beginning."""

from collections.abc import Sequence
from typing import NamedTuple

from tests.redis.agreement import agree
from tests.redis.connection import Argument, Connection, encoded
from tests.redis.replies import MAP, Closed, Reply

THE_END = Reply("$", b"the end")
END = encoded("PING", "the end")


class Said(NamedTuple):
    """What a server replied, and whether it closed the connection by itself."""

    replies: list[Reply]
    closed: bool


class Both:
    """Two addresses: the first is right."""

    def __init__(self, expected: str, actual: str) -> None:
        self._addresses = (expected, actual)

    def say(self, data: bytes, *, protocol: int = 2, pieces: int | None = None) -> list[Said]:
        """Return what each says to bytes, until it closes or has answered a last PING.

        They go out in `pieces` of so many bytes, or all at once.
        """
        return [said(address, data, protocol, pieces) for address in self._addresses]

    def say_last(self, data: bytes) -> list[list[Reply]]:
        """Return what each says to bytes that make it close the connection."""
        return [_ending(address, data) for address in self._addresses]

    def each(self, command: Sequence[Argument], *, protocol: int = 2) -> list[Reply]:
        """Return what each replies to one command."""
        replies = []
        for address in self._addresses:
            with Connection(address, protocol=protocol) as connection:
                replies.append(connection.call(*command))
        return replies

    def agree(self, *commands: Sequence[Argument], protocol: int = 2) -> list[Reply]:
        """Play commands on a connection of each; fail unless every reply agrees. Return them."""
        with (
            Connection(self._addresses[0], protocol=protocol) as expected,
            Connection(self._addresses[1], protocol=protocol) as actual,
        ):
            assert [each.call("FLUSHALL").is_error for each in (expected, actual)] == [False] * 2
            return [_agreed(command, expected, actual) for command in commands]


def said(address: str, data: bytes, protocol: int = 2, pieces: int | None = None) -> Said:
    """Return what a server says to bytes, and then to a PING."""
    with Connection(address, protocol=protocol) as connection:
        step = pieces or len(data) or 1
        replies: list[Reply] = []
        try:
            for start in range(0, len(data), step):
                connection.send(data[start : start + step])
            connection.send(END)
            while (reply := connection.read()) != THE_END:
                replies.append(reply)
        except (Closed, ConnectionError):
            return Said(replies, closed=True)
        return Said(replies, closed=False)


def _ending(address: str, data: bytes) -> list[Reply]:
    with Connection(address) as connection:
        connection.send(data)
        return connection.rest()


def _agreed(command: Sequence[Argument], expected: Connection, actual: Connection) -> Reply:
    right, reply = expected.call(*command), actual.call(*command)
    assert _alike(command, right, reply), f"{command}\nRedis replies {right}\nbut not {reply}"
    return reply


def _alike(command: Sequence[Argument], right: Reply, reply: Reply) -> bool:
    """Compare by the command; what EXEC brings together may hold sets, in any order."""
    parts = tuple(part if isinstance(part, bytes) else str(part).encode() for part in command)
    if parts[0].upper() != b"EXEC" or not isinstance(right.value, tuple):
        return agree(parts, right, reply)
    return reply.kind == right.kind and all(
        agree((b"HELLO",), *pair)
        if pair[0].kind == MAP
        else pair[0].unordered == pair[1].unordered
        for pair in zip(right.items, reply.items, strict=True)
    )
