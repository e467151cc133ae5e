"""What a connection is to its client: name, protocol version, and an open transaction."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from lastword.api.resp.reader import Arguments
from lastword.replication.hashing import Sums

if TYPE_CHECKING:
    from lastword.api.resp.command import Command
    from lastword.api.resp.service import Service


class Line(Protocol):
    """The connection, as commands and the server see it."""

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

    `queue` has the commands since MULTI, None outside; `aborted` says that one of them could not
    be queued. `watched` has for each watched name what its sums were. `muted` is what CLIENT
    REPLY asked for: on, off, or skip for one reply. `in_exec`: EXEC is at
    work, where nothing waits. `wrote` is the number of its last write in
    this node's log, 0 before the first. Times are the loop's.
    """

    service: Service
    line: Line
    id: int
    peer: str = ""
    here: str = ""
    version: int = 2
    name: bytes = b""
    library: bytes = b""
    library_version: bytes = b""
    queue: list[tuple[Command, Arguments]] | None = None
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
        self.name = b""
        self.muted = "on"

    def leave_transaction(self) -> None:
        """Forget the queue, and what was watched."""
        self.queue, self.aborted = None, False
        self.watched.clear()
