"""Measures how far members are behind, from what their frames tell; it changes no state.

A survey of nothing but the root, sent as a member, asks whether both hold the same: a few hundred
bytes each way. docs/PROTOCOL.md, "The survey".
"""

from lastword.replication.digests import salt_of
from lastword.replication.entries import Cursor
from lastword.replication.frames import Frame, Log, SurveyBody, Surveyed, survey_body
from lastword.replication.peers import Peer, PeerBook
from lastword.replication.port import State


class Gauge:
    """Keeps the `lag` of every peer as it is known."""

    def __init__(self, state: State, peers: PeerBook) -> None:
        self._state = state
        self._peers = peers

    def survey(self, address: str, nonce: int) -> SurveyBody:
        """Return what asks a member for the root of what it holds; the answer is waited for."""
        lag = self._peers.peer(address).lag
        lag.nonce, lag.root = nonce, salt_of(nonce).root(self._state.sums())
        return survey_body(nonce, ())

    def hear(self, frame: Frame, address: str, now_us: int) -> None:
        """Note what a frame of a member tells, after all else of it was taken in."""
        if frame.log is not None:
            self._hear_log(frame, frame.log, address, now_us)
        if frame.surveyed is not None:
            self._hear_root(frame, frame.surveyed, address, now_us)

    def hear_holding(self, frame: Frame, peer: Peer) -> None:
        """Note what the sender says of this node's writes: it has read them here, or covers them.

        A cursor is stored with its page, and a vector covers only what is held.
        """
        run, numbers = self._state.run, list[int]()
        if frame.pull is not None:
            cursor = Cursor(*frame.pull.cursor)
            numbers = [frame.pull.seen.get(run, 0), cursor.number if cursor.run == run else 0]
        if frame.page is not None and frame.page.seen is not None:
            numbers.append(frame.page.seen.entries.get(run, 0))
        if numbers:
            peer.says_it_holds(frame.run, run, max(numbers))

    def _hear_log(self, frame: Frame, log: Log, address: str, now_us: int) -> None:
        peer, own = self._peers.peer(address), self._state.seen
        is_same = log.seen_hash == own.state.hash
        cursor = self._state.cursor(address)
        is_read = log.seen_hash == peer.taken.hash and log.head == cursor.head
        read = cursor.number if cursor.run == frame.run else 0
        unread = max(1, log.head - read)
        peer.lag.tell(is_level=is_same or is_read, unread=unread, now_us=now_us)
        peer.lag.report(peer.report.entries, own, now_us, all_of=is_same)

    def _hear_root(self, frame: Frame, surveyed: Surveyed, address: str, now_us: int) -> None:
        """Note whether a member holds the same, if that can be told of two that are written to.

        They differ where both cover the same, and have collected the same, and do not hold it.
        """
        state, lag = self._state, self._peers.peer(address).lag
        if surveyed.root in {lag.root, salt_of(lag.nonce).root(state.sums())}:
            lag.compare(equal=True, now_us=now_us)
            return
        collected = frame.fence.collected if frame.fence else 0
        both_cover = frame.log is not None and frame.log.seen_hash == state.seen.state.hash
        if both_cover and collected == state.collected.state.hash:
            lag.compare(equal=False, now_us=now_us)
