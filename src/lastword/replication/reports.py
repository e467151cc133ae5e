"""What each member itself last said that it covers, and how long it has been silent since."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from lastword.replication.entries import MemberReport
from lastword.replication.knowledge import Vouched
from lastword.replication.vectors import GrowingVector, Vector


@dataclass(slots=True)
class Report:
    """The vector that one member last said is its own.

    It may be older than that, and is never more than was said: collection rests on it. Silence is
    counted while this node is up, in microseconds.
    """

    run: int = 0
    hash: int = 0
    entries: Vector = field(default_factory=dict)
    _silent_us: int = 0
    _since_us: int | None = None

    @classmethod
    def kept(cls, report: MemberReport) -> "Report":
        """Return a report as a file kept it."""
        return cls(report.run, 0, report.seen, report.silent_us)

    def as_kept(self, now_us: int) -> MemberReport:
        """Return what a file keeps of it."""
        return MemberReport(self.run, self.entries, self.silent_us(now_us))

    def silent_us(self, now_us: int) -> int:
        """Return how long the member has been silent while this file was served."""
        if self._since_us is None:
            self._since_us = now_us
        return self._silent_us + now_us - self._since_us

    def forgive(self, us: int, now_us: int) -> None:
        """Take `us` off the silence: this node was not up for so long."""
        if self._since_us is not None:
            self._since_us = min(self._since_us + us, now_us)

    def heard(self, now_us: int) -> None:
        """Note that the member was heard."""
        self._silent_us, self._since_us = 0, now_us

    def take(self, run: int, vouched: Vouched, now_hash: int, own: GrowingVector) -> None:
        """Take what the member, in `run`, said of its vector, whose hash is `now_hash`.

        What it said is `vouched`, to be added to a vector that it knows this node to have had.
        """
        if vouched.base == 0:
            entries: Mapping[int, int] = vouched.entries
        elif vouched.base == self.hash and run == self.run:
            entries = {**self.entries, **vouched.entries} if vouched.entries else self.entries
        elif vouched.base == now_hash and (whole := _exactly(own, now_hash)) is not None:
            entries = whole
        else:
            return
        self.run, self.hash, self.entries = run, now_hash, entries


def _exactly(own: GrowingVector, wanted: int) -> Vector | None:
    """Return a copy of a vector that has the hash `wanted`; None where it has another.

    Another thread may grow it meanwhile, and the copy must not say more than was said.
    """
    at = own.state
    copied = dict(own)
    return copied if at.hash == wanted and own.state == at else None
