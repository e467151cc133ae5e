"""The fence: two nodes exchange only if each covers all that the other has collected.

Whoever holds an element that others removed and collected is recognised by two vectors: what a
node has `seen`, and what the other has `collected`. Each side judges by its own `seen`, which only
grows, and says so; so it is enough that the taker knows the giver's `collected` as it was after
the rows were read, and that the giver knew the taker's as it still is when they are applied.
docs/PROTOCOL.md, "The fence".
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from lastword.replication.frames import FenceBody, VouchedBody
from lastword.replication.knowledge import History
from lastword.replication.vectors import GrowingVector, covers_all


class Standing(Enum):
    """How this node stands to another.

    `UNKNOWN`: one of them does not know yet what the other collected; the next frames say it.
    `BEHIND`: this node lacks something that the other collected. `AHEAD`: the other does.
    """

    CLEAR = "clear"
    UNKNOWN = "unknown"
    BEHIND = "behind"
    AHEAD = "ahead"
    APART = "behind each other"

    @property
    def is_clear(self) -> bool:
        """Whether the two may exchange."""
        return self is Standing.CLEAR

    @property
    def is_behind(self) -> bool:
        """Whether this node is behind the other."""
        return self in {Standing.BEHIND, Standing.APART}

    @property
    def is_fenced(self) -> bool:
        """Whether it is known that the two may not exchange."""
        return self not in {Standing.CLEAR, Standing.UNKNOWN}


@dataclass(slots=True)
class Theirs:
    """What another node said of what it collected, and what it knows of ours.

    `covered` says that this node's `seen` covered it once; as long as the file is the same, it
    always will. `knows` is the hash of our `collected` that it said it has; None before it spoke.
    """

    hash: int = 0
    entries: dict[int, int] = field(default_factory=dict)
    covered: bool = True
    knows: int | None = None
    standing: Standing = Standing.UNKNOWN
    may_collect: bool = False
    has_met_all: bool = False

    @property
    def says_none(self) -> bool:
        """Whether the other node said that it may not collect, and knows of nobody who may."""
        return self.knows is not None and self.has_met_all and not self.may_collect


class Fenced(Protocol):
    """What the fence needs of a state; see port.State."""

    @property
    def seen(self) -> GrowingVector:
        """What this node covers."""

    @property
    def collected(self) -> GrowingVector:
        """What this node has collected."""

    @property
    def may_collect(self) -> bool:
        """Whether this node may collect."""

    @property
    def collected_time(self) -> int:
        """The greatest time that this node ever collected."""


class Fence:
    """The fence of one node. `has_met_all` is what it says of itself."""

    def __init__(self, state: Fenced) -> None:
        self.has_met_all = False
        self._state = state
        self._history = History()

    def covers(self, theirs: Theirs) -> bool:
        """Return whether this node covers what the other collected; read it before any row."""
        if not theirs.covered:
            theirs.covered = covers_all(self._state.seen, theirs.entries)
        return theirs.covered

    def body(self, theirs: Theirs, *, covers: bool) -> FenceBody:
        """Return what a frame says; make it after the rows that go with it were read.

        `covers` is what `covers` returned before they were.
        """
        own = self._state.collected
        at = own.state
        told = None
        if theirs.knows != at.hash and (theirs.knows is not None or at.hash):
            vouched = self._history.vouch(own, at, theirs.knows or 0)
            told = VouchedBody(vouched.base, dict(vouched.entries))
        elif at.hash:
            self._history.vouch(own, at, at.hash)
        return FenceBody(
            at.hash,
            theirs.hash,
            covers,
            told,
            self._state.may_collect,
            self.has_met_all,
            self._state.collected_time,
        )

    def hear(self, theirs: Theirs, body: FenceBody | None) -> Standing:
        """Take note of what a frame says; return how this node stands to its sender."""
        body = body or NO_FENCE
        theirs.knows = body.known
        theirs.may_collect = body.may_collect
        theirs.has_met_all = body.has_met_all
        if body.told is not None and body.told.base in {0, theirs.hash}:
            if body.told.base == 0:
                theirs.entries.clear()
            theirs.entries.update(body.told.entries)
            theirs.hash, theirs.covered = body.collected, False
        elif body.collected == 0 and theirs.hash:
            theirs.entries.clear()
            theirs.hash, theirs.covered = 0, True
        theirs.standing = self._standing(theirs, body)
        return theirs.standing

    def _standing(self, theirs: Theirs, body: FenceBody) -> Standing:
        if theirs.hash != body.collected or body.known != self._state.collected.state.hash:
            return Standing.UNKNOWN
        if self.covers(theirs):
            return Standing.CLEAR if body.covers else Standing.AHEAD
        return Standing.BEHIND if body.covers else Standing.APART


NO_FENCE = FenceBody()
"""What a node says that has collected nothing, and knows of nothing that was."""
