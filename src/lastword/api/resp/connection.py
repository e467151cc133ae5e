"""One connection: what the event loop tells it, how long it waits, and how it ends.

What is held for a client is bounded: it is not read from while its commands or its replies wait,
and one that does not take its replies is given up.
"""

import asyncio
from typing import Any, Final, cast

from lastword.api.door import HELD_BYTES_MIN, Entry
from lastword.api.listening import host_of, keep_alive
from lastword.api.resp.dialogue import Dialogue
from lastword.api.resp.outbox import Outbox
from lastword.api.resp.reader import CommandReader
from lastword.api.resp.service import Service
from lastword.api.resp.session import Roster, Session
from lastword.api.resp.table import Table
from lastword.api.resp.waiting import Wait, limit_s
from lastword.errors import InvalidRequest, LastwordError

PIECE_BYTES: Final = 16 << 10
"""Of what the event loop reads at once, so much is taken apart at once. A packet of 256 KiB may
have eighty thousand commands, which take fifty times its bytes: the rest waits as it came."""


class Connection(asyncio.Protocol):
    """The protocol of one connection.

    `_closing`: nothing more is begun. `_ending`: the client sends no more. `_lingering`: the last
    answer is out, and the client's end is waited for. `_paused`: it is not read from.
    """

    __slots__ = (
        "_active",
        "_closing",
        "_dialogue",
        "_ending",
        "_held_bytes",
        "_lingering",
        "_lost",
        "_outbox",
        "_paused",
        "_reader",
        "_rest",
        "_roster",
        "_sent_bytes",
        "_service",
        "_session",
        "_since",
        "_table",
        "_transport",
        "_waited_for",
    )

    _transport: asyncio.Transport
    _outbox: Outbox
    _dialogue: Dialogue
    _session: Session

    def __init__(self, service: Service, roster: Roster, table: Table) -> None:
        self._service = service
        self._roster = roster
        self._table = table
        self._reader = CommandReader(service.limits)
        self._paused = self._closing = self._ending = self._lingering = self._lost = False
        self._active = (0, 0, 0)
        self._waited_for = (Wait.COMMAND, 0)
        self._sent_bytes = self._held_bytes = 0
        self._rest: bytes | memoryview = b""
        self._since = 0.0

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; one client too many is told so."""
        # uvloop's transports are no asyncio.Transport by class, only in what they do.
        self._transport = cast("asyncio.Transport", transport)
        service = self._service
        now = service.now()
        self._session = Session(
            service,
            self._roster,
            self,
            self._roster.next_id(),
            peer=_shown(transport.get_extra_info("peername")),
            host=host_of(transport),
            here=_shown(transport.get_extra_info("sockname")),
            began_s=now,
            active_s=now,
        )
        self._since = now
        self._outbox = Outbox(service, self._session, self._transport)
        self._dialogue = Dialogue(self._session, self._table, self._outbox, self._advance)
        service.counted.connections += 1
        keep_alive(transport, service.limits.keepalive_s)
        entry = service.door.enter(self._session.host)
        if entry is not Entry.TAKEN or service.draining:
            service.counted.refused += 1
            if entry is Entry.CUT:
                self.abort()
            else:
                self._refuse(InvalidRequest("max number of clients reached"))
        self._roster.add(self._session)

    def data_received(self, data: bytes) -> None:
        """Read, and do what can be done."""
        if self._closing:
            return
        self._service.counted.bytes_in += len(data)
        self._rest = bytes(self._rest) + data if self._rest else data
        self._advance()

    def eof_received(self) -> bool:
        """Answer what arrived whole, then close."""
        if self._lingering:
            return False
        self._ending = True
        busy = self._rest or self._dialogue.is_waiting or self._dialogue.is_at_work
        return bool(busy) and self._transport.can_write_eof()  # TLS has no half-closed connections

    def pause_writing(self) -> None:
        """Note that the client does not read its replies as fast as they come."""
        self._outbox.choke()

    def resume_writing(self) -> None:
        """Go on, but not now: this may be called from within a write."""
        self._outbox.clear()
        asyncio.get_running_loop().call_soon(self._advance)

    def connection_lost(self, _exc: Exception | None) -> None:
        """Let go of everything but of writes under way: those are finished, and not answered."""
        self._lost = self._closing = True
        self._dialogue.end()
        self._count_sent()
        self._hold(0)
        self._service.door.leave(self._session.host)
        self._roster.lose(self._session)

    # What commands and the server call.

    @property
    def is_ending(self) -> bool:
        """Whether the client has ended its side."""
        return self._ending

    def close_after_reply(self) -> None:
        """Answer what is being answered, and nothing more."""
        self._closing = True
        self._rest = b""
        self._dialogue.forget()

    def abort(self) -> None:
        """Cut the connection off."""
        self._transport.abort()

    def held_bytes(self) -> tuple[int, int]:
        """Return how many bytes wait for the rest of a command, and for the client."""
        return self._reader.held_bytes + len(self._rest), self._outbox.unsent_bytes()

    def drain(self) -> None:
        """Answer what is being answered, then close."""
        self.close_after_reply()
        self._advance()

    def sweep(self, now: float) -> None:
        """Give up on a client that keeps the server waiting; `now` is the loop's time."""
        session = self._session
        self._count_sent()
        active = (session.commands, self._reader.held_bytes, self._sent_bytes)
        if active != self._active or self._dialogue.is_at_work:
            self._active, session.active_s = active, now
        waits_for = self._waits_for()
        if waits_for != self._waited_for:
            self._waited_for, self._since = waits_for, now
        elif now - self._since > limit_s(waits_for[0], self._service.limits):
            self._give_up(waits_for[0])

    def _waits_for(self) -> tuple[Wait, int]:
        """Return what is waited for, and a figure that changes while the client gets on."""
        limits, reader = self._service.limits, self._reader
        if self._lingering:
            return Wait.END, 0
        if self._outbox.unsent_bytes():
            return Wait.WRITE, self._sent_bytes // limits.write_bytes_min
        if self._dialogue.is_at_work:
            return Wait.ANSWER, 0
        commands = self._session.commands
        if reader.has_begun:
            progress = reader.held_bytes // limits.command_bytes_min
            return Wait.COMMAND, progress + (commands << 32)
        return (Wait.IDLE, commands) if commands else (Wait.COMMAND, 0)

    def _give_up(self, wait: Wait) -> None:
        if wait is not Wait.END:
            self._service.door.dropped[wait.name.lower()] += 1
        if wait is Wait.COMMAND:
            self._refuse(InvalidRequest("Closing client whose command did not arrive in time"))
        elif wait is Wait.IDLE:
            self._transport.close()
        else:
            self._outbox.reset()

    # How it goes on.

    def _count_sent(self) -> None:
        sent = self._outbox.sent_bytes()
        self._service.counted.bytes_out += sent - self._sent_bytes
        self._sent_bytes = sent

    def _advance(self) -> None:
        """Do what may be done now, write what is answered, and read on if nothing waits."""
        if self._lost or self._lingering:
            return
        outbox, dialogue = self._outbox, self._dialogue
        outbox.write_backlog()
        dialogue.advance()
        while self._rest and not (dialogue.is_waiting or outbox.is_full or self._reader.error):
            self._read_piece()
            dialogue.advance()
        outbox.flush()
        if not self._has_room():
            return
        waiting = dialogue.is_waiting or outbox.is_full
        if waiting != self._paused:
            self._regulate()
        if waiting or dialogue.is_at_work:
            return
        if self._closing or self._ending:
            self._transport.close()
        elif self._reader.error is not None:
            self._service.door.dropped["invalid_request"] += 1
            self._refuse(self._reader.error)

    def _read_piece(self) -> None:
        if self._service.gate is not None:
            self._reader.stranger = self._session.admitted is None
        rest = self._rest
        if len(rest) <= PIECE_BYTES:
            self._rest = b""
            self._dialogue.take(self._reader.feed(bytes(rest)))
        else:
            view = memoryview(rest)  # to copy nothing of what is left
            self._rest = view[PIECE_BYTES:]
            self._dialogue.take(self._reader.feed(bytes(view[:PIECE_BYTES])))

    def _has_room(self) -> bool:
        """Tell the door what this client holds; give it up where that is too much for all."""
        held_bytes = sum(self.held_bytes()) + self._session.queued_bytes
        if not self._held_bytes and held_bytes < HELD_BYTES_MIN:
            return True
        if self._hold(held_bytes):
            return True
        self._closing = True
        if self._outbox.unsent_bytes():
            self.abort()
        else:
            self._refuse(InvalidRequest("Closing client: what all clients hold is too much"))
        return False

    def _hold(self, held_bytes: int) -> bool:
        before, self._held_bytes = self._held_bytes, held_bytes
        return self._service.door.hold(before, held_bytes)

    def _regulate(self) -> None:
        self._paused = not self._paused
        if self._paused:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _refuse(self, error: LastwordError) -> None:
        """Answer with a last error.

        Closing with unread bytes would reset the connection, and the client might lose the
        answer: so only our side is shut, and the client's is read for a while.
        """
        self._closing = self._lingering = True
        self._rest = b""
        self._waited_for, self._since = (Wait.END, 0), self._service.now()
        self._outbox.reply(error)
        self._outbox.flush()
        if self._transport.can_write_eof():
            self._transport.write_eof()
        else:
            self._transport.close()


def _shown(name: Any) -> str:
    """Return a socket's name as Redis shows it."""
    if not isinstance(name, tuple):
        return "?:0"
    return f"[{name[0]}]:{name[1]}" if ":" in name[0] else f"{name[0]}:{name[1]}"
