"""A node as the protocol sees it: frames in, frames out, and a state that it keeps converged.

`tick` is called every interval, `receive` for a request of another node, `answer` for the reply
to a frame that was sent, `silence` where no reply came. A replica promises:

* it takes in one walk at a time, so that its vector is current before the next one begins,
  unless a peer is slow;
* it never removes a member because it does not answer;
* whatever is lost, repeated, delayed or cut short between nodes, its state stays a join of
  states, and its vector covers no more than it holds (docs/PROTOCOL.md, "Coverage").

It does no I/O and reads no clock: its state is a port, time and randomness are arguments.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from msgspec.structs import replace

from lastword.crdt.clock import Wall
from lastword.replication.entries import Applied, Cursor
from lastword.replication.frames import (
    Frame,
    Pull,
    ScanPull,
    furthest,
    page_body,
    page_of,
    scan_body,
    scan_of,
    sums_of,
)
from lastword.replication.membership import Identity, Membership
from lastword.replication.peers import PeerBook
from lastword.replication.port import Randomness, State
from lastword.replication.vectors import dominates


@dataclass(frozen=True, slots=True)
class ReplicaSettings:
    """The periods of replication.

    `fanout`: members that a round exchanges with. More spread news in fewer rounds and cost as
    many more messages; in a cluster of up to `fanout + 1` nodes each round reaches all.
    `full_interval_us`: between two comparisons of everything with one member, the safety net.
    `slow_us`: after so long without a page, the next walk begins beside the slow one.
    `orphan_us`: the age at which a row that nobody covers gets a new dot; far above any walk.
    """

    fanout: int = 3
    full_interval_us: int = 60_000_000
    slow_us: int = 500_000
    orphan_us: int = 3_600_000_000
    redot_interval_us: int = 60_000_000


class Send(NamedTuple):
    """A frame to send, and where to."""

    address: str
    frame: Frame


@dataclass(slots=True)
class Counters:
    """What a replica did since its start; every name is a metric."""

    rounds: int = 0
    walks_begun: int = 0
    walks_finished: int = 0
    walks_from_start: int = 0
    pages_applied: int = 0
    pages_refused: int = 0
    entries_sent: int = 0
    entries_received: int = 0
    entries_changed: int = 0
    dots_adopted: int = 0
    dots_renewed: int = 0
    scans_finished: int = 0
    scans_equal: int = 0
    repairs: int = 0
    sends_failed: int = 0
    runs_begun_again: int = 0

    def note(self, applied: Applied) -> None:
        """Count what applying entries did."""
        self.entries_received += applied.received
        self.entries_changed += applied.changed
        self.dots_adopted += applied.adopted
        self.repairs += applied.repairs


@dataclass(slots=True)
class _Walk:
    address: str
    deadline_us: int


@dataclass(slots=True)
class _Scan:
    address: str
    run: int
    after: int
    deadline_us: int


class Replica:
    """The protocol's state machine for one node."""

    def __init__(
        self, state: State, identity: Identity, settings: ReplicaSettings, wall: Wall
    ) -> None:
        self.state = state
        self.settings = settings
        self.counters = Counters()
        self.peers = PeerBook(identity.contacts)
        self.membership = Membership(state, self.peers, identity)
        self._wall = wall
        self._round: deque[str] = deque()
        self._walk: _Walk | None = None
        self._scan: _Scan | None = None
        self._full_at_us: int | None = None
        self._redot_at_us: int | None = None

    @property
    def awaited(self) -> str | None:
        """The address whose next page is awaited, if any is."""
        return None if self._walk is None else self._walk.address

    # -- what the outside calls

    def tick(self, now_us: int, rng: Randomness) -> list[Send]:
        """Do what is due; return what to send. `now_us` is a monotonic time in microseconds."""
        self.membership.tick(now_us)
        self._redot(now_us, rng)
        return [*self._begin_round(now_us, rng), *self._begin_scan(now_us, rng)]

    def receive(self, frame: Frame, now_us: int) -> Frame:
        """Return the reply to another node's frame."""
        if frame.run == self.state.run:
            return self._frame()
        self._notice_resumption(frame)
        if frame.address:
            self.peers.peer(frame.address).heard()
        asked = frame.page is None and self._wants(frame)
        pull = self._take_page(frame, frame.address, now_us)
        if asked and self._walk is None:
            pull = self._pull(frame.address, now_us)
        return self._reply(frame, pull=pull)

    def answer(self, address: str, frame: Frame, now_us: int) -> list[Send]:
        """Take the reply to a frame that was sent to `address`; return what to send next."""
        self.peers.peer(address).heard()
        if frame.run == self.state.run:
            self.membership.found_self(address)
            return self._next_walk(address, now_us)
        self.membership.found_other(address)
        self._notice_resumption(frame)
        pull = self._take_page(frame, address, now_us)
        scan_pull = self._take_scan(frame, address, now_us)
        sends = []
        if pull or scan_pull or frame.pull:
            sends = [Send(address, self._reply(frame, pull=pull, scan_pull=scan_pull))]
        return sends if pull else [*sends, *self._next_walk(address, now_us)]

    def silence(self, address: str, now_us: int) -> list[Send]:
        """Note that `address` did not answer; return what to send next."""
        self.counters.sends_failed += 1
        self.peers.peer(address).failed(now_us)
        self.membership.found_silent(address)
        if self._scan is not None and self._scan.address == address:
            self._scan = None
        return self._next_walk(address, now_us)

    # -- walks

    def _begin_round(self, now_us: int, rng: Randomness) -> Iterable[Send]:
        if self._walk is not None and now_us >= self._walk.deadline_us:
            self._walk = None
        listed = self.state.members()
        self.peers.keep(listed)
        if self._walk is None and not self._round:
            self.counters.rounds += 1
            chosen, silent = self.peers.chosen(listed, fanout=self.settings.fanout, rng=rng)
            self._round.extend(peer.address for peer in chosen)
            for peer in silent:
                if now_us >= peer.next_us:
                    peer.next_us = now_us + self.settings.slow_us
                    yield Send(peer.address, self._frame(pull=self._wish(peer.address)))
        if self._walk is None:
            yield from self._next_walk(None, now_us)

    def _next_walk(self, ended: str | None, now_us: int) -> list[Send]:
        """Begin the round's next walk, if the one that ended was the one that was awaited."""
        if ended is not None and self._walk is not None and self._walk.address != ended:
            return []
        self._walk = None
        if not self._round:
            return []
        address = self._round.popleft()
        return [Send(address, self._frame(pull=self._pull(address, now_us)))]

    def _pull(self, address: str, now_us: int) -> Pull:
        """Return the wish for the next page of `address`, which is awaited from now on."""
        if self._walk is None or self._walk.address != address:
            self.counters.walks_begun += 1
        self._walk = _Walk(address, now_us + self.settings.slow_us)
        return self._wish(address)

    def _wish(self, address: str) -> Pull:
        return Pull(self.state.cursor(address), dict(self.state.seen))

    def _wants(self, frame: Frame) -> bool:
        """Return whether the sender has news: a longer log, or a vector that is not covered."""
        if not frame.address or frame.pull is None:
            return False
        cursor = self.state.cursor(frame.address)
        return frame.head != cursor.head or not dominates(self.state.seen, frame.pull.seen)

    def _take_page(self, frame: Frame, address: str, now_us: int) -> Pull | None:
        """Apply the frame's page, if it has one; return the wish for the next, if one follows."""
        if frame.page is None:
            return None
        page = page_of(frame, frame.page)
        applied = self.state.apply(page, address)
        if applied is None:
            self.counters.pages_refused += 1
            self._end_walk(address)
            return None
        self.counters.pages_applied += 1
        self.counters.walks_from_start += page.from_start
        self.counters.note(applied)
        if not applied.finished:
            return self._pull(address, now_us)
        self.counters.walks_finished += 1
        if frame.address in self.state.members():
            self.peers.peer(address).met = True
        self._end_walk(address)
        return None

    def _end_walk(self, address: str) -> None:
        if self._walk is not None and self._walk.address == address:
            self._walk = None

    # -- scans

    def _begin_scan(self, now_us: int, rng: Randomness) -> Iterable[Send]:
        """Begin to compare everything with one member that answers, when it is time."""
        if self._full_at_us is None:
            self._full_at_us = self._next_full(now_us, rng)
        if self._scan is not None and now_us >= self._scan.deadline_us:
            self._scan = None
        if now_us < self._full_at_us or self._scan is not None:
            return
        chosen, _ = self.peers.chosen(self.state.members(), fanout=1, rng=rng)
        self._full_at_us = self._next_full(now_us, rng)
        for peer in chosen:
            self._scan = _Scan(peer.address, 0, 0, now_us + 10 * self.settings.slow_us)
            yield Send(peer.address, self._frame(scan_pull=ScanPull(0, self.state.sums())))

    def _next_full(self, now_us: int, rng: Randomness) -> int:
        return now_us + int(self.settings.full_interval_us * rng.uniform(0.9, 1.1))

    def _take_scan(self, frame: Frame, address: str, now_us: int) -> ScanPull | None:
        """Apply a stretch of a scan; return the wish for the next, if this is the one awaited."""
        if frame.scan is None:
            return None
        applied = self.state.apply_scan(scan_of(frame, frame.scan))
        self.counters.note(applied)
        scan = self._scan
        if scan is None or scan.address != address or scan.run not in {0, frame.run}:
            return None
        if frame.scan.last:
            self.counters.scans_finished += 1
            self.counters.scans_equal += frame.scan.equal
            self._scan = None
            return None
        if frame.scan.reached <= scan.after:
            return None
        scan.run, scan.after = frame.run, frame.scan.reached
        scan.deadline_us = now_us + 10 * self.settings.slow_us
        return ScanPull(scan.after, self.state.sums())

    # -- upkeep

    def _redot(self, now_us: int, rng: Randomness) -> None:
        """Renew orphaned dots, each time of a random age, so that not all holders do it."""
        if self._redot_at_us is None or now_us >= self._redot_at_us:
            age_us = int(self.settings.orphan_us * rng.uniform(1.0, 2.0))
            done = self.state.redot(age_us=age_us)
            self.counters.dots_renewed += done.renewed
            pause_us = 0 if done.more else self.settings.redot_interval_us
            self._redot_at_us = now_us + pause_us

    def _notice_resumption(self, frame: Frame) -> None:
        """Begin a new run where this one was seen further than its own log goes.

        That is a machine that was resumed from a snapshot. It is a best effort.
        """
        if furthest(frame, self.state.run) > self.state.log_end:
            self.counters.runs_begun_again += 1
            self.state.begin_run()

    # -- frames

    def _reply(
        self, frame: Frame, *, pull: Pull | None = None, scan_pull: ScanPull | None = None
    ) -> Frame:
        """Return the frame that fulfils the wishes of `frame` and carries our own."""
        reply = self._frame(pull=pull, scan_pull=scan_pull)
        if frame.pull is not None:
            page = self.state.page(
                Cursor(*frame.pull.cursor), for_run=frame.run, seen=frame.pull.seen
            )
            self.counters.entries_sent += len(page.entries)
            reply = replace(reply, run=page.run, head=page.head, page=page_body(page))
        if frame.scan_pull is not None:
            scan = self.state.scan(frame.scan_pull.after, sums_of(frame.scan_pull))
            self.counters.entries_sent += len(scan.entries)
            reply = replace(reply, scan=scan_body(scan))
        return reply

    def _frame(self, *, pull: Pull | None = None, scan_pull: ScanPull | None = None) -> Frame:
        return Frame(
            wall_us=self._wall(),
            run=self.state.run,
            address=self.membership.address,
            head=self.state.log_end,
            pull=pull,
            scan_pull=scan_pull,
        )
