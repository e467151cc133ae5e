"""Lapse: a member that was silent for too long is unlisted, so that collection goes on.

Only a node that hears from more than half of the listed members unlists another, so that of two
halves at most one does. Silence is counted while this node itself was up. Whoever was apart from
another for so long may have been unlisted there, and lists itself again when it hears of it.
docs/PROTOCOL.md, "Members".
"""

from collections.abc import Sequence

from lastword.replication.counters import Counters
from lastword.replication.membership import Membership
from lastword.replication.peers import Peer, PeerBook
from lastword.replication.port import State
from lastword.replication.settings import ReplicaSettings

PAUSE_US = 3_600_000_000
"""A longer gap between two ticks is no silence of others: this machine slept or was stopped. An
hour is far above any interval of rounds; of a short lapse a tenth is taken."""


class Lapse:
    """The members that were silent for longer than `lapse_us`, as one node counts it."""

    def __init__(
        self,
        state: State,
        peers: PeerBook,
        membership: Membership,
        settings: ReplicaSettings,
        counters: Counters,
    ) -> None:
        self._state = state
        self._peers = peers
        self._membership = membership
        self._lapse_us = settings.lapse_us
        self._pause_us = min(PAUSE_US, settings.lapse_us // 10)
        self._counters = counters
        self._apart: set[str] = set()
        self._ticked_us: int | None = None

    def tick(self, now_us: int) -> None:
        """Unlist who was silent for too long, if this node hears from most of the others."""
        listed = self._state.members()
        others = self._peers.listed_others(listed - {self._membership.address})
        self._forgive_pause(others, now_us)
        silent = [peer for peer in others if peer.report.silent_us(now_us) >= self._lapse_us]
        self._apart.update(peer.address for peer in silent)
        if silent and self._membership.address in listed and _hears_most(others):
            for peer in silent:
                self._lapse(peer)

    def heard(self, address: str) -> None:
        """Note that a member was heard; after so long a silence this node lists itself again."""
        if address in self._apart:
            self._apart.remove(address)
            self._membership.list_anew()

    def _lapse(self, peer: Peer) -> None:
        """Unlist a member, if a call to it has failed since this node is up."""
        if peer.failures:
            self._state.unlist_member(peer.address)
            self._counters.members_lapsed += 1

    def _forgive_pause(self, others: Sequence[Peer], now_us: int) -> None:
        gap_us = 0 if self._ticked_us is None else now_us - self._ticked_us
        self._ticked_us = now_us
        if gap_us > self._pause_us:
            for peer in others:
                silent_us = max(0, peer.report.silent_us(now_us - gap_us))
                if gap_us + silent_us >= self._lapse_us:
                    self._apart.add(peer.address)  # they may have unlisted this one
                peer.report.forgive(gap_us, now_us)


def _hears_most(others: Sequence[Peer]) -> bool:
    """Return whether this node and those that answer are more than half of all.

    A node that is listed under several addresses counts once where it answers.
    """
    answering = [peer for peer in others if peer.answered and not peer.failures]
    heard = 1 + len({peer.run or peer.address for peer in answering})
    return heard > len(others) - len(answering)
