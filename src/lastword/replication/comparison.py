"""The initiator's side of a comparison: what is still to be asked and answered, pass by pass.

It keeps the frontier, so that the responder keeps nothing: claims that wait to be sent, and
claims of the other side that wait to be answered, the newest first, so that they stay few.
"""

from dataclasses import dataclass, field

from lastword.limits import CLAIMS_MAX
from lastword.replication.answering import Answer
from lastword.replication.claims import Claim, in_order
from lastword.replication.digests import Digests, salt_of
from lastword.replication.entries import Entry, SetDigest
from lastword.replication.port import State

PASSES_MAX = 8
"""Between two busy nodes roots may never be equal; what is left is for the next time."""

IDLE_PASSES_MAX = 2
"""Passes that exchanged nothing: two in a row are not chance, but somebody's sums gone wrong."""

STEP_CLAIMS_MIN = 16
STEP_CLAIMS = 128
STEP_CLAIMS_MAX = 512
"""Claims of one step of the initiator: at the least, at first, and at the most. What was not
answered is sent again, so a step has as many as were answered before, or twice as many where all
were."""

WAITING_MAX = 16 * CLAIMS_MAX
"""Claims that wait to be answered. The newest come first, so there are at most a message's for
each of the few steps down to a list; with more the other side is at fault."""

IDLE_STEPS_MAX = 1_000
"""Steps in a row that exchanged nothing: the way down to a difference takes tens of them."""

NONCE_BITS = 63


@dataclass(frozen=True, slots=True)
class Step:
    """A message of the initiator, the `turn`-th: `root` is set to begin or to close a pass.

    `collected` are tombstones that the other side sent, and that were collected here.
    """

    turn: int
    nonce: int
    root: int | None
    after: bytes | None
    claims: list[Claim]
    entries: list[Entry]
    collected: list[Entry] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Reply:
    """The responder's answer to the step of the same `turn`."""

    turn: int
    differs: bool
    done: int
    after: bytes | None
    claims: list[Claim]
    entries: list[Entry]
    collected: list[Entry] = field(default_factory=list)


def answer_step(state: State, step: Step, suspects: set[SetDigest]) -> Reply:
    """Answer a step, whose entries were applied before; note sets whose sums look wrong."""
    salt = salt_of(step.nonce)
    digests = Digests(state)
    answer = Answer(digests, salt, len(step.claims))
    done, after = answer.answer_all(step.claims, step.after)
    differs = step.root is not None and step.root != salt.root(state.sums())
    if differs:
        answer.open()
    suspects |= digests.suspects
    return Reply(step.turn, differs, done, after, in_order(answer.claims), answer.entries)


@dataclass(slots=True)
class Comparison:
    """One comparison with the node at `address`, as its initiator sees it.

    `nonce` is that of the present pass, `run` the run that answers, once it is known.
    `exchanged` counts entries, both ways. `is_equal` says that it ended with equal roots.
    """

    address: str
    deadline_us: int
    nonce: int
    run: int | None = None
    turn: int = 0
    passes: int = 0
    exchanged: int = 0
    is_equal: bool = False
    is_over: bool = False
    suspects: set[SetDigest] = field(default_factory=set)
    _sent: list[Claim] = field(default_factory=list)
    _sent_after: bytes | None = None
    _asked_root: bool = False
    _to_send: list[Claim] = field(default_factory=list)
    _to_answer: list[tuple[Claim, bytes | None]] = field(default_factory=list)
    _window: int = field(default_factory=lambda: STEP_CLAIMS)
    _exchanged_before: int = 0
    _idle_passes: int = 0
    _exchanged_last: int = 0
    _idle_steps: int = 0

    def next_step(self, state: State) -> Step:
        """Return what to send next; a pass that has nothing left is closed by a root."""
        self.turn += 1
        if self._sent_after is not None:
            self._sent = [self._to_send.pop()]
            return Step(self.turn, self.nonce, None, self._sent_after, self._sent, [])
        digests = Digests(state)
        answer = Answer(digests, salt_of(self.nonce), len(self._to_send) + len(self._to_answer))
        self._fill(answer)
        self.suspects |= digests.suspects
        self.exchanged += len(answer.entries)
        self._sent = in_order(answer.claims)
        self._asked_root = not (self._sent or self._to_send or self._to_answer)
        root = None
        if self._asked_root:
            self.nonce += 1
            root = salt_of(self.nonce).root(state.sums())
        return Step(self.turn, self.nonce, root, None, self._sent, answer.entries)

    def take(self, reply: Reply) -> None:
        """Take in the reply to the step that was sent last, whose entries were applied."""
        self.exchanged += len(reply.entries)
        self._idle_steps = 0 if self.exchanged > self._exchanged_last else self._idle_steps + 1
        self._exchanged_last = self.exchanged
        left = self._sent[reply.done :]
        is_stuck = left and not reply.done and (reply.after or b"") <= (self._sent_after or b"")
        is_endless = self._idle_steps > IDLE_STEPS_MAX
        if is_stuck or is_endless or len(self._to_answer) + len(reply.claims) > WAITING_MAX:
            self.is_over = True  # the other side does not do its part, and never would
            return
        window = reply.done if left else 2 * self._window
        self._window = min(max(window, STEP_CLAIMS_MIN), STEP_CLAIMS_MAX)
        self._to_send += reversed(left)
        self._sent_after = reply.after if left else None
        self._to_answer += ((claim, None) for claim in reversed(reply.claims))
        if self._asked_root:
            self._end_pass(differs=reply.differs)

    def _fill(self, answer: Answer) -> None:
        """Take along claims that were not answered yet, then answer the other side's newest."""
        while self._to_send and not self._has_enough(answer):
            answer.carry(self._to_send.pop())
        waiting = self._to_answer
        while waiting and not self._has_enough(answer):
            claim, after = waiting.pop()
            done, after = answer.answer_all([claim], after)
            if not done:
                waiting.append((claim, after))

    def _has_enough(self, answer: Answer) -> bool:
        return answer.is_full or len(answer.claims) >= self._window

    def _end_pass(self, *, differs: bool) -> None:
        self._asked_root = False
        is_idle = self.passes > 0 and self.exchanged == self._exchanged_before
        self._idle_passes = self._idle_passes + 1 if is_idle else 0
        self._exchanged_before = self.exchanged
        self.is_equal = not differs
        self.passes += differs
        self.is_over = (
            self.is_equal or self.passes > PASSES_MAX or self._idle_passes >= IDLE_PASSES_MAX
        )
