"""Collection: tombstones go for good once every listed member covers their removal.

Causal stability, by what each member itself last said that it covers; and not before `grace`,
which is far above any ordinary absence. What is collected too early all the same, since
membership was other than it seemed, the fence makes harmless. docs/PROTOCOL.md, "Collection".
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from lastword.crdt.clock import Wall
from lastword.replication.counters import Counters
from lastword.replication.entries import Dot
from lastword.replication.frames import PROTOCOL_VERSION
from lastword.replication.membership import Membership
from lastword.replication.peers import Peer, PeerBook
from lastword.replication.port import State
from lastword.replication.settings import ReplicaSettings
from lastword.replication.vectors import Vector, covers

BATCH_ROWS = 1_000
"""Tombstones that are looked at in one transaction: some milliseconds of the writer."""


@dataclass(slots=True)
class _Round:
    """One going over all tombstones that are old enough, a batch at a time."""

    until: int
    stable: Vector
    reports: Mapping[str, Vector]
    after: int = 0
    collected: int = 0
    blocked: int = 0
    blocking: set[str] = field(default_factory=set)


class Collection:
    """Collects at each full interval of the wall, so that nodes do it at about the same time.

    `blocked` are the members that held something back at the last round, and since when, as wall
    microseconds.
    """

    def __init__(
        self,
        state: State,
        peers: PeerBook,
        membership: Membership,
        *,
        settings: ReplicaSettings,
        counters: Counters,
        wall: Wall,
    ) -> None:
        self.blocked: dict[str, int] = {}
        self.held_back = 0
        self._state = state
        self._peers = peers
        self._membership = membership
        self._settings = settings
        self._counters = counters
        self._wall = wall
        self._interval: int | None = None
        self._round: _Round | None = None

    def tick(self, now_us: int) -> None:
        """Begin a round when it is time; do one batch of the round under way."""
        wall_us = self._wall()
        interval = wall_us // self._settings.collect_interval_us
        if self._interval is None:
            self._interval = interval
        if interval != self._interval and self._round is None:
            self._interval = interval
            self._begin(now_us)
        if self._round is not None:
            self._go_on(self._round, wall_us)

    def old(self) -> int:
        """Return the log number up to which all is older than the grace period."""
        return self._state.number_at(self._wall() - self._settings.grace_us)

    def _begin(self, now_us: int) -> None:
        others = self._others()
        self._state.keep_reports({peer.address: peer.report.as_kept(now_us) for peer in others})
        if any(peer.version < PROTOCOL_VERSION for peer in others):
            return  # it could not tell that it is behind
        if not (self._state.may_collect or self._learn_whether(others)):
            return
        reports = {peer.address: peer.report.entries for peer in others}
        self._round = _Round(
            until=self.old(),
            stable=_least(self._state.seen, reports.values()),
            reports=reports,
        )

    def _others(self) -> list[Peer]:
        listed = self._state.members() - {self._membership.address}
        return self._peers.listed_others(listed)

    def has_met_all(self) -> bool:
        """Return whether all that this node was told of are members that it has heard out.

        One may be listed by another address than the one that this node was told.
        """
        runs = {peer.report.run for peer in self._others()} - {0}
        return all(peer.is_self or peer.run in runs for peer in self._contacts())

    def _contacts(self) -> list[Peer]:
        own = self._membership.address
        return [peer for peer in self._peers.contact_points() if peer.address != own]

    def _learn_whether(self, others: Iterable[Peer]) -> bool:
        """Return whether nobody that this node knows of has ever collected, and note it.

        A file that was born empty would else collect what its cluster does not know of. Whom it
        was told of it must know as a member, too, by that address or by another; and who calls a
        node that was told of nobody may have.
        """
        strangers = self._peers.strangers(self._state.members())
        known = [*others, *self._contacts(), *strangers]
        says_none = all(peer.theirs.says_none for peer in known if not peer.is_self)
        if not (self.has_met_all() and says_none):
            return False
        self._state.allow_collection()
        return True

    def _go_on(self, going: _Round, wall_us: int) -> None:
        done = self._state.collect(going.stable, going.after, going.until, BATCH_ROWS)
        going.after = done.reached
        going.collected += done.collected
        going.blocked += len(done.blocked)
        self._counters.tombstones_collected += done.collected
        for address, report in going.reports.items():
            if address not in going.blocking and not _covers_each(report, done.blocked):
                going.blocking.add(address)
        if going.after >= going.until:
            self._round = None
            self.held_back = going.blocked
            self.blocked = {
                address: self.blocked.get(address, wall_us) for address in sorted(going.blocking)
            }


def _least(own: Vector, reports: Iterable[Vector]) -> Vector:
    """Return what this node and every other one covers."""
    least = dict(own)
    for report in reports:
        for run, number in least.items():
            least[run] = min(number, report.get(run, 0))
    return least


def _covers_each(vector: Vector, dots: Iterable[Dot]) -> bool:
    return all(covers(vector, dot.run, dot.number) for dot in dots)
