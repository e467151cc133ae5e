"""Slow clients of every kind: each keeps a connection for as little as it can.

Each sends, or reads, a byte a second, or nothing at all, and notes when the node had closed it.
"""

import asyncio
import socket
import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

PAUSE_S: Final = 1.0
GIVEN_UP_S: Final = 90.0
"""A connection that is open after so long counts as never closed."""

_ESTABLISHED: Final = 1
"""What Linux calls the state of an open connection (TCP_INFO)."""

_HEAD: Final = b" HTTP/1.1\r\nHost: localhost\r\n"
_LONG: Final = b"Content-Length: 60000000\r\n\r\n"
_CHUNKED: Final = b"Transfer-Encoding: chunked\r\n\r\n"
BIG_SET: Final = "big"
SMALL_SET: Final = "small"


@dataclass(frozen=True, slots=True)
class Kind:
    """A way to be slow: where it connects, how it begins, and what it does then once a second."""

    name: str
    port: str
    begins: bytes = b""
    drips: bytes = b""
    is_tls: bool = False
    reads: bool = False


KINDS: Final = (
    Kind("http, silent", "http"),
    Kind("http, headers", "http", b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ", b"x"),
    Kind("http, body", "http", b"POST /s" + _HEAD + _LONG, b" "),
    Kind("http, chunks", "http", b"POST /s" + _HEAD + _CHUNKED + b"1;", b"x"),
    Kind("http, message of a node", "http", b"POST /_/peer" + _HEAD + _LONG, b"x"),
    Kind(
        "http, reader", "http", (f"GET /{SMALL_SET}".encode() + _HEAD + b"\r\n") * 20, reads=True
    ),
    Kind(
        "http, reader of a stream",
        "http",
        f"GET /{BIG_SET}".encode() + _HEAD + b"Connection: close\r\n\r\n",
        reads=True,
    ),
    Kind("redis, silent", "redis"),
    Kind("redis, command", "redis", b"*2\r\n$4\r\nECHO\r\n$1000000\r\n", b"x"),
    Kind("redis, inline command", "redis", b"SADD s ", b"x"),
    Kind("redis, reader", "redis", f"SMEMBERS {BIG_SET}\r\n".encode() * 4, reads=True),
    Kind("tls, silent", "https"),
    Kind("tls, handshake", "https", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\0"),
    Kind("tls, headers", "https", b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ", b"x", is_tls=True),
    Kind("tls, body", "https", b"POST /s" + _HEAD + _LONG, b" ", is_tls=True),
    Kind("tls, redis command", "rediss", b"*2\r\n$4\r\nECHO\r\n$1000000\r\n", b"x", is_tls=True),
)


async def let_go(kind: Kind, port: int, tls: ssl.SSLContext) -> float:
    """Be slow in that way; return after how many seconds the node had closed the connection."""
    began = time.monotonic()
    try:
        if kind.is_tls:
            await _over_tls(kind, port, tls)
        else:
            await _plain(kind, port)
    except OSError:
        pass  # a reset: it is closed
    return time.monotonic() - began


async def _plain(kind: Kind, port: int) -> None:
    loop = asyncio.get_running_loop()
    with socket.socket() as sock:
        sock.setblocking(False)
        if kind.reads:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        await loop.sock_connect(sock, ("127.0.0.1", port))
        await loop.sock_sendall(sock, kind.begins)
        if kind.reads:
            await _sip(sock)
        else:
            await _until_closed(kind, lambda count: loop.sock_recv(sock, count), sock.send)


async def _over_tls(kind: Kind, port: int, tls: ssl.SSLContext) -> None:
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=tls, server_hostname="127.0.0.1"
    )
    writer.write(kind.begins)
    try:
        await _until_closed(kind, reader.read, writer.write)
    finally:
        writer.transport.abort()


async def _until_closed(
    kind: Kind, read: Callable[[int], Awaitable[bytes]], write: Callable[[bytes], object]
) -> None:
    """Drip until the other side has ended; what it says before is an answer that refuses."""

    async def ended() -> None:
        while await read(1 << 16):
            pass

    async def drip() -> None:
        while True:
            await asyncio.sleep(PAUSE_S)
            write(kind.drips)

    dripping = asyncio.create_task(drip())
    try:
        async with asyncio.timeout(GIVEN_UP_S):
            await ended()
    except TimeoutError:
        pass
    finally:
        dripping.cancel()
        await asyncio.gather(dripping, return_exceptions=True)


async def _sip(sock: socket.socket) -> None:
    """Read a byte a second until the kernel knows that the connection has ended.

    Reading does not tell: what had arrived before a reset can be read for hours.
    """
    loop = asyncio.get_running_loop()
    deadline_s = time.monotonic() + GIVEN_UP_S
    while time.monotonic() < deadline_s and _is_open(sock):
        await loop.sock_recv(sock, 1)
        await asyncio.sleep(PAUSE_S)


def _is_open(sock: socket.socket) -> bool:
    return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == _ESTABLISHED
