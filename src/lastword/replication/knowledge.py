"""What a node knows of another's vector, so that only what changed travels.

It is kept in memory and names vectors by their hashes, so it holds whoever serves at an address
and however often that node was started; at worst it is of no use, and a whole vector travels.
docs/PROTOCOL.md, "Vectors on the wire".
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import NamedTuple

from lastword.replication.vectors import GrowingVector, Vector, VectorState

SMALL_VECTOR_ENTRIES = 64
"""A vector of so many entries, about a kilobyte, travels whole before its hash was compared."""

TOLD_MAX = 4_096
"""Hashes of own vectors that were told and are remembered: a round tells a few at the most, so
that this reaches back for minutes; what was forgotten costs one whole vector."""


ASKED_MAX = 1_000
"""Runs that a peer asked for and that are told with every pull of a walk; more begin anew."""

ASKS_MAX = 8
"""Questions of a peer, one after another, before it gives a page."""


class Told(NamedTuple):
    """A part of a vector. Unless it `is_enough`, the peer asks for the runs that it misses."""

    entries: Vector
    is_enough: bool = True


class Vouched(NamedTuple):
    """A vector, as what is to be added to the one of hash `base`, which is 0 for none."""

    base: int
    entries: Vector


@dataclass(slots=True)
class Taken:
    """The newest vector of one peer that was taken whole.

    `hash` is its hash. `ahead` are the runs in which this node's own vector was ahead of it when
    that one was at `version`; None where nothing is known of that. `asked` are runs that the peer
    asked for meanwhile, `asks` how often it did so since its last page.
    """

    hash: int = 0
    version: int = 0
    ahead: tuple[int, ...] | None = None
    asked: dict[int, None] = field(default_factory=dict)
    asks: int = 0

    def to_tell(self, own: GrowingVector, small_entries: int) -> "Told":
        """Return what the peer should know of `own`.

        A vector of up to `small_entries` is told whole where nothing is known of the peer's; of
        a larger one only what it asked for.
        """
        if self.ahead is not None:
            return Told({run: own[run] for run in self.ahead} | own.since(self.version))
        if len(own) <= small_entries:
            return Told(dict(own))
        return Told({run: own.get(run, 0) for run in self.asked}, is_enough=False)

    def ask(self, runs: Collection[int]) -> bool:
        """Note that the peer wants these runs' entries; return whether it is to be answered.

        It is not where it was told them, or goes on asking: a page needs one question.
        """
        self.asks += 1
        if self.asks > ASKS_MAX or self.asked.keys() >= set(runs):
            return False
        if len(self.asked) > ASKED_MAX:
            self.asked.clear()
        self.asked.update(dict.fromkeys(runs))
        return True

    def forget(self) -> None:
        """Know nothing of the peer's vector any more."""
        self.hash, self.version, self.ahead = 0, 0, None

    def take(self, own: GrowingVector, vouched: Vouched, now_hash: int) -> None:
        """Note that `vouched`, which makes a vector of hash `now_hash`, was added to `own`."""
        self.asked.clear()
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
        self.ahead = tuple(
            run for run in dict.fromkeys(candidates) if own[run] > entries.get(run, 0)
        )


@dataclass(slots=True)
class History:
    """Which of its own vectors a node has told others of, by their hashes."""

    versions: dict[int, int] = field(default_factory=dict)

    def vouch(self, own: GrowingVector, state: VectorState, *known: int) -> Vouched:
        """Return `own`, at `state`, to someone who has taken the vectors of hashes `known`.

        The entries are at least as new as `state`, which is to be read before any row is.
        """
        self._remember(state)
        if state.hash in known:
            return Vouched(state.hash, {})
        version = self.versions.get(known[0])
        if version is None:
            return Vouched(0, dict(own))
        return Vouched(known[0], own.since(version))

    def _remember(self, state: VectorState) -> None:
        self.versions.pop(state.hash, None)
        self.versions[state.hash] = state.version
        if len(self.versions) > TOLD_MAX:
            del self.versions[next(iter(self.versions))]
