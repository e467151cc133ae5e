"""What a node knows of another's vector, so that only what changed travels.

It is kept in memory and names vectors by their hashes, so it holds whoever serves at an address
and however often that node was started; at worst it is of no use, and a whole vector travels.
docs/PROTOCOL.md, "Vectors on the wire".
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from lastword.replication.vectors import GrowingVector, State, Vector

SMALL_VECTOR_ENTRIES = 64
"""A vector of so many entries, about a kilobyte, travels whole before its hash was compared."""

TOLD_MAX = 4_096
"""Hashes of own vectors that were told and are remembered: a round tells a few at the most, so
that this reaches back for minutes; what was forgotten costs one whole vector."""


class Vouched(NamedTuple):
    """A vector, as what is to be added to the one of hash `base`, which is 0 for none."""

    base: int
    entries: Vector


@dataclass(slots=True)
class Taken:
    """The newest vector of one peer that was taken whole.

    `hash` is its hash. `ahead` are the runs in which this node's own vector was ahead of it when
    that one was at `version`; None where nothing is known of that.
    """

    hash: int = 0
    version: int = 0
    ahead: frozenset[int] | None = None

    def to_tell(self, own: GrowingVector) -> Vector | None:
        """Return what the peer should know of `own`; None where only the whole would do."""
        if self.ahead is not None:
            return {run: own[run] for run in self.ahead} | own.since(self.version)
        return dict(own) if len(own) <= SMALL_VECTOR_ENTRIES else None

    def take(self, own: GrowingVector, vouched: Vouched, now_hash: int) -> None:
        """Note that `vouched`, which makes a vector of hash `now_hash`, was added to `own`."""
        state = own.state
        entries = vouched.entries
        if vouched.base == 0:
            candidates = list(own)
        elif vouched.base == self.hash and self.ahead is not None:
            candidates = [*self.ahead, *own.since(self.version)]
        elif vouched.base == now_hash == state.hash:
            candidates = []
        else:
            self.hash, self.ahead = now_hash, None
            return
        self.hash, self.version = now_hash, state.version
        self.ahead = frozenset(run for run in candidates if own[run] > entries.get(run, 0))


@dataclass(slots=True)
class Told:
    """Which of its own vectors a node has told others of, by their hashes."""

    versions: dict[int, int] = field(default_factory=dict)

    def vouch(self, own: GrowingVector, state: State, *known: int) -> Vouched:
        """Return `own`, at `state`, to someone who has taken the vectors of hashes `known`.

        The entries are at least as new as `state`, which is to be read before any row is.
        """
        self._remember(state)
        if state.hash in known:
            return Vouched(state.hash, {})
        version = self.versions.get(known[0])
        return Vouched(0, dict(own)) if version is None else Vouched(known[0], own.since(version))

    def _remember(self, state: State) -> None:
        self.versions.pop(state.hash, None)
        self.versions[state.hash] = state.version
        if len(self.versions) > TOLD_MAX:
            del self.versions[next(iter(self.versions))]
