"""A planned leave: others come to hold all that this node holds, then it is unlisted.

Nothing is refused meanwhile. What is covered is judged by what each member itself last said, so it
is late by a round and never early. The removal from `_peers_` is handed over like any write.
"""

from typing import NamedTuple

from lastword.replication.membership import Membership
from lastword.replication.peers import Peer, PeerBook
from lastword.replication.port import State
from lastword.replication.vectors import Vector, covers_all


class Leave(NamedTuple):
    """How far a leave is: whether this node is unlisted, and whom it waits for.

    It may be stopped when it has left and waits for nobody.
    """

    has_left: bool
    waits_for: tuple[str, ...]


class Leaving:
    """The leave of one node. `go_on` is called again until it is done."""

    def __init__(self, state: State, peers: PeerBook, membership: Membership) -> None:
        self._state = state
        self._peers = peers
        self._membership = membership
        self._held: Vector | None = None

    def go_on(self) -> Leave:
        """Unlist this node if every other member that answers holds what it held at first."""
        if self._held is None:
            self._held = dict(self._state.seen)
        waits_for = self._lacking(self._held)
        if not self._membership.has_left:
            if waits_for:
                return Leave(has_left=False, waits_for=waits_for)
            self._membership.leave()
            waits_for = self._lacking(self._held)
        return Leave(has_left=True, waits_for=waits_for)

    def _lacking(self, held: Vector) -> tuple[str, ...]:
        """Return the members that lack something; all of them, where none answers.

        Of this node's own writes all count, those since the first call too.
        """
        run, others = self._state.run, self._others()
        wanted = {**held, run: self._state.seen.get(run, 0)}
        answering = [peer for peer in others if peer.answered and not peer.failures]
        lacking = [peer for peer in answering if not covers_all(peer.report.entries, wanted)]
        return tuple(peer.address for peer in (lacking if answering else others))

    def _others(self) -> list[Peer]:
        return self._peers.listed_others(self._state.members() - {self._membership.address})
