"""Walks over other nodes' logs: whose page is awaited, what is asked, and what is given.

A node takes in one walk at a time, so that its vector is current before the next one begins,
unless a peer is slow. docs/PROTOCOL.md, "The walk".
"""

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from msgspec.structs import replace

from lastword.errors import CorruptStore
from lastword.replication.counters import Counters
from lastword.replication.entries import Cursor
from lastword.replication.frames import Frame, Log, PageBody, Pull, Rows, page_body, page_of
from lastword.replication.knowledge import History, Vouched
from lastword.replication.peers import PeerBook
from lastword.replication.port import Randomness, State
from lastword.replication.settings import ReplicaSettings

REST_US = 10_000_000
"""After a page that could not be applied, since something here is damaged: until the file is a
copy of a member it would fail again, and others' pages need not."""


class Wish(NamedTuple):
    """A pull to send, and where to."""

    address: str
    pull: Pull


class _Walk(NamedTuple):
    """A walk whose next page is awaited."""

    address: str
    deadline_us: int


class Walks:
    """The walks of one node: the one under way, and those that the round has left."""

    def __init__(
        self, state: State, peers: PeerBook, settings: ReplicaSettings, counters: Counters
    ) -> None:
        self._state = state
        self._peers = peers
        self._settings = settings
        self._counters = counters
        self._history = History()
        self._round: deque[str] = deque()
        self._walk: _Walk | None = None
        self._rests_until_us = 0

    @property
    def awaited(self) -> str | None:
        """The address whose next page is awaited, if any is."""
        return None if self._walk is None else self._walk.address

    # -- taking

    def begin_round(self, now_us: int, rng: Randomness) -> Iterator[Wish]:
        """Begin a round, unless one is under way; probe the silent whose pause is over."""
        if self._walk is not None and now_us >= self._walk.deadline_us:
            self._walk = None
        if now_us < self._rests_until_us:
            self._round.clear()
            return
        if self._walk is None and not self._round:
            self._counters.rounds += 1
            chosen, silent = self._peers.chosen(
                self._state.members(), fanout=self._settings.fanout, rng=rng
            )
            self._round.extend(peer.address for peer in chosen)
            for peer in silent:
                if now_us >= peer.next_us:
                    peer.next_us = now_us + self._settings.slow_us
                    yield Wish(peer.address, self._wish(peer.address))
        if self._walk is None and (wish := self.next_walk(None, now_us)):
            yield wish

    def next_walk(self, ended: str | None, now_us: int) -> Wish | None:
        """Begin the round's next walk, if the one that ended was the one that was awaited."""
        if ended is not None and self._walk is not None and self._walk.address != ended:
            return None
        self._walk = None
        if not self._round:
            return None
        address = self._round.popleft()
        return Wish(address, self.pull(address, now_us))

    def pull(self, address: str, now_us: int) -> Pull:
        """Return the wish for the next page of `address`, which is awaited from now on."""
        if self._walk is None or self._walk.address != address:
            self._counters.walks_begun += 1
        self._walk = _Walk(address, now_us + self._settings.slow_us)
        return self._wish(address)

    def wants(self, frame: Frame) -> bool:
        """Return whether the sender has news: a longer log, or a vector that was not taken."""
        if not (self._settings.walks and frame.address and frame.pull and frame.log):
            return False
        taken = self._peers.peer(frame.address).taken.hash
        return frame.log.head != self._state.cursor(
            frame.address
        ).head or frame.log.seen_hash not in {taken, self._state.seen.state.hash}

    def take_page(self, frame: Frame, address: str, now_us: int) -> Pull | None:
        """Apply the frame's page, if it has one; return the wish for the next, if one follows."""
        if frame.page is None:
            return None
        if frame.page.ask:
            return self._tell_more(frame.page.ask, address, now_us)
        page = page_of(frame, frame.page)
        taken = self._peers.peer(address).taken
        taken.asks = 0
        if page.from_start and taken.ahead is not None:
            taken.forget()  # it was about a log that is not there any more
        fenced_for = frame.fence.known if frame.fence else 0
        try:
            applied = self._state.apply(page, address, fenced_for)
        except CorruptStore:  # what the page touches cannot be read here
            self._rests_until_us = now_us + REST_US
            applied = None
        if applied is None:
            self._counters.pages_refused += 1
            self._end(address)
            return None
        self._counters.pages_applied += 1
        self._counters.walks_from_start += page.from_start
        self._counters.note(applied)
        if not applied.finished:
            return self.pull(address, now_us)
        self._note_finished(frame, frame.page, address)
        return None

    def _tell_more(self, ask: list[int], address: str, now_us: int) -> Pull | None:
        """Ask anew with what the giver asked for; one that was told it gets no answer."""
        if not self._peers.peer(address).taken.ask(ask):
            self._end(address)
            return None
        return self.pull(address, now_us)

    def _note_finished(self, frame: Frame, page: PageBody, address: str) -> None:
        self._counters.walks_finished += 1
        peer = self._peers.peer(address)
        if page.seen is not None and frame.log is not None:
            vouched = Vouched(page.seen.base, page.seen.entries)
            peer.taken.take(self._state.seen, vouched, frame.log.seen_hash)
            peer.report.take(frame.run, vouched, frame.log.seen_hash, self._state.seen)
        if frame.address in self._state.members():
            peer.met = True
        self._end(address)

    def _wish(self, address: str) -> Pull:
        taken, own = self._peers.peer(address).taken, self._state.seen
        told = taken.to_tell(own, self._settings.small_vector_entries)
        cursor = self._state.cursor(address)
        return Pull(cursor, taken.hash, dict(told.entries), told.is_enough)

    def _end(self, address: str) -> None:
        if self._walk is not None and self._walk.address == address:
            self._walk = None

    # -- giving

    def log(self) -> Log:
        """Return the end of this node's log and the hash of its vector."""
        return Log(self._state.log_end, self._state.seen.state.hash)

    def page_for(self, frame: Frame, pull: Pull) -> tuple[PageBody, Log]:
        """Return the page that fulfils a pull, and what the log was when it was read."""
        own = self._state.seen
        at = own.state
        start = dict(own) if pull.is_copy and not pull.cursor[1] else None
        asker_hash = frame.log.seen_hash if frame.log else 0
        vouched = self._history.vouch(own, at, pull.taken, asker_hash)
        page = self._state.page(
            Cursor(*pull.cursor), for_run=frame.run, seen=pull.seen, vouched=vouched.entries
        )
        log = Log(page.head, at.hash)
        unknown = {entry.run for entry in page.entries} - pull.seen.keys()
        if unknown and not pull.is_enough:
            self._counters.vectors_asked += 1
            body = PageBody(frame.run, pull.cursor, 0, False, Rows(), ask=sorted(unknown))
            return body, log
        self._counters.entries_sent += len(page.entries)
        self._counters.vectors_whole += page.seen is not None and bool(
            vouched.base == 0 and vouched.entries
        )
        body = page_body(page, vouched.base)
        if pull.is_copy:
            body = replace(body, start=start, times=self._state.collected_times(body.rows.sets))
        return body, log
