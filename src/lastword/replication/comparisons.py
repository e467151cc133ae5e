"""The comparisons of one node: the one that it began, and steps of others that it answers.

docs/PROTOCOL.md, "The comparison". State changes only by entries that are applied; vectors and
cursors stay as they are.
"""

from collections.abc import Iterable
from dataclasses import replace

from lastword.replication.comparison import NONCE_BITS, Comparison, Step, answer_step
from lastword.replication.counters import Counters
from lastword.replication.digests import salt_of
from lastword.replication.entries import Entry, SetDigest
from lastword.replication.frames import (
    Compare,
    Compared,
    Frame,
    SurveyBody,
    Surveyed,
    compare_body,
    compared_body,
    looks_of,
    reply_of,
    step_of,
)
from lastword.replication.peers import Peer, PeerBook
from lastword.replication.port import Randomness, State
from lastword.replication.settings import ReplicaSettings
from lastword.replication.survey import look


class Comparisons:
    """Begins comparisons in their time, one at a time, and answers those of others."""

    def __init__(
        self, state: State, peers: PeerBook, settings: ReplicaSettings, counters: Counters
    ) -> None:
        self._state = state
        self._peers = peers
        self._settings = settings
        self._counters = counters
        self._current: Comparison | None = None
        self._next_us: int | None = None
        self._suspected: dict[bytes, SetDigest] = {}

    def begin(self, now_us: int, rng: Randomness) -> tuple[str, Compare] | None:
        """Begin to compare everything with one member that answers, when it is time."""
        if self._next_us is None:
            self._next_us = self._later(now_us, rng)
        if self._current is not None and now_us >= self._current.deadline_us:
            self._current = None
        if self._state.is_damaged:
            self._current = None
            return None
        if now_us < self._next_us or self._current is not None:
            return None
        self._next_us = self._later(now_us, rng)
        chosen = self._chosen(now_us, rng)
        if not chosen:
            return None
        self._counters.comparisons_begun += 1
        self._current = Comparison(chosen[0].address, 0, nonce=rng.getrandbits(NONCE_BITS - 1))
        return chosen[0].address, self._next_step(self._current, now_us)

    def _chosen(self, now_us: int, rng: Randomness) -> list[Peer]:
        """Return the member to compare with; without walks nobody else probes the silent."""
        chosen, silent = self._peers.chosen(self._state.members(), fanout=1, rng=rng)
        if not self._settings.walks:
            chosen += [peer for peer in silent if now_us >= peer.next_us]
            return rng.sample(chosen, min(1, len(chosen)))
        return chosen

    def answer(self, compare: Compare, fenced_for: int) -> Compared | None:
        """Return the answer to a step of another node's comparison; a damaged node gives none."""
        if self._state.is_damaged:
            return None
        step = step_of(compare)
        collected = self._apply(step.entries, step.collected, fenced_for)
        suspects: set[SetDigest] = set()
        with self._state.reading():
            reply = answer_step(self._state, step, suspects)
        self._examine(suspects)
        self._counters.entries_sent += len(reply.entries)
        return compared_body(replace(reply, collected=collected))

    def take(self, frame: Frame, address: str, now_us: int) -> Compare | None:
        """Take in the answer to a step of our own; return the next one, if one follows."""
        if frame.compared is None:
            return None
        reply = reply_of(frame.compared)
        fenced_for = frame.fence.known if frame.fence else 0
        collected = self._apply(reply.entries, reply.collected, fenced_for)
        current = self._current
        if current is None or current.address != address or current.turn != reply.turn:
            return None
        if current.run not in {None, frame.run}:
            self._current = None
            return None
        if self._state.is_damaged:
            self._current = None
            return None
        current.run = frame.run
        current.take(reply)
        if not current.is_over:
            return self._next_step(current, now_us, collected)
        self._current = None
        self._counters.comparison_passes += current.passes
        self._counters.comparisons_equal += current.is_equal
        if current.is_equal:
            self._suspected.clear()
            self._peers.peer(address).lag.compare(equal=True, now_us=now_us)
        self._counters.comparisons_unequal += not current.is_equal
        self._examine(current.suspects)
        return None

    def show(self, survey: SurveyBody) -> Surveyed | None:
        """Return what a surveyor sees here; it changes nothing. A damaged node shows nothing."""
        if self._state.is_damaged:
            return None
        looks = looks_of(survey)
        with self._state.reading():
            views = look(self._state, survey.nonce, looks)
        root = salt_of(survey.nonce).root(self._state.sums())
        return Surveyed(root, [(view.items, list(view.names)) for view in views])

    def give_up(self, address: str) -> None:
        """Drop a comparison with a node that does not answer."""
        if self._current is not None and self._current.address == address:
            self._current = None

    def _next_step(
        self, comparison: Comparison, now_us: int, collected: Iterable[Entry] = ()
    ) -> Compare:
        comparison.deadline_us = now_us + self._settings.patience_us
        with self._state.reading():
            step: Step = replace(comparison.next_step(self._state), collected=list(collected))
        self._counters.comparison_steps += 1
        self._counters.entries_sent += len(step.entries)
        return compare_body(step)

    def _apply(self, entries: list[Entry], collected: list[Entry], fenced_for: int) -> list[Entry]:
        """Take in what a message brought; return the tombstones of it that were collected here."""
        told: list[Entry] = []
        if entries:
            applied = self._state.apply_entries(tuple(entries), fenced_for)
            self._counters.note(applied)
            told = applied.collected
        if collected:
            gone = self._state.collect_too(tuple(collected), fenced_for)
            self._counters.tombstones_collected += gone
        return told

    def _later(self, now_us: int, rng: Randomness) -> int:
        return now_us + int(self._settings.full_interval_us * rng.uniform(0.9, 1.1))

    def _examine(self, suspects: Iterable[SetDigest]) -> None:
        """Add up from its rows what looked wrong before with the very same sums.

        Once may be a write between two reads, after which the sums are others; to add up a large
        set holds up all writers.
        """
        for suspect in sorted(suspects):
            if self._suspected.get(suspect.name) == suspect:
                del self._suspected[suspect.name]
                self._counters.sets_distrusted += self._state.distrust(suspect.name)
            else:
                self._suspected[suspect.name] = suspect
