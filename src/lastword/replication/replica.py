"""A node as the protocol sees it: frames in, frames out, and a state that it keeps converged.

`tick` is called every interval, `receive` for a request of another node, `answer` for the reply
to a frame that was sent, `silence` where no reply came. A replica promises:

* it takes in one walk at a time, and has one comparison of its own under way at a time;
* it never removes a member because it does not answer;
* whatever is lost, repeated, delayed or cut short between nodes, its state stays a join of
  states, and its vector covers no more than it holds (docs/PROTOCOL.md, "Coverage").

It does no I/O and reads no clock: its state is a port, time and randomness are arguments.
"""

from typing import NamedTuple

from msgspec.structs import replace

from lastword.crdt.clock import Wall
from lastword.replication.comparisons import Comparisons
from lastword.replication.counters import Counters
from lastword.replication.entries import Cursor
from lastword.replication.frames import PROTOCOL_VERSION, Compare, Frame, Pull, furthest
from lastword.replication.membership import Identity, Membership
from lastword.replication.peers import Peer, PeerBook
from lastword.replication.port import Randomness, State
from lastword.replication.settings import ReplicaSettings
from lastword.replication.skew import Skews, Verdict
from lastword.replication.version1 import VERSION as OLD_VERSION
from lastword.replication.walks import Walks, Wish


class Send(NamedTuple):
    """A frame to send, and where to."""

    address: str
    frame: Frame


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
        self._walks = Walks(state, self.peers, settings, self.counters)
        self._comparisons = Comparisons(state, self.peers, settings, self.counters)
        self._skews = Skews(settings.max_skew_us)
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
        self._redot(now_us, rng)
        self.peers.keep(self.state.members(), now_us)
        self._skews.judge(self.state.members(), self.state.run, self._wall(), now_us)
        sends = []
        if self.settings.walks:
            sends += [self._sent(wish) for wish in self._walks.begin_round(now_us, rng)]
        if (begun := self._comparisons.begin(now_us, rng)) is not None:
            sends.append(Send(begun[0], self._frame(compare=begun[1], speaks=True)))
        return sends

    def receive(self, frame: Frame, now_us: int, version: int = PROTOCOL_VERSION) -> Frame:
        """Return the reply to another node's frame, which came in `version` of the protocol."""
        if frame.run == self.state.run:
            return self._frame(speaks=True)
        self._notice_resumption(frame)
        if frame.address:
            peer = self.peers.peer(frame.address)
            peer.heard()
            if version > OLD_VERSION:
                peer.version = version
            self._note_holding(frame, peer)
        asked = frame.page is None and self._walks.wants(frame)
        pull = self._walks.take_page(frame, frame.address, now_us)
        if asked and self._walks.awaited is None:
            pull = self._walks.pull(frame.address, now_us)
        return self._reply(frame, pull=pull)

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
        self._notice_resumption(frame)
        self._note_holding(frame, self.peers.peer(address))
        pull = self._walks.take_page(frame, address, now_us)
        compare = self._comparisons.take(frame, address, now_us)
        sends = []
        if pull or compare or frame.pull:
            sends = [Send(address, self._reply(frame, pull=pull, compare=compare))]
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

    def _note_holding(self, frame: Frame, peer: Peer) -> None:
        """Note what the sender says of this node's writes: it has read them here, or covers them.

        A cursor is stored with its page, and a vector covers only what is held.
        """
        run, numbers = self.state.run, list[int]()
        if frame.pull is not None:
            cursor = Cursor(*frame.pull.cursor)
            numbers = [frame.pull.seen.get(run, 0), cursor.number if cursor.run == run else 0]
        if frame.page is not None and frame.page.seen is not None:
            numbers.append(frame.page.seen.entries.get(run, 0))
        if numbers:
            peer.says_it_holds(frame.run, run, max(numbers))

    # -- frames

    def _go_on(self, ended: str, now_us: int) -> list[Send]:
        """Return the wish of the round's next walk, if there is one."""
        wish = self._walks.next_walk(ended, now_us)
        return [] if wish is None else [self._sent(wish)]

    def _sent(self, wish: Wish) -> Send:
        return Send(wish.address, self._frame(pull=wish.pull, speaks=True))

    def _reply(
        self, frame: Frame, *, pull: Pull | None = None, compare: Compare | None = None
    ) -> Frame:
        """Return the frame that fulfils the wishes of `frame` and carries our own."""
        compared = frame.compare and self._comparisons.answer(frame.compare)
        reply = self._frame(pull=pull, compare=compare, speaks=pull is not None)
        page, log = None, self._walks.log() if pull else None
        if frame.pull is not None:
            page, log = self._walks.page_for(frame, frame.pull)
        address = self.membership.address if page or pull else ""
        surveyed = frame.survey and self._comparisons.show(frame.survey)
        return replace(
            reply, address=address, log=log, page=page, compared=compared, surveyed=surveyed
        )

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
