"""Clients of a node over REST and RESP, on a socket each, that say of each write how it ended."""

import json
import socket
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection, HTTPException
from typing import Final, Protocol, Self

PATIENCE_S: Final = 60.0
ASKED_AT_ONCE: Final = 5_000
SET: Final = "set"

Write = tuple[bytes, bool]
"""An element, and whether it is added; else it is removed."""


class Gone(Exception):
    """The node does not answer any more."""


class Caller(Protocol):
    """Writes elements, one of which nobody else writes at the same time."""

    def write(self, writes: Sequence[Write]) -> list[tuple[Write, str | None]]:
        """Return each write with what it was refused by, None where it was acknowledged.

        Where the node is gone, only those that it answered.
        """

    def close(self) -> None:
        """Let go of the connection."""


class RestCaller:
    """One write of one element by PUT and DELETE; several in one PATCH."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._connection = HTTPConnection(host, int(port), timeout=PATIENCE_S)

    def write(self, writes: Sequence[Write]) -> list[tuple[Write, str | None]]:
        """See Caller."""
        if len(writes) == 1:
            ((element, adds),) = writes
            refusal = self._call("PUT" if adds else "DELETE", f"/{SET}/{element.decode()}")
        else:
            body = {
                "add": [element.decode() for element, adds in writes if adds],
                "remove": [element.decode() for element, adds in writes if not adds],
            }
            refusal = self._call("PATCH", f"/{SET}", json.dumps(body).encode())
        return [(write, refusal) for write in writes]

    def is_present(self, element: bytes) -> bool:
        """Return whether an element is in the set. Raises Gone."""
        try:
            self._connection.request("GET", f"/{SET}/{element.decode()}")
            return self._connection.getresponse().read() == b"true"
        except (OSError, HTTPException) as error:
            raise Gone from error

    def close(self) -> None:
        """See Caller."""
        self._connection.close()

    def _call(self, method: str, path: str, body: bytes | None = None) -> str | None:
        try:
            headers = {"Content-Type": "application/json"}
            self._connection.request(method, path, body, headers if body else {})
            response = self._connection.getresponse()
            answer = response.read()
        except (OSError, HTTPException) as error:
            raise Gone from error
        return None if response.status == 200 else f"{response.status} {answer.decode()}"


class RespCaller:
    """A pipeline of SADD and SREM, of one element each."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._socket = socket.create_connection((host, int(port)), PATIENCE_S)
        self._replies = self._socket.makefile("rb")

    def write(self, writes: Sequence[Write]) -> list[tuple[Write, str | None]]:
        """See Caller."""
        answers: list[tuple[Write, str | None]] = []
        try:
            self._send(*((b"SADD" if adds else b"SREM", SET.encode(), at) for at, adds in writes))
            for write in writes:
                line = self._line()
                answers.append((write, line[1:] if line.startswith("-") else None))
        except Gone:
            if not answers:
                raise
        return answers

    def contained(self, elements: Sequence[bytes]) -> Mapping[bytes, bool]:
        """Return of each element whether it is in the set. Raises Gone."""
        found = {}
        for begin in range(0, len(elements), ASKED_AT_ONCE):
            some = elements[begin : begin + ASKED_AT_ONCE]
            self._send((b"SMISMEMBER", SET.encode(), *some))
            assert self._line() == f"*{len(some)}"
            found.update({element: self._line() == ":1" for element in some})
        return found

    def add(self, elements: Sequence[bytes]) -> None:
        """Add elements, none of which may be there, by one command. Raises Gone."""
        self._send((b"SADD", SET.encode(), *elements))
        assert self._line() == f":{len(elements)}"

    def count(self) -> int:
        """Return how many elements the set has. Raises Gone."""
        self._send((b"SCARD", SET.encode()))
        return int(self._line()[1:])

    def close(self) -> None:
        """See Caller."""
        self._replies.close()
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _send(self, *commands: tuple[bytes, ...]) -> None:
        try:
            self._socket.sendall(b"".join(map(_command, commands)))
        except OSError as error:
            raise Gone from error

    def _line(self) -> str:
        try:
            line = self._replies.readline()
        except OSError as error:
            raise Gone from error
        if not line.endswith(b"\r\n"):
            raise Gone
        return line[:-2].decode()


def _command(words: Sequence[bytes]) -> bytes:
    return b"*%d\r\n" % len(words) + b"".join(
        b"$%d\r\n%b\r\n" % (len(word), word) for word in words
    )
