"""A client that sends exactly the bytes it is told to, and tells every part of an answer."""

import asyncio
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass

PATIENCE_S = 10.0
"""How long a test waits for what must come; nothing waits for it to pass."""

GET = b"GET /s/a HTTP/1.1\r\nHost: a\r\n\r\n"


def get(path: bytes) -> bytes:
    return b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n" % path


def post(body: bytes, *headers: bytes) -> bytes:
    lines = b"".join(header + b"\r\n" for header in headers)
    return b"POST /s HTTP/1.1\r\nHost: a\r\n%bContent-Length: %d\r\n\r\n%b" % (
        lines,
        len(body),
        body,
    )


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[bytes, bytes]
    body: bytes

    @property
    def closes(self) -> bool:
        return self.headers.get(b"connection") == b"close"


class RawClient:
    """One connection; every wait ends in an answer or in TimeoutError."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._loop = asyncio.get_running_loop()
        self._kept = b""

    @classmethod
    async def connect(cls, port: int, *, receive_bytes: int | None = None) -> "RawClient":
        sock = socket.socket()
        sock.setblocking(False)
        if receive_bytes is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        try:
            await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
        except OSError:
            sock.close()
            raise
        return cls(sock)

    async def send(self, data: bytes) -> None:
        async with asyncio.timeout(PATIENCE_S):
            await self._loop.sock_sendall(self.sock, data)

    def end_sending(self) -> None:
        self.sock.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self.sock.close()

    def reset(self) -> None:
        """Go without a farewell, as a process that was killed with unread answers."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    async def read_rest(self) -> bytes:
        """Read to the end. Raises ConnectionResetError where the server cut the connection off."""
        rest = self._kept
        self._kept = b""
        while data := await self._receive():
            rest += data
        return rest

    async def read_some(self, count: int) -> bytes:
        """Read `count` bytes."""
        while len(self._kept) < count:
            await self._need()
        some, self._kept = self._kept[:count], self._kept[count:]
        return some

    async def read_answer(self, *, to_head: bool = False) -> Answer:
        """Read one answer with its body, by its length, its chunks, or to the end."""
        lines = (await self._read_until(b"\r\n\r\n")).split(b"\r\n")
        version, status, _ = lines[0].split(b" ", 2)
        assert version == b"HTTP/1.1"
        pairs = [line.split(b": ", 1) for line in lines[1:]]
        headers = {name.lower(): value for name, value in pairs}
        assert len(headers) == len(pairs), f"a header stands twice: {lines}"
        body = b""
        if int(status) not in {100, 204, 304} and not to_head:
            body = await self._read_body(headers)
        return Answer(int(status), headers, body)

    async def _read_body(self, headers: dict[bytes, bytes]) -> bytes:
        if b"content-length" in headers:
            return await self.read_some(int(headers[b"content-length"]))
        if headers.get(b"transfer-encoding") != b"chunked":
            return await self.read_rest()
        body = b""
        while chunk := await self.read_chunk():
            body += chunk
        return body

    async def read_chunk(self) -> bytes:
        """Read the next chunk of a body; the last one is empty."""
        chunk = await self.read_some(int(await self._read_until(b"\r\n"), 16))
        assert await self.read_some(2) == b"\r\n"
        return chunk

    async def _read_until(self, mark: bytes) -> bytes:
        while mark not in self._kept:
            await self._need()
        found, _, self._kept = self._kept.partition(mark)
        return found

    async def _need(self) -> None:
        data = await self._receive()
        if not data:
            raise EOFError(f"the connection ended after {self._kept!r}")
        self._kept += data

    async def _receive(self) -> bytes:
        async with asyncio.timeout(PATIENCE_S):
            return await self._loop.sock_recv(self.sock, 1 << 20)


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop turn until `condition` holds."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - the server's state has no event of its own
            await asyncio.sleep(0)


async def turns(count: int) -> None:
    """Let the loop turn, so that what could happen has."""
    for _ in range(count):
        await asyncio.sleep(0)
