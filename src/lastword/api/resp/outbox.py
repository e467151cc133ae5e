"""Replies on their way to one client: encoded, gathered, held back while it does not read."""

import asyncio
from collections import deque
from typing import Any

from lastword.api.http.outlet import Outlet
from lastword.api.resp import replies
from lastword.api.resp.replies import Gathered, Raw
from lastword.api.resp.service import Service
from lastword.api.resp.session import Session
from lastword.errors import LastwordError


class Outbox(Outlet):
    """Writes to one transport. A long reply waits here, in pieces, for the client to take it.

    It promises that only one long reply waits: while `is_full` nothing more is to be put.
    """

    __slots__ = ("_backlog", "_backlog_bytes", "_service", "_session")

    def __init__(self, service: Service, session: Session, transport: asyncio.Transport) -> None:
        super().__init__(transport)
        self._service = service
        self._session = session
        self._backlog: deque[bytes] = deque()
        self._backlog_bytes = 0

    @property
    def is_full(self) -> bool:
        """Whether the client should take something first."""
        return self.choked or bool(self._backlog)

    def reply(self, value: Any) -> None:
        """Answer one command, unless the client does not want to hear it."""
        session = self._session
        if isinstance(value, LastwordError):
            self._service.counted.errors += 1
        if session.muted != "on":
            unanswered = type(value) is Raw and not value  # CLIENT REPLY itself
            if not unanswered and session.muted != "off":
                session.muted = "on"
            return
        try:
            if isinstance(value, Gathered) and value.size > replies.CHUNK_BYTES:
                pieces = list(value.encoded(session.version))
                self._backlog += pieces
                self._backlog_bytes += sum(map(len, pieces))
                self.write_backlog()
            else:
                self.put(replies.encode(value, session.version))
        except Exception as error:  # noqa: BLE001 - reported, and answered as a fault of ours
            self.put(replies.error(self._service.told(error)))

    def reply_each(self, found: list[bool]) -> None:
        """Answer one lookup after another."""
        if self._session.muted == "on":
            self.put(b"".join([replies.FOUND[here] for here in found]))
        else:
            for here in found:
                self.reply(here)

    def write_backlog(self) -> None:
        """Write of a long reply what the client takes."""
        while self._backlog and not self.choked:
            piece = self._backlog.popleft()
            self._backlog_bytes -= len(piece)
            self.put(piece)
            self.flush()

    def unsent_bytes(self) -> int:
        """Return how much waits for the client."""
        return self._backlog_bytes + super().unsent_bytes()

    def sent_bytes(self) -> int:
        """Return how much the kernel has taken."""
        return self._written - super().unsent_bytes()
