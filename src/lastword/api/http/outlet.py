"""What goes out on one connection: answers are gathered, written together, and held back.

It promises bounded memory: beyond a mark nothing more is to be put until the client has taken
what waits, and `choked` says so.
"""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from typing import Final

GATHER_BYTES_MAX: Final = 64 << 10
"""Answers are joined up to this size, so that a pipeline costs one system call; copying more would
cost more than a call. Also asyncio's own mark above which it asks writers to pause."""

_LAST_CHUNK: Final = b"0\r\n\r\n"
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)


class Outlet:
    """Writes to one transport. `choked` is true while the client should take some first."""

    __slots__ = ("_gathered", "_gathered_bytes", "_transport", "_wakers", "_written", "choked")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._gathered: list[bytes] = []
        self._gathered_bytes = self._written = 0
        self._wakers: list[asyncio.Future[None]] = []
        self.choked = False
        transport.set_write_buffer_limits(high=GATHER_BYTES_MAX)

    def put(self, head: bytes, body: bytes = b"") -> None:
        """Take `head` and `body` to be written with the next `flush`."""
        self._gathered += (head, body)
        self._gathered_bytes += len(head) + len(body)
        if self._gathered_bytes > GATHER_BYTES_MAX:
            self.flush()

    def flush(self) -> None:
        """Write what was put. It is dropped where the connection has gone."""
        gathered, size = self._gathered, self._gathered_bytes
        if not gathered:
            return
        self._gathered, self._gathered_bytes = [], 0
        if self._transport.is_closing():
            return
        self._written += size
        if size <= GATHER_BYTES_MAX:
            self._transport.write(b"".join(gathered))
            return
        for part in gathered:  # not by writelines, which does not pause us in CPython 3.13.0
            self._transport.write(part)

    def unsent_bytes(self) -> int:
        """Return how much waits for the client."""
        return self._transport.get_write_buffer_size()

    def sent_bytes(self) -> int:
        """Return how much the kernel has taken, which is how far the client has got."""
        return self._written - self.unsent_bytes()

    def choke(self) -> None:
        """Note that the client does not keep up."""
        self.choked = True

    def clear(self) -> None:
        """Note that the client has caught up, or has gone: whoever waits goes on."""
        self.choked = False
        wakers, self._wakers = self._wakers, []
        for waker in wakers:
            if not waker.done():
                waker.set_result(None)

    async def pump(self, body: AsyncIterator[bytes], *, chunked: bool) -> None:
        """Write a streamed body at the client's pace: the next part is asked for when it may go.

        Without chunks, the body ends with the connection.
        """
        async for part in body:
            if part:
                self.put(b"%x\r\n%b\r\n" % (len(part), part) if chunked else part)
                self.flush()
            await self._writable()
        if chunked:
            self.put(_LAST_CHUNK)

    def cut(self, *, chunked: bool) -> None:
        """End in the middle of a body, so that the client sees that it is not whole."""
        if chunked:
            self._transport.close()
            return
        self.reset()  # without chunks, only that tells

    def reset(self) -> None:
        """Cut the connection off at once.

        What the kernel has taken is dropped too: for a client that does not read it would keep
        some megabytes for minutes.
        """
        sock = self._transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._transport.abort()

    async def _writable(self) -> None:
        while self.choked:
            waker = asyncio.get_running_loop().create_future()
            self._wakers.append(waker)
            await waker
