"""One connection: what the event loop tells it, how long it waits, and how it ends.

What is held for a client is bounded: it is not read from while its commands or its replies wait,
and one that does not take its replies is given up.
"""

import asyncio
from enum import Enum, auto
from math import inf
from typing import Any, cast

from lastword.api.listening import host_of
from lastword.api.resp.dialogue import Dialogue
from lastword.api.resp.outbox import Outbox
from lastword.api.resp.reader import CommandReader
from lastword.api.resp.service import Service
from lastword.api.resp.session import Roster, Session
from lastword.api.resp.table import Table
from lastword.errors import InvalidRequest, LastwordError

LINGER_S = 2.0
"""How long a client that was refused may take to close its side."""


class Wait(Enum):
    """What a connection waits for."""

    COMMAND = auto()
    """The client's first command, or the rest of one."""

    NEXT = auto()
    """The client's next command."""

    ANSWER = auto()
    """The node: however long it takes."""

    READER = auto()
    """The client to take what was answered."""

    END = auto()
    """The client's end, after an error that refused."""


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
        "_lingering",
        "_lost",
        "_outbox",
        "_paused",
        "_reader",
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
        self._sent_bytes = 0
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
        if len(self._roster) >= service.limits.clients_max or service.draining:
            service.counted.refused += 1
            self._refuse(InvalidRequest("max number of clients reached"))
        self._roster.add(self._session)

    def data_received(self, data: bytes) -> None:
        """Read, and do what can be done."""
        if self._closing:
            return
        self._service.counted.bytes_in += len(data)
        if self._service.gate is not None:
            self._reader.stranger = self._session.admitted is None
        self._dialogue.take(self._reader.feed(data))
        self._advance()

    def eof_received(self) -> bool:
        """Answer what arrived whole, then close."""
        if self._lingering:
            return False
        self._ending = True
        return (self._dialogue.is_waiting or self._dialogue.is_at_work) and (
            self._transport.can_write_eof()  # TLS has no half-closed connections
        )

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
        self._roster.lose(self._session)

    # What commands and the server call.

    @property
    def is_ending(self) -> bool:
        """Whether the client has ended its side."""
        return self._ending

    def close_after_reply(self) -> None:
        """Answer what is being answered, and nothing more."""
        self._closing = True
        self._dialogue.forget()

    def abort(self) -> None:
        """Cut the connection off."""
        self._transport.abort()

    def held_bytes(self) -> tuple[int, int]:
        """Return how many bytes wait for the rest of a command, and for the client."""
        return self._reader.held_bytes, self._outbox.unsent_bytes()

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
        elif now - self._since > self._limit_s(waits_for[0]):
            self._give_up(waits_for[0])

    def _waits_for(self) -> tuple[Wait, int]:
        """Return what is waited for, and a figure that changes while the client gets on."""
        limits, reader = self._service.limits, self._reader
        if self._lingering:
            return Wait.END, 0
        if self._outbox.unsent_bytes():
            return Wait.READER, self._sent_bytes // limits.write_bytes_min
        if self._dialogue.is_at_work:
            return Wait.ANSWER, 0
        commands = self._session.commands
        if reader.has_begun:
            progress = reader.held_bytes // limits.command_bytes_min
            return Wait.COMMAND, progress + (commands << 32)
        return (Wait.NEXT, commands) if commands else (Wait.COMMAND, 0)

    def _limit_s(self, wait: Wait) -> float:
        limits = self._service.limits
        match wait:
            case Wait.END:
                return LINGER_S
            case Wait.READER:
                return limits.write_s
            case Wait.COMMAND:
                return limits.command_s
            case Wait.NEXT:
                return limits.idle_s or inf
            case Wait.ANSWER:
                return inf

    def _give_up(self, wait: Wait) -> None:
        if wait is Wait.COMMAND:
            self._refuse(InvalidRequest("Closing client whose command did not arrive in time"))
        elif wait is Wait.NEXT:
            self._transport.close()
        else:
            self.abort()

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
        outbox.flush()
        waiting = dialogue.is_waiting or outbox.is_full
        if waiting != self._paused:
            self._regulate()
        if waiting or dialogue.is_at_work:
            return
        if self._closing or self._ending:
            self._transport.close()
        elif self._reader.error is not None:
            self._refuse(self._reader.error)

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
