"""Connections to a real node that send what they are told, and see all that comes back."""

import json
import socket
import ssl
from dataclasses import dataclass
from typing import Final

PATIENCE_S: Final = 20.0
"""How long a test waits for what must come; nothing waits for it to pass."""


@dataclass(frozen=True)
class Answer:
    status: int
    closes: bool
    body: bytes

    @property
    def code(self) -> str:
        """The code of a refusal, which must have its whole shape."""
        error = json.loads(self.body)["error"]
        assert error["message"]
        assert error["hint"]
        return str(error["code"])


def connected(address: str, tls: ssl.SSLContext | None = None) -> socket.socket:
    host, _, port = address.rpartition(":")
    plain = socket.create_connection((host, int(port)), timeout=PATIENCE_S)
    return plain if tls is None else tls.wrap_socket(plain, server_hostname=host)


def exchanged(address: str, data: bytes, tls: ssl.SSLContext | None = None) -> list[Answer]:
    """Send `data` and return what is answered until the node closes the connection."""
    with connected(address, tls) as connection:
        connection.sendall(data)
        received = b""
        while part := connection.recv(1 << 16):
            received += part
    return answers_in(received)


def answers_in(received: bytes) -> list[Answer]:
    """Take answers apart by their lengths; none here is to HEAD, and none is streamed."""
    found = []
    while received:
        head, _, rest = received.partition(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        lengths = [line for line in lines if line.startswith(b"content-length: ")]
        length = int(lengths[0][16:]) if lengths else 0
        status = int(head[9:12])
        found.append(Answer(status, b"connection: close" in lines, rest[:length]))
        received = rest[length:]
    return found
