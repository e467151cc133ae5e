"""What a node's log says of its replica: a copy as it goes on, and what needs an operator."""

import logging

from lastword.replication.fence import Standing
from lastword.replication.status import Status

logger = logging.getLogger(__name__)

PROGRESS_ENTRIES = 100_000
"""Entries of a copy between two lines: some seconds."""


class Watch:
    """Takes the status after each round, and logs what is new in it."""

    def __init__(self) -> None:
        self.status = Status()
        self._told = 0

    def take(self, status: Status) -> None:
        """Log what changed since the last status; keep this one."""
        before, self.status = self.status, status
        self._log_copy(before, status)
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
        if status.source != before.source:
            self._told = 0
            if before.source is not None:
                logger.warning("the copy of %s ended", before.source)
            if status.source is not None:
                logger.warning(
                    "behind %s: beginning afresh as a copy of it, and serving on", status.source
                )
        if status.copied - self._told >= PROGRESS_ENTRIES:
            self._told = status.copied
            logger.warning("%d entries of %s copied so far", status.copied, status.source)


def _apart(status: Status) -> set[str]:
    return {member.address for member in status.members if member.standing is Standing.APART}
