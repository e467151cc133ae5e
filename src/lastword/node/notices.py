"""What a node's log says of its replica: a copy as it goes on, and what needs an operator."""

import logging

from lastword.replication.fence import Standing
from lastword.replication.status import Status

logger = logging.getLogger(__name__)

PROGRESS_ENTRIES = 100_000
"""Entries of a copy between two lines: some seconds."""


WAITED_ROUNDS = 50
"""Some seconds: how it stands to its members a node knows after two or three rounds."""


class Notices:
    """Takes the status after each round, and logs what is new in it."""

    def __init__(self) -> None:
        self.status = Status()
        self._told = 0
        self._waited = 0

    def take(self, status: Status) -> None:
        """Log what changed since the last status; keep this one."""
        before, self.status = self.status, status
        self._log_copy(before, status)
        self._log_waiting(status)
        if status.members_lapsed > before.members_lapsed:
            gone = {member.address for member in before.members}
            gone -= {member.address for member in status.members}
            logger.warning("unlisted after a long silence: %s", ", ".join(sorted(gone)))
        for address in sorted(_apart(status) - _apart(before)):
            logger.warning(
                "this node and %s are behind each other, and neither gives way: "
                "lastword rejoin lets one of them copy the other",
                address,
            )

    def _log_copy(self, before: Status, status: Status) -> None:
        self._log_end_of_copy(before, status)
        if status.source is not None and status.source != before.source:
            self._told = status.copied
            if status.copied:
                logger.warning("goes on with its copy of %s, and serves on", _progress(status))
            elif status.is_damaged:
                logger.warning(
                    "damaged: makes its file anew as a copy of %s, and serves on what is sound",
                    status.source,
                )
            else:
                logger.warning(
                    "behind %s: begins afresh as a copy of it, and serves on", status.source
                )
        if status.copied - self._told >= PROGRESS_ENTRIES:
            self._told = status.copied
            logger.warning("copies %s", _progress(status))

    def _log_waiting(self, status: Status) -> None:
        """Say once that a damaged node finds nobody to copy."""
        if not status.is_damaged or status.source is not None:
            self._waited = 0
            return
        self._waited += 1
        if self._waited == WAITED_ROUNDS:
            logger.error(
                "damaged, and no member answers that could be copied: waits for one, and serves "
                "on what is sound; lastword rebuild -d FILE, when it is stopped, saves what it can"
            )

    def _log_end_of_copy(self, before: Status, status: Status) -> None:
        """Say how a copy ended; one may have begun and ended between two rounds."""
        if status.copies_finished > before.copies_finished:
            source = before.source or "another member"
            logger.warning("has begun afresh: what it holds is a copy of %s now", source)
        elif before.source is not None and status.source != before.source:
            logger.warning("the copy of %s was given up, and nothing has changed", before.source)


def _progress(status: Status) -> str:
    return f"{status.source}: {status.copied:,} entries, {status.copied_percent} % of its log"


def _apart(status: Status) -> set[str]:
    return {member.address for member in status.members if member.standing is Standing.APART}
