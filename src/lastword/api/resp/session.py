"""What a connection is to its client: name, protocol version, and an open transaction."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Protocol

from lastword.access.gate import Pass
from lastword.api.resp.reader import Arguments
from lastword.api.resp.service import Service
from lastword.replication.hashing import Sums


class Line(Protocol):
    """The connection, as commands and the server see it."""

    @property
    def is_ending(self) -> bool:
        """Whether the client has ended its side."""

    def close_after_reply(self) -> None:
        """Answer what is being answered, and nothing more."""

    def abort(self) -> None:
        """Cut the connection off."""

    def drain(self) -> None:
        """Answer what is being answered, then close."""

    def sweep(self, now: float) -> None:
        """Give up on a client that keeps the server waiting; `now` is the loop's time."""

    def held_bytes(self) -> tuple[int, int]:
        """Return how many bytes wait for the rest of a command, and for the client."""


@dataclass(slots=True)
class Session:
    """One client's.

    `queue` has the commands since MULTI, None outside; `queued_bytes` how many bytes these have;
    `aborted` says that one of them could not be queued. `watched` has for each watched name what
    its sums were. `muted` is what CLIENT REPLY asked for: on, off, or skip for one reply.
    `admitted` is the pass of the token that it showed. `in_exec`: EXEC is at work, where nothing
    waits. `wrote` is the number of its last write in this node's log, 0 before the first. Times
    are the loop's.
    """

    service: Service
    roster: Roster
    line: Line
    id: int
    peer: str = ""
    host: str = ""
    here: str = ""
    version: int = 2
    name: bytes = b""
    library: bytes = b""
    library_version: bytes = b""
    admitted: Pass | None = None
    queue: list[Arguments] | None = None
    queued_bytes: int = 0
    aborted: bool = False
    watched: dict[bytes, Sums] = field(default_factory=dict)
    muted: str = "on"
    in_exec: bool = False
    wrote: int = 0
    began_s: float = 0.0
    active_s: float = 0.0
    commands: int = 0
    last_command: str = "NULL"

    def reset(self) -> None:
        """Be as a new connection is."""
        self.leave_transaction()
        self.version = 2
        self.admitted = None
        self.name = b""
        self.muted = "on"

    def abort_transaction(self) -> None:
        """Let EXEC be refused; what was queued is not needed for that."""
        self.queue, self.aborted = [], True

    def leave_transaction(self) -> None:
        """Forget the queue, and what was watched."""
        self.queue, self.queued_bytes, self.aborted = None, 0, False
        self.watched.clear()


class Roster:
    """The sessions of one server."""

    def __init__(self) -> None:
        self._sessions: dict[int, Session] = {}
        self._last_id = 0
        self._all_lost = asyncio.Event()

    def __len__(self) -> int:
        return len(self._sessions)

    @property
    def sessions(self) -> list[Session]:
        """All that there are now."""
        return list(self._sessions.values())

    def next_id(self) -> int:
        """Return an id that no connection had."""
        self._last_id += 1
        return self._last_id

    def add(self, session: Session) -> None:
        """Take in a connection that has begun."""
        self._sessions[session.id] = session
        session.service.counted.clients = len(self._sessions)

    def lose(self, session: Session) -> None:
        """Forget a connection that has ended."""
        self._sessions.pop(session.id, None)
        session.service.counted.clients = len(self._sessions)
        if not self._sessions:
            self._all_lost.set()

    async def all_lost(self) -> None:
        """Wait until no connection is left."""
        while self._sessions:
            self._all_lost.clear()
            await self._all_lost.wait()
