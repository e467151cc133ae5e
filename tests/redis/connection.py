"""A connection to a server of RESP that sends exactly what it is told to."""

import socket
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

from tests.redis.replies import Closed, Reply, read_reply

PATIENCE_S: Final = 20.0
"""How long a test waits for what must come; nothing waits for it to pass."""

Argument = bytes | str | int
Command = tuple[bytes, ...]


class Connection:
    """One TCP connection, in RESP2 until HELLO says otherwise; every wait ends."""

    def __init__(
        self, address: str, *, protocol: int = 2, receive_bytes: int | None = None
    ) -> None:
        host, _, port = address.rpartition(":")
        self.socket = socket.socket()
        self.socket.settimeout(PATIENCE_S)
        if receive_bytes is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.connect((host, int(port)))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._stream = self.socket.makefile("rb")
        if protocol != 2:
            assert not self.call("HELLO", protocol).is_error

    def call(self, *arguments: Argument) -> Reply:
        """Send one command and return its reply."""
        self.send(encoded(*arguments))
        return self.read()

    def pipeline(self, commands: Sequence[Sequence[Argument]]) -> list[Reply]:
        """Send all commands at once and return their replies."""
        self.send(b"".join(encoded(*command) for command in commands))
        return [self.read() for _ in commands]

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.socket.sendall(data)

    def read(self) -> Reply:
        """Return the next reply; raise Closed where the server has closed."""
        try:
            return read_reply(self._stream)
        except ConnectionError as error:
            raise Closed(str(error)) from error

    def end(self) -> None:
        """Send no more."""
        self.socket.shutdown(socket.SHUT_WR)

    def rest(self) -> list[Reply]:
        """Return all replies until the server closes the connection; fail where it does not."""
        replies = []
        try:
            while True:
                replies.append(self.read())
        except Closed:
            return replies

    def close(self) -> None:
        """Let go of it."""
        self._stream.close()
        self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()


def encoded(*arguments: Argument) -> bytes:
    """Return the bytes of a command."""
    parts = [_bytes(argument) for argument in arguments]
    bulks = b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)
    return b"*%d\r\n%b" % (len(parts), bulks)


def _bytes(argument: Argument) -> bytes:
    return argument if isinstance(argument, bytes) else str(argument).encode()
