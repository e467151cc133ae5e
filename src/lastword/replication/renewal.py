"""Beginning afresh: a node that is behind another copies that one, and loses nothing by it.

The copy is a walk from the start into a new file, while the old one goes on serving; then what
only the old file had is offered to the copy, and the files change places. docs/PROTOCOL.md,
"Beginning afresh".
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from lastword.errors import StoreError
from lastword.replication.counters import Counters
from lastword.replication.entries import NO_ORIGIN, CopyOrigin, Page
from lastword.replication.fence import NO_FENCE, Fence, Standing, Theirs
from lastword.replication.frames import FenceBody, Frame, Pull, page_of
from lastword.replication.peers import Peer, PeerBook
from lastword.replication.port import Copy, State
from lastword.replication.settings import ReplicaSettings
from lastword.replication.vectors import Vector, covers_all

REST_US = 600_000_000
"""Ten minutes: a copy that filled the disk would else fill it again at once, and writes of clients
would never find room."""


ASKED_MAX = 12
"""Pulls without a page, some seconds apart: a minute. A member that answers and gives none is
damaged itself, and another is copied."""

AVOIDED_US = 60_000_000
"""A minute: with nobody else it is asked again."""


class CopyPull(NamedTuple):
    """A pull of a copy, to send as a frame of `run`, and where to."""

    address: str
    run: int
    pull: Pull
    fence: FenceBody


@dataclass(slots=True)
class _Copying:
    """A copy under way: what was said of its source.

    `start` is what the source had seen when its first page was read, `theirs` what it collected,
    `collected` the hash of what this node had collected when the copy began. `heard` says that
    the source has answered since; it need not have where a copy is gone on with after a start.
    `mends` says that the copy is wanted though this node may lack nothing of its source: what it
    holds is damaged, or an operator wants it so. `asked` counts pulls since the last page.
    """

    source: str
    collected: int
    deadline_us: int
    forced: bool
    mends: bool = False
    asked: int = 0
    run: int = 0
    entries: int = 0
    start: Vector | None = None
    first_hash: int = 0
    theirs: Theirs = field(default_factory=Theirs)
    heard: bool = False

    @property
    def origin(self) -> CopyOrigin:
        """What is kept of this with the copy."""
        start = self.start or {}
        return CopyOrigin(
            self.source, start, self.first_hash, self.collected, self.forced, self.mends
        )


class Renewal:
    """The copy of one node, if one is under way."""

    def __init__(
        self, state: State, peers: PeerBook, settings: ReplicaSettings, counters: Counters
    ) -> None:
        self._state = state
        self._peers = peers
        self._settings = settings
        self._counters = counters
        self._fence = Fence(state)
        self._copying: _Copying | None = None
        self._rests_until_us = 0
        self._avoided: dict[str, int] = {}

    @property
    def source(self) -> str | None:
        """Whom this node copies, if it does."""
        return None if self._copying is None else self._copying.source

    @property
    def entries(self) -> int:
        """How many entries of the copy under way have arrived."""
        return 0 if self._copying is None else self._copying.entries

    @property
    def percent(self) -> int:
        """How much of its source's log the copy under way has read."""
        copy = self._state.copy
        if self._copying is None or copy is None:
            return 0
        cursor = copy.cursor(self._copying.source)
        return 100 * cursor.number // max(1, cursor.head)

    def tick(self, now_us: int) -> CopyPull | None:
        """Begin a copy where this node is behind; ask again where no page came.

        A copy that was left when the node ended is gone on with, if that can be.
        """
        if self._copying is None and self._state.copy is not None:
            return self._resume(self._state.copy, now_us)
        if self._copying is not None and self._state.copy is None:
            self._copying = None  # taking it over has failed
        copying = self._copying
        if copying is not None and now_us >= copying.deadline_us:
            peer = self._peers.peer(copying.source)
            if not peer.failures and copying.asked < ASKED_MAX and self._may_go_on(copying, peer):
                return self._ask(copying, now_us)
            self._avoided[copying.source] = now_us + AVOIDED_US
            self.give_up()
        if self._copying is not None or now_us < self._rests_until_us:
            return None
        self._avoided = {at: until for at, until in self._avoided.items() if now_us < until}
        if (found := self._found_ahead()) is not None:
            return self.begin(found.address, now_us, mends=self._state.is_damaged)
        return self.rebuild(None, now_us) if self._state.is_damaged else None

    def rebuild(self, source: str | None, now_us: int) -> CopyPull | None:
        """Begin to copy a member that lacks nothing, `source` or any; None where there is none.

        Where this file is damaged its list of members may be, too: a stranger who calls will do.
        """
        listed = self._state.members()
        peers = self._peers.others(listed)
        if self._state.is_damaged:
            peers += self._peers.strangers(listed)
        for peer in peers:
            if source in {None, peer.address} and self._may_mend(peer) and self.source is None:
                return self.begin(peer.address, now_us, mends=True)
        return None

    def begin(
        self, source: str, now_us: int, *, forced: bool = False, mends: bool = False
    ) -> CopyPull:
        """Begin to copy `source`; `forced` even if that one is behind this node, too.

        One that `mends` is wanted though this node is not behind.
        """
        self._counters.copies_begun += 1
        collected = self._state.collected.state.hash
        self._copying = _Copying(source, collected, now_us, forced, mends)
        self._copying.run = self._state.begin_copy().run
        return self._ask(self._copying, now_us)

    def _resume(self, copy: Copy, now_us: int) -> CopyPull | None:
        """Go on with a copy that was left, or drop it."""
        origin, collected = copy.origin, self._state.collected.state.hash
        if origin == NO_ORIGIN or origin.collected != collected:
            self._state.drop_copy()
            return None
        forced, mends = origin.forced, origin.mends
        self._copying = _Copying(origin.source, collected, now_us, forced, mends, run=copy.run)
        self._copying.start, self._copying.first_hash = origin.start, origin.first_hash
        self._copying.entries = copy.entries_held
        return self._ask(self._copying, now_us)

    def give_up(self) -> None:
        """Drop the copy, if one is under way."""
        if self._copying is not None:
            self._copying = None
            self._state.drop_copy()

    def awaits(self, frame: Frame) -> bool:
        """Return whether a frame carries a page for the copy under way."""
        copying = self._copying
        return copying is not None and frame.page is not None and frame.page.for_run == copying.run

    def take(self, frame: Frame, address: str, now_us: int) -> CopyPull | None:
        """Take in a page for the copy; return the pull for the next, if one follows.

        Where the copy is whole then, it has taken the place of what this node held. One whose
        disk fails is given up, and none is begun for REST_US.
        """
        try:
            return self._take(frame, address, now_us)
        except StoreError:
            self._rests_until_us = now_us + REST_US
            self.give_up()
            raise

    def _take(self, frame: Frame, address: str, now_us: int) -> CopyPull | None:
        copying = self._copying
        if copying is None or address != copying.source:
            return None
        page = self._admitted(copying, frame)
        if page is None:
            return None
        if self._must_begin_again(copying, from_start=page.from_start and page.cursor.number > 0):
            return self.begin(address, now_us, forced=copying.forced, mends=copying.mends)
        copy = self._state.copy
        applied = None if copy is None else copy.apply(page, address)
        if applied is None:
            return None
        self._counters.copied_entries += applied.received
        copying.entries += applied.received
        if not applied.finished:
            return self._ask(copying, now_us)
        self._finish(copying, frame.fence or NO_FENCE)
        return None

    def _admitted(self, copying: _Copying, frame: Frame) -> Page | None:
        """Return the page of a frame, if the copy may take it in as far as its sender goes."""
        theirs, body, fence = copying.theirs, frame.page, frame.fence
        self._fence.hear(theirs, fence)
        if body is None or fence is None or theirs.hash != fence.collected:
            return None  # what it collected is not known yet: asked again in its time
        if self._fence.covers(theirs) and not copying.mends:
            self.give_up()  # others brought what it lacked since
            return None
        if not copying.heard and not fence.covers and not copying.forced:
            self.give_up()
            return None
        copying.heard = True
        copying.asked = 0
        page = page_of(frame, body)
        if copying.start is None and not self._note_start(copying, page, body.start):
            return None
        return page

    def _note_start(self, copying: _Copying, page: Page, start: Vector | None) -> bool:
        """Keep, before the first page is applied, what its source had seen; False for another."""
        if page.cursor.number or start is None or self._state.copy is None:
            return False
        copying.start, copying.first_hash = start, copying.theirs.hash
        self._state.copy.keep_origin(copying.origin)
        return True

    def _must_begin_again(self, copying: _Copying, *, from_start: bool) -> bool:
        """Return whether the copy may lack what its source had, or has what that collected."""
        start = copying.start or {}
        return (
            from_start
            or self._state.collected.state.hash != copying.collected
            or not covers_all(start, copying.theirs.entries)
        )

    def _finish(self, copying: _Copying, fence: FenceBody) -> None:
        moved = copying.theirs.hash != copying.first_hash
        time = fence.collected_time if moved else 0
        self._counters.refused_entries += self._state.take_over(
            dict(copying.theirs.entries), time, fence.collected_time
        )
        self._counters.copies_finished += 1
        self._copying = None

    def _ask(self, copying: _Copying, now_us: int) -> CopyPull:
        copying.deadline_us = now_us + self._settings.patience_us
        copying.asked += 1
        copy = self._state.copy
        cursor = copy.cursor(copying.source) if copy is not None else (0, 0, 0)
        copying.theirs.knows = self._state.collected.state.hash if copying.heard else None
        fence = self._fence.body(copying.theirs, covers=True)
        pull = Pull(cursor, 0, {}, is_copy=True)
        return CopyPull(copying.source, copying.run, pull, fence)

    def _found_ahead(self) -> Peer | None:
        """Return one of those that this node is behind of, and that are not behind it.

        Where no other answers that it knows of, that may be a stranger who called: a lost disk
        that comes back knows nobody, while everybody knows its address.
        """
        listed = self._state.members()
        peers = self._peers.others(listed)
        if not any(peer.answered and not peer.failures for peer in peers):
            peers += self._peers.strangers(listed)
        for peer in peers:
            is_here = not peer.failures and not peer.is_self and peer.address not in self._avoided
            if is_here and self._may_copy(peer, forced=False):
                return peer
        return None

    def _may_go_on(self, copying: _Copying, peer: Peer) -> bool:
        if copying.mends and self._fence.covers(peer.theirs):
            return peer.theirs.standing is Standing.CLEAR
        return self._may_copy(peer, forced=copying.forced)

    def _may_mend(self, peer: Peer) -> bool:
        """Return whether a member answers, and neither of the two is behind the other."""
        is_here = peer.answered and not peer.failures and not peer.is_self
        is_clear = peer.theirs.standing is Standing.CLEAR
        return is_here and is_clear and peer.address not in self._avoided

    def _may_copy(self, peer: Peer, *, forced: bool) -> bool:
        standing = peer.theirs.standing
        if self._fence.covers(peer.theirs):
            return False  # others brought what it lacked since
        return standing is Standing.BEHIND or (forced and standing.is_behind)
