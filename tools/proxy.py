"""The way by which nodes reach each other; clients go to the nodes directly.

A proxy stands in front of each node, under the address that the node advertises, and passes bytes
on. All nodes may share one machine, so a connection does not tell whose it is; its first frame
does. From there on each direction is treated as `Traffic` says at that moment.
"""

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from random import Random
from typing import Any, Final, Self

from lastword.errors import PeerError
from lastword.limits import FRAME_BYTES_MAX
from lastword.replication import frames

Pair = tuple[str, str]
"""The advertised addresses of a sender and of a receiver of bytes."""

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]

PIECE_BYTES: Final = 64 << 10
"""Read at once: delays and tears are by the piece, so that a page of 256 KiB meets several."""

THROTTLE_STEP_S: Final = 0.05
CLOSING_S: Final = 1.0

_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Treatment:
    """What is done to the bytes that go from one node to another; by itself nothing.

    `cut` ends a connection at its next byte. `delay_s` is added to each piece. `bytes_per_s`
    bounds the rate, 0 not at all. `tear` is the share of pieces with a part of a body in them at
    which the connection ends within the body, be it a request's or an answer's.
    """

    cut: bool = False
    delay_s: float = 0.0
    bytes_per_s: int = 0
    tear: float = 0.0


UNTREATED: Final = Treatment()


class Traffic:
    """How each pair of nodes is treated at present, and what has passed so far."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.passed_bytes = 0
        self.torn = 0
        self._addresses: dict[int, str] = {}
        self._treatments: dict[Pair, Treatment] = {}

    def of(self, sender: str, receiver: str) -> Treatment:
        """Return how bytes from `sender` to `receiver` are treated."""
        return self._treatments.get((sender, receiver), UNTREATED)

    def sender_of(self, data: bytes) -> str:
        """Return the address of a frame's sender; raise PeerError where it is no frame.

        A frame in the middle of an exchange says no address, and its run was seen before.
        """
        frame = frames.decode(data)
        if frame.address:
            self._addresses[frame.run] = frame.address
        return self._addresses.get(frame.run, "")

    def treat(self, pairs: Iterable[Pair], **changes: Any) -> None:
        """Change the treatment of each pair; what is not named stays as it is."""
        for pair in pairs:
            self._treatments[pair] = replace(self.of(*pair), **changes)


class Proxy:
    """The proxy of one node. It is open once `node_address` says where to."""

    def __init__(self, traffic: Traffic, listener: socket.socket | None = None) -> None:
        self.node_address = ""
        self._listener = listener or socket.create_server(("127.0.0.1", 0))
        host, port = self._listener.getsockname()
        self.address = f"{host}:{port}"
        self._traffic = traffic
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, sock=self._listener)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on what comes in on one connection, until either side or a treatment ends it."""
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, PeerError):
            async with _closing(writer):
                caller = _Caller(reader, writer, self._traffic)
                request = await caller.first_request()
                if not self.node_address:
                    return
                host, _, port = self.node_address.rpartition(":")
                node = await asyncio.open_connection(host, int(port))
                async with _closing(node[1]):
                    await self._pump_both(caller, request, node)

    async def _pump_both(self, caller: "_Caller", request: bytes, node: Streams) -> None:
        """Pass bytes both ways; return when either way has ended."""
        there = self._pump(caller.reader, node[1], (caller.address, self.address), first=request)
        back = self._pump(node[0], caller.writer, (self.address, caller.address))
        tasks = [asyncio.create_task(there), asyncio.create_task(back)]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            task.result()

    async def _pump(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        pair: Pair,
        *,
        first: bytes = b"",
    ) -> None:
        """Pass pieces on from one side to the other, until there are no more or one is not."""
        piece = first or await source.read(PIECE_BYTES)
        while piece:
            treatment = self._traffic.of(*pair)
            if treatment.cut:
                sink.transport.abort()
                return
            await asyncio.sleep(treatment.delay_s)
            torn = self._torn(piece, treatment)
            await self._pass_on(sink, piece if torn is None else torn, treatment.bytes_per_s)
            if torn is not None:
                return
            piece = await source.read(PIECE_BYTES)

    async def _pass_on(self, sink: asyncio.StreamWriter, piece: bytes, bytes_per_s: int) -> None:
        step = int(bytes_per_s * THROTTLE_STEP_S) or len(piece) or 1
        for start in range(0, len(piece), step):
            part = piece[start : start + step]
            sink.write(part)
            await sink.drain()
            self._traffic.passed_bytes += len(part)
            if bytes_per_s:
                await asyncio.sleep(len(part) / bytes_per_s)

    def _torn(self, piece: bytes, treatment: Treatment) -> bytes | None:
        """Return what is left of a piece that is torn within a body; None where none is."""
        head, end, body = piece.rpartition(b"\r\n\r\n")
        if not body or self._traffic.rng.random() >= treatment.tear:
            return None
        self._traffic.torn += 1
        return head + end + body[: self._traffic.rng.randrange(len(body))]


class _Caller:
    """Who opened a connection; its `address` is known once its first request is read."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, traffic: Traffic
    ) -> None:
        self.reader = reader
        self.writer = writer
        self.address = ""
        self._traffic = traffic

    async def first_request(self) -> bytes:
        """Return the first request whole; raise PeerError where there is no frame in it."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(head)
        body = await self.reader.readexactly(min(int(length[1]), FRAME_BYTES_MAX) if length else 0)
        self.address = self._traffic.sender_of(body)
        return head + body


@asynccontextmanager
async def _closing(writer: asyncio.StreamWriter) -> AsyncIterator[None]:
    """Close a connection at the end, after what was written to it has been sent.

    Who does not take it in time is cut off, so that no socket is left when the loop ends.
    """
    try:
        yield
    finally:
        writer.close()
        try:
            async with asyncio.timeout(CLOSING_S):
                await writer.wait_closed()
        except (OSError, TimeoutError):
            writer.transport.abort()
