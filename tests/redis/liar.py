"""A proxy before a redis-server that changes a request or a reply, to be found out."""

import contextlib
import socketserver
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

from tests.redis.connection import Command, Connection
from tests.redis.replies import ARRAY, BULK, ERROR, INT, MAP, Closed, Reply, read_reply


@dataclass(frozen=True)
class Lie:
    """What is said to the server in place of a command, and to the client in place of a reply."""

    command: Callable[[Command], Command] = field(default=lambda command: command)
    reply: Callable[[Command, Reply], Reply] = field(default=lambda _, reply: reply)


class Liar:
    """A server that answers as another does, but for its lie."""

    def __init__(self, behind: str, lie: Lie) -> None:
        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with (
                    contextlib.suppress(Closed, ConnectionError),
                    Connection(behind) as server,
                    self.request.makefile("rb") as requests,
                ):
                    while True:
                        command = tuple(read_reply(requests).values)
                        reply = server.call(*lie.command(command))
                        self.request.sendall(written(lie.reply(command, reply)))

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self.resp_address = f"127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def written(reply: Reply) -> bytes:
    """Return the bytes that a reply was read from."""
    if isinstance(reply.value, tuple):
        count = len(reply.value) // (2 if reply.kind == MAP else 1)
        return b"%b%d\r\n" % (reply.kind.encode(), count) + b"".join(map(written, reply.value))
    if reply.value is None:
        return b"%b-1\r\n" % reply.kind.encode()
    if reply.kind == BULK:
        return b"$%d\r\n%b\r\n" % (len(reply.value), reply.value)
    value = b"%d" % reply.value if reply.kind == INT else reply.value
    return b"%b%b\r\n" % (reply.kind.encode(), value)


def of(name: bytes, change: Callable[[Command, Reply], Reply]) -> Lie:
    """Return the lie that changes the replies to one command."""
    return Lie(
        reply=lambda command, reply: (
            change(command, reply) if command and command[0].upper() == name else reply
        )
    )


def instead(name: bytes, other: bytes) -> Lie:
    """Return the lie that says one command in place of another, its arguments kept."""
    return Lie(lambda command: (other, *command[1:]) if command[0].upper() == name else command)


def _without_last(_: Command, reply: Reply) -> Reply:
    if reply.kind != ARRAY or not reply.value:
        return reply
    cursor, page = reply.items
    return Reply(ARRAY, (cursor, Reply(page.kind, page.value[:-1])))


def _all_added(command: Command, reply: Reply) -> Reply:
    return Reply(INT, len(command) - 2) if reply.kind == INT else reply


def _as_array(_: Command, reply: Reply) -> Reply:
    return Reply(ARRAY, reply.value) if reply.kind == "~" else reply


def _as_status(_: Command, __: Reply) -> Reply:
    return Reply("+", b"said so")


def _shouted(_: Command, reply: Reply) -> Reply:
    return Reply(ERROR, reply.value.replace(b"wrong", b"Wrong")) if reply.is_error else reply


def _one(_: Command, reply: Reply) -> Reply:
    return Reply(INT, min(1, reply.value)) if reply.kind == INT else reply


LIES = {
    "an error is spelt otherwise": of(b"SISMEMBER", _shouted),
    "SADD counts what was there": of(b"SADD", _all_added),
    "SMEMBERS is no set in RESP3": of(b"SMEMBERS", _as_array),
    "a bulk is a status": of(b"ECHO", _as_status),
    "EXISTS counts a name once": of(b"EXISTS", _one),
    "SPOP leaves what it popped": instead(b"SPOP", b"SRANDMEMBER"),
    "DISCARD executes": instead(b"DISCARD", b"EXEC"),
    "WATCH does not watch": instead(b"WATCH", b"EXISTS"),
    "SSCAN leaves one out": of(b"SSCAN", _without_last),
    "SDIFFSTORE stores the union": instead(b"SDIFFSTORE", b"SUNIONSTORE"),
    "UNLINK does nothing": instead(b"UNLINK", b"EXISTS"),
}
"""Each is one way of being wrong, in one command."""
