"""One connection: what the event loop tells it, how long it waits, and how it ends.

It promises that whatever a client does, what is held for it is bounded: it is not read from while
its requests or its answers wait, and a client that keeps the server waiting is given up.
"""

import asyncio
from typing import Final, cast

from lastword.api.door import HELD_BYTES_MIN, Entry
from lastword.api.http.exchange import Exchange
from lastword.api.http.outlet import Outlet
from lastword.api.http.patience import Patience, Phase
from lastword.api.http.reader import RequestReader
from lastword.api.http.shared import Shared
from lastword.api.listening import host_of
from lastword.errors import RequestTimeout, Unavailable

PIECE_BYTES: Final = 16 << 10
"""Of what the event loop reads at once, so much is taken apart at once. A packet of 256 KiB may
have ten thousand requests, which take twenty times its bytes: the rest waits as it came."""

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class Connection(asyncio.Protocol):
    """The protocol of one connection.

    `_paused`: it is not read from. `_eof`: the client will send no more. `_lingering`: the last
    answer is out, and the client's end is waited for. `_lost`: it has ended. `_rest`: what was
    read from the socket and not taken apart yet. `_held_bytes`: what the door counts of this one.
    """

    __slots__ = (
        "_eof",
        "_exchange",
        "_held_bytes",
        "_lingering",
        "_lost",
        "_outlet",
        "_patience",
        "_paused",
        "_reader",
        "_rest",
        "_shared",
        "_transport",
        "_unread_bytes",
    )

    _transport: asyncio.Transport
    _outlet: Outlet
    _exchange: Exchange

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._reader = RequestReader(shared.limits)
        self._patience = Patience(shared.limits)
        self._lingering = self._lost = self._eof = self._paused = False
        self._unread_bytes = self._held_bytes = 0
        self._rest: bytes | memoryview = b""

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; one connection too many is told so."""
        # uvloop's transports are no asyncio.Transport by class, only in what they do.
        self._transport = cast("asyncio.Transport", transport)
        self._outlet = Outlet(self._transport)
        self._reader.client = host_of(transport)
        self._exchange = Exchange(self._shared, self._reader, self._outlet, self._advance)
        self._shared.connections.add(self)
        entry = self._shared.door.enter(self._reader.client)
        if self._shared.draining:
            self.drain()
        elif entry is Entry.CUT:
            self.abort()
        elif entry is Entry.TOLD:
            self._reader.refuse(Unavailable("this node has too many connections"))
            self._advance()

    def data_received(self, data: bytes) -> None:
        """Read, and answer what can be answered."""
        if self._lingering:
            self._drop(len(data))
            return
        self._rest = bytes(self._rest) + data if self._rest else data
        self._advance()

    def eof_received(self) -> bool:
        """Answer what arrived whole, then close; a request that is not whole is dropped.

        This may be a client that has only shut its side, or one that has gone: a single answer is
        tried, but a stream, which may have no end, is broken off.
        """
        exchange = self._exchange
        self._eof = exchange.draining = True
        if not self._rest:
            self._reader.close()
        if self._lingering or exchange.is_streaming() or (exchange.is_last() and not self._rest):
            return False
        return self._transport.can_write_eof()  # TLS has no half-closed connections

    def pause_writing(self) -> None:
        """Note that the client does not read its answers as fast as they come."""
        self._outlet.choke()

    def resume_writing(self) -> None:
        """Go on, but not now: this may be called from within a write."""
        self._outlet.clear()
        asyncio.get_running_loop().call_soon(self._advance)

    def connection_lost(self, _exc: Exception | None) -> None:
        """Let go of everything but of writes under way: those are finished, and not answered."""
        self._lost = True
        self._exchange.end()
        self._outlet.clear()
        self._hold(0)
        self._shared.door.leave(self._reader.client)
        self._shared.lose(self)

    # What the server calls.

    def sweep(self, now: float) -> None:
        """Give up on a client that keeps the server waiting; `now` is the loop's time."""
        phase, progress = self._phase()
        message = self._reader.messages
        if not self._patience.is_over(now, phase, message=message, progress=progress):
            return
        if phase is not Phase.LINGER:
            self._shared.door.dropped[phase.name.lower()] += 1
        if phase in {Phase.HEAD, Phase.BODY}:
            part = "headers" if phase is Phase.HEAD else "body"
            self._reader.refuse(RequestTimeout(f"the request's {part} did not arrive in time"))
            self._advance()
        elif phase in {Phase.FRESH, Phase.IDLE}:
            self._transport.close()
        else:
            self._outlet.reset()

    def drain(self) -> None:
        """Answer what has begun to arrive, then close.

        A stream that has no end is ended; where its reader is slow, that is cut off.
        """
        if self._exchange.drain() and self._outlet.choked:
            self.abort()
        elif self._exchange.is_last() and not self._exchange.ended and not self._rest:
            self._transport.close()

    def abort(self) -> None:
        """Cut the connection off."""
        self._transport.abort()

    # How it goes on.

    def _advance(self) -> None:
        """Begin what may begin, write what is answered, and read on if nothing waits."""
        if self._lost or self._lingering:
            return
        exchange, reader = self._exchange, self._reader
        exchange.advance()
        while self._rest and not reader.arrived and not exchange.ended:
            self._read_piece()
            exchange.advance()
        self._count_held()
        if reader.wants_continue and exchange.is_idle():
            reader.wants_continue = False
            self._outlet.put(_CONTINUE)
        self._outlet.flush()
        if exchange.ended:
            self._finish()
        elif (bool(reader.arrived) or bool(self._rest)) != self._paused:
            self._regulate()

    def _read_piece(self) -> None:
        rest = self._rest
        if len(rest) <= PIECE_BYTES:
            self._rest = b""
            self._reader.feed(rest)
        else:
            view = memoryview(rest)  # to copy nothing of what is left
            self._rest = view[PIECE_BYTES:]
            self._reader.feed(view[:PIECE_BYTES])
        if self._eof and not self._rest:
            self._reader.close()

    def _count_held(self) -> None:
        """Tell the door what this connection holds; refuse what is too much for all together."""
        reader = self._reader
        if not self._held_bytes and reader.body_bytes < HELD_BYTES_MIN:
            return
        arriving = reader.body_bytes if reader.begun else 0
        if not self._hold(arriving + self._exchange.held_bytes()) and reader.begun:
            reader.refuse(Unavailable("the requests that this node holds are too large together"))
            self._exchange.advance()

    def _hold(self, held_bytes: int) -> bool:
        before, self._held_bytes = self._held_bytes, held_bytes
        return self._shared.door.hold(before, held_bytes)

    def _regulate(self) -> None:
        self._paused = not self._paused
        if self._paused:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _finish(self) -> None:
        """Close after the last answer."""
        unread = self._reader.unread or self._reader.begun or self._reader.arrived or self._rest
        self._rest = b""
        self._exchange.end()
        if self._eof or not unread:
            self._transport.close()
            return
        # Closing with unread bytes would reset the connection, and the client might lose the
        # answer: so only our side is shut, and the client's is read to its end, within limits.
        self._lingering = True
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._transport.resume_reading()

    def _drop(self, count: int) -> None:
        self._unread_bytes += count
        if self._unread_bytes > self._shared.limits.linger_bytes_max:
            self.abort()

    def _phase(self) -> tuple[Phase, int]:
        """Return what is waited for, and a figure of its progress."""
        reader = self._reader
        if self._outlet.unsent_bytes():
            return Phase.WRITE, self._outlet.sent_bytes() // self._shared.limits.write_bytes_min
        if self._lingering:
            return Phase.LINGER, 0
        if self._paused or self._exchange.ended or not self._exchange.is_idle():
            return Phase.SERVE, 0
        if not reader.begun:
            return (Phase.IDLE if reader.messages else Phase.FRESH), 0
        if not reader.in_body:
            return Phase.HEAD, 0
        return Phase.BODY, reader.body_bytes // self._shared.limits.read_bytes_min
