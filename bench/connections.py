"""Connections of a load generator: one request at a time on each, and the answer read whole.

HTTP and RESP alike. A refusal ends the run: a rate with errors is no rate.
"""

import re
import socket
from collections.abc import Callable

READ_BYTES = 1 << 16
PATIENCE_S = 60.0

Whole = Callable[[bytes], bool]
"""Says whether an answer has arrived whole; raises Refused where it is an error."""

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Refused(Exception):
    """The server answered with an error."""


class Connection:
    """One connection to a server on loopback."""

    def __init__(self, port: int, whole: Whole) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setblocking(False)
        self._whole = whole
        self._unsent = memoryview(b"")
        self._answer = b""

    def fileno(self) -> int:
        """Return the file descriptor."""
        return self._socket.fileno()

    def send(self, request: bytes) -> None:
        """Begin a request; what the kernel does not take at once goes with `push`."""
        self._answer = b""
        sent = self._socket.send(request)
        if sent < len(request):
            self._unsent = memoryview(request)[sent:]

    def push(self) -> bool:
        """Send what is left, as far as the kernel takes it; say whether all is sent."""
        if self._unsent:
            self._unsent = self._unsent[self._socket.send(self._unsent) :]
        return not self._unsent

    @property
    def is_sending(self) -> bool:
        """Whether a part of the request is left to send."""
        return bool(self._unsent)

    def receive(self) -> bool:
        """Read what has come; say whether the answer is whole."""
        data = self._socket.recv(READ_BYTES)
        if not data:
            raise Refused("the server closed the connection")
        self._answer += data
        return self._whole(self._answer)

    def ask(self, request: bytes) -> bytes:
        """Send a request, wait for its answer, and return that."""
        self._socket.settimeout(PATIENCE_S)
        self._answer = b""
        self._socket.sendall(request)
        while not self.receive():
            pass
        self._socket.setblocking(False)
        return self._answer

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()


def whole_http(answer: bytes) -> bool:
    """Say whether an HTTP answer with a length is whole; anything but 2xx is refused."""
    head, end, body = answer.partition(b"\r\n\r\n")
    if not end:
        return False
    found = _LENGTH.search(head)
    if found is None or head[9:10] != b"2":
        raise Refused(answer[:500].decode(errors="replace"))
    return len(body) >= int(found[1])


def whole_resp(answer: bytes) -> bool:
    """Say whether an answer of one line is whole: an integer or a status."""
    if answer[:1] not in b":+":
        raise Refused(answer[:500].decode(errors="replace"))
    return answer.endswith(b"\r\n")
