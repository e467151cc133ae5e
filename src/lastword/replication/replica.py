"""A node as the protocol sees it: frames in, frames out, and a state that it keeps converged.

`tick` is called every interval, `receive` for a request of another node, `answer` for the reply
to a frame that was sent, `silence` where no reply came. A replica promises:

* it takes in one walk at a time, and has one comparison of its own under way at a time;
* it never removes a member because it does not answer;
* whatever is lost, repeated, delayed or cut short between nodes, its state stays a join of
  states, and its vector covers no more than it holds (docs/PROTOCOL.md, "Coverage").

It does no I/O and reads no clock: its state is a port, time and randomness are arguments.
"""

from contextlib import suppress
from typing import NamedTuple

from msgspec.structs import replace

from lastword.crdt.clock import Wall
from lastword.errors import CorruptStore
from lastword.replication.collection import Collection
from lastword.replication.comparisons import Comparisons
from lastword.replication.counters import Counters
from lastword.replication.fence import Fence, Theirs
from lastword.replication.frames import (
    PROTOCOL_VERSION,
    Compare,
    Compared,
    Frame,
    Log,
    PageBody,
    Pull,
    Surveyed,
    furthest,
)
from lastword.replication.gauge import Gauge
from lastword.replication.lapse import Lapse
from lastword.replication.leaving import Leaving
from lastword.replication.membership import Identity, Membership
from lastword.replication.peers import Peer, PeerBook
from lastword.replication.port import Randomness, State
from lastword.replication.renewal import CopyPull, Renewal
from lastword.replication.reports import Report
from lastword.replication.settings import ReplicaSettings
from lastword.replication.skew import Skews, Verdict
from lastword.replication.version2 import VERSION as OLD_VERSION
from lastword.replication.walks import Walks, Wish


class Send(NamedTuple):
    """A frame to send, and where to."""

    address: str
    frame: Frame


class Given(NamedTuple):
    """What of its rows a node gives in a reply, and where its log ended when they were read."""

    log: Log | None = None
    page: PageBody | None = None
    compared: Compared | None = None
    surveyed: Surveyed | None = None


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
        self.collection = Collection(
            state,
            self.peers,
            self.membership,
            settings=settings,
            counters=self.counters,
            wall=wall,
        )
        self._lapse = Lapse(state, self.peers, self.membership, settings, self.counters)
        self.leaving = Leaving(state, self.peers, self.membership)
        self._fence, self._walks, self._comparisons = self._parts()
        self._gauge = Gauge(state, self.peers)
        self._renewal = Renewal(state, self.peers, settings, self.counters)
        self._skews = Skews(settings.max_skew_us)
        for address, report in state.reports().items():
            self.peers.peer(address).report = Report.kept(report)
        self._wall = wall
        self._redot_at_us: int | None = None

    @property
    def awaited(self) -> str | None:
        """The address whose next page is awaited, if any is."""
        return self._walks.awaited

    @property
    def verdict(self) -> Verdict:
        """What was found of this node's wall at the last tick. May be read from any thread."""
        return self._skews.verdict

    def version_for(self, address: str) -> int:
        """Return the version of the protocol that is spoken with `address`."""
        return self.peers.version_with(address, self.settings.version)

    def holders(self, number: int) -> int:
        """Return how many other members are known to hold this run's writes up to `number`.

        That is what they last said, by the cursor of a pull or by their vector; so it is late by
        a round, and never early. May be called from any thread.
        """
        return self.peers.holders(self.state.members(), self.state.run, number)

    # -- what the outside calls

    def tick(self, now_us: int, rng: Randomness) -> list[Send]:
        """Do what is due; return what to send. `now_us` is a monotonic time in microseconds."""
        self.membership.tick(now_us)
        if not self.state.is_damaged:
            self._redot(now_us, rng)
            self._lapse.tick(now_us)
        self.peers.keep(self.state.members(), now_us)
        self._skews.judge(self.state.members(), self.state.run, self._wall(), now_us)
        self._fence.has_met_all = self.state.may_collect or self.collection.has_met_all()
        copying = self._renewal.tick(now_us)
        is_busy = copying is not None or self._renewal.source is not None
        if not (is_busy or self.verdict.refuses or self.state.is_damaged):
            self.collection.tick(now_us)
        sends = [self._copy_sent(pull) for pull in [copying] if pull is not None]
        if self.settings.walks:
            sends += [self._sent(wish) for wish in self._walks.begin_round(now_us, rng)]
        if (begun := self._comparisons.begin(now_us, rng)) is not None:
            frame = self._frame(compare=begun[1], speaks=True)
            sends.append(Send(begun[0], self._fenced(frame, begun[0])))
        return sends

    def receive(self, frame: Frame, now_us: int, version: int = PROTOCOL_VERSION) -> Frame:
        """Return the reply to another node's frame, which came in `version` of the protocol."""
        if frame.run == self.state.run:
            return self._frame(speaks=True)
        self._notice_resumption(frame)
        theirs = Theirs()
        if frame.address:
            peer = self.peers.peer(frame.address)
            peer.heard()
            self._note_heard(peer, now_us)
            if version > OLD_VERSION:
                peer.version = version
            self._gauge.hear_holding(frame, peer)
            theirs = peer.theirs
        frame = self._admitted(frame, theirs)
        asked = frame.page is None and self._walks.wants(frame)
        pull = self._walks.take_page(frame, frame.address, now_us)
        if frame.address:
            self._gauge.hear(frame, frame.address, now_us)
        if asked and self._walks.awaited is None:
            pull = self._walks.pull(frame.address, now_us)
        return self._reply(frame, theirs, pull=pull)

    def answer(
        self, address: str, frame: Frame, now_us: int, *, sent_us: int | None = None
    ) -> list[Send]:
        """Take the reply to a frame that was sent to `address`; return what to send next.

        `sent_us` is when that was; without it the reply says nothing of the clock there.
        """
        self.peers.peer(address).answers_as(frame.run)
        if sent_us is not None:
            self._skews.note(address, frame.run, frame.wall_us, sent_us=sent_us, now_us=now_us)
        if frame.run == self.state.run:
            self.membership.found_self(address)
            return self._go_on(address, now_us)
        self.membership.found_other(address)
        peer = self.peers.peer(address)
        self._note_heard(peer, now_us)
        if self._renewal.awaits(frame):
            return self._copy_on(address, frame, now_us)
        self._notice_resumption(frame)
        self._gauge.hear_holding(frame, peer)
        frame = self._admitted(frame, peer.theirs)
        if not peer.theirs.standing.is_clear:
            self._comparisons.give_up(address)
        pull = self._walks.take_page(frame, address, now_us)
        compare = self._comparisons.take(frame, address, now_us)
        self._gauge.hear(frame, address, now_us)
        if frame.surveyed is not None:  # as a step of a comparison, it ends no walk
            return []
        sends = []
        if pull or compare or frame.pull:
            reply = self._reply(frame, peer.theirs, pull=pull, compare=compare)
            sends = [Send(address, reply)]
        if pull or frame.compared:  # a step of a comparison ends no walk
            return sends
        return [*sends, *self._go_on(address, now_us)]

    def silence(self, address: str, now_us: int) -> list[Send]:
        """Note that `address` did not answer; return what to send next."""
        self.counters.sends_failed += 1
        self.peers.peer(address).failed(now_us)
        self.membership.found_silent(address)
        self._comparisons.give_up(address)
        return self._go_on(address, now_us)

    def refused(self, address: str, now_us: int) -> list[Send]:
        """Note that the version of a frame is not spoken at `address`; speak the one before."""
        if self.version_for(address) == OLD_VERSION:
            return self.silence(address, now_us)
        self.peers.peer(address).speak(OLD_VERSION, now_us)
        self._comparisons.give_up(address)
        return self._go_on(address, now_us)

    def probe(self, address: str, nonce: int) -> list[Send]:
        """Ask a member how its log and its digests are, beside all else; nothing changes by it.

        One that speaks an older version is not asked.
        """
        if self.version_for(address) == OLD_VERSION:
            return []
        frame = replace(self._frame(speaks=True), survey=self._gauge.survey(address, nonce))
        return [Send(address, self._fenced(frame, address))]

    # -- beginning afresh

    @property
    def source(self) -> str | None:
        """The member that this node copies, if it does."""
        return self._renewal.source

    @property
    def copied(self) -> int:
        """How many entries of the copy under way have arrived."""
        return self._renewal.entries

    @property
    def copied_percent(self) -> int:
        """How much of the log of the member that is copied has been read."""
        return self._renewal.percent

    def rejoin(self, address: str, now_us: int) -> list[Send]:
        """Copy a member that this node is behind of, even if that one is behind it, too.

        Returns nothing, having done nothing, where it is not behind, or copies that one already.
        """
        if address == self.source or not self.peers.peer(address).theirs.standing.is_behind:
            return []
        return [self._copy_sent(self._renewal.begin(address, now_us, forced=True))]

    def rebuild(self, address: str | None, now_us: int) -> list[Send]:
        """Copy a member, or any that can be copied, as it is, in place of what is held.

        Returns nothing, having done nothing, where there is none, or a copy is under way.
        """
        pull = self._renewal.rebuild(address, now_us)
        return [] if pull is None else [self._copy_sent(pull)]

    def _copy_on(self, address: str, frame: Frame, now_us: int) -> list[Send]:
        """Take a page for the copy under way; where that is whole, this node is another run."""
        run = self.state.run
        pull = self._renewal.take(frame, address, now_us)
        if self.state.run != run:
            self._begin_anew()
        return [] if pull is None else [self._copy_sent(pull)]

    def _copy_sent(self, pull: CopyPull) -> Send:
        frame = Frame(self._wall(), pull.run, log=Log(0, 0), pull=pull.pull, fence=pull.fence)
        return Send(pull.address, frame)

    def _begin_anew(self) -> None:
        """Forget what rested on the file that was held before."""
        self.peers.forget_vectors()
        self._fence, self._walks, self._comparisons = self._parts()
        self.membership.list_again()

    def _parts(self) -> tuple[Fence, Walks, Comparisons]:
        shared = (self.state, self.peers, self.settings, self.counters)
        return Fence(self.state), Walks(*shared), Comparisons(*shared)

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

    def _note_heard(self, peer: Peer, now_us: int) -> None:
        peer.report.heard(now_us)
        self._lapse.heard(peer.address)

    # -- frames

    def _go_on(self, ended: str, now_us: int) -> list[Send]:
        """Return the wish of the round's next walk, if there is one."""
        wish = self._walks.next_walk(ended, now_us)
        return [] if wish is None else [self._sent(wish)]

    def _sent(self, wish: Wish) -> Send:
        frame = self._frame(pull=wish.pull, speaks=True)
        return Send(wish.address, self._fenced(frame, wish.address))

    def _fenced(self, frame: Frame, address: str) -> Frame:
        """Return a frame for `address` with what it has to know of collection."""
        theirs = self.peers.peer(address).theirs
        return replace(frame, fence=self._fence.body(theirs, covers=self._fence.covers(theirs)))

    def _admitted(self, frame: Frame, theirs: Theirs) -> Frame:
        """Return what of a frame may be taken in or answered."""
        standing = self._fence.hear(theirs, frame.fence)
        if standing.is_clear:
            return frame
        if frame.page or frame.compare or frame.compared:
            self.counters.exchanges_fenced += 1
        pull = None if standing.is_fenced else frame.pull
        return replace(frame, page=None, compare=None, compared=None, pull=pull)

    def _reply(
        self,
        frame: Frame,
        theirs: Theirs,
        *,
        pull: Pull | None = None,
        compare: Compare | None = None,
    ) -> Frame:
        """Return the frame that fulfils the wishes of `frame` and carries our own."""
        covers = self._fence.covers(theirs)  # before any row is read
        known = frame.fence.known if frame.fence else 0
        reply = self._frame(pull=pull, compare=compare, speaks=pull is not None)
        given = Given(log=self._walks.log() if pull or frame.survey else None)
        with suppress(CorruptStore):  # it is noted, and nothing is given from then on
            given = self._given(frame, known, given)
        address = self.membership.address if given.page or pull or compare else ""
        return replace(
            reply,
            address=address,
            log=given.log,
            page=given.page,
            compared=given.compared,
            surveyed=given.surveyed,
            fence=self._fence.body(theirs, covers=covers),
        )

    def _given(self, frame: Frame, known: int, given: Given) -> Given:
        """Return what of rows a reply carries; as long as something is damaged, nothing."""
        if self.state.is_damaged:
            return given
        compared = surveyed = None
        if frame.compare is not None:
            compared = self._comparisons.answer(frame.compare, known)
        if frame.survey is not None:
            surveyed = self._comparisons.show(frame.survey)
        page, log = None, given.log
        if frame.pull is not None:
            page, log = self._walks.page_for(frame, frame.pull)
        if self.state.is_damaged:  # it was found just now
            return given
        return Given(log, page, compared, surveyed)

    def _frame(
        self, *, pull: Pull | None = None, compare: Compare | None = None, speaks: bool = False
    ) -> Frame:
        """Return a frame of this node; one that `speaks` says who it is and how its log is."""
        return Frame(
            wall_us=self._wall(),
            run=self.state.run,
            address=self.membership.address if speaks else "",
            log=self._walks.log() if speaks else None,
            pull=pull,
            compare=compare,
        )
