"""Two stores that compare, message by message and as bytes; and states for them to hold."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random

from lastword.crdt.stamp import pack
from lastword.replication import frames
from lastword.replication.comparison import Comparison, Reply, Step, answer_step
from lastword.replication.entries import Entry, SetDigest
from lastword.replication.frames import (
    Frame,
    Log,
    compare_body,
    compared_body,
    reply_of,
    step_of,
)
from lastword.store.base import BaseStore
from lastword.store.operations import Merge
from tests.stores import START_US, stamps

ADDRESS = "127.0.0.1:40001"
STEPS_MAX = 5_000
State = dict[tuple[bytes, bytes], int]


def nothing(_: object) -> None:
    """Let a talk go on."""


@dataclass
class Talk:
    """A comparison that `initiator` begins with `responder`. Every message travels as bytes.

    `between` is called before each message is made; `after_step` with each step that arrived.
    """

    initiator: BaseStore
    responder: BaseStore
    nonce: int = 1
    between: Callable[[], None] = lambda: None
    on_step: Callable[[Step], None] = nothing
    on_reply: Callable[[Reply], None] = nothing
    messages: list[int] = field(default_factory=list)
    repairs: list[int] = field(default_factory=lambda: [0, 0])
    suspects: list[set[SetDigest]] = field(default_factory=lambda: [set(), set()])
    waiting_max: int = 0

    def __post_init__(self) -> None:
        self.comparison = Comparison(ADDRESS, 0, self.nonce)

    def run(self) -> Comparison:
        """Talk to the end."""
        for _ in self.steps():
            pass
        return self.comparison

    def steps(self) -> Iterator[Step]:
        """Yield each step after it was answered."""
        for _ in range(STEPS_MAX):
            step = self.next_step()
            self.comparison.take(self.answered(step))
            yield step
            if self.comparison.is_over:
                self.suspects[0] |= self.comparison.suspects
                return
        raise AssertionError("a comparison does not end")

    def next_step(self) -> Step:
        """Return the initiator's next step, as it arrives."""
        self.between()
        with self.initiator.reading():
            step = self.comparison.next_step(self.initiator)
        waiting = len(self.comparison._to_answer) + len(self.comparison._to_send)
        self.waiting_max = max(self.waiting_max, waiting)
        speaks = self.comparison.turn == 1
        log = Log(self.initiator.log_end, self.initiator.seen.state.hash) if speaks else None
        frame = Frame(
            self.initiator.options.wall(),
            self.initiator.run,
            ADDRESS if speaks else "",
            log,
            compare=compare_body(step),
        )
        compare = self._travelled(frame).compare
        assert compare is not None
        arrived = step_of(compare)
        assert arrived == step
        self.on_step(arrived)
        return arrived

    def answered(self, step: Step) -> Reply:
        """Return the responder's answer to a step, as it arrives, its entries applied."""
        self.between()
        self._apply(1, step.entries)
        with self.responder.reading():
            reply = answer_step(self.responder, step, self.suspects[1])
        log = Log(self.responder.log_end, self.responder.seen.state.hash)
        frame = Frame(
            self.responder.options.wall(),
            self.responder.run,
            log=None if step.root is None else log,
            compared=compared_body(reply),
        )
        compared = self._travelled(frame).compared
        assert compared is not None
        arrived = reply_of(compared)
        assert arrived == reply
        self.on_reply(arrived)
        self._apply(0, arrived.entries)
        return arrived

    def _apply(self, side: int, entries: list[Entry]) -> None:
        if entries:
            store = (self.initiator, self.responder)[side]
            self.repairs[side] += store.apply_entries(tuple(entries)).repairs

    def _travelled(self, frame: Frame) -> Frame:
        data = frames.encode(frame)
        self.messages.append(len(data))
        return frames.decode(data)


def joined(*stores: BaseStore) -> State:
    """Return what stores should hold once each has all of the others."""
    together: State = {}
    for store in stores:
        for name, stamp in stamps(store).items():
            together[name] = max(stamp, together.get(name, -1))
    return together


def fill(store: BaseStore, state: State) -> None:
    """Write a state into a store, a transaction for each set."""
    sets: dict[bytes, dict[bytes, int]] = {}
    for (set_name, element), stamp in state.items():
        sets.setdefault(set_name, {})[element] = stamp
    for set_name, elements in sets.items():
        store.execute(Merge(set_name, elements))


def random_state(rng: Random, sets: int, elements: int, *, longest: int = 24) -> State:
    """Return up to `elements` random entries in `sets` sets, of which a quarter are removed.

    Times are few, so that states drawn alike meet in elements, in stamps and in ties.
    """
    state: State = {}
    for _ in range(elements if sets else 0):
        set_name = b"set %d" % int(sets * rng.random() ** 2)
        length = 0 if rng.random() < 0.01 else rng.randrange(1, longest + 1)
        element = (b"%d " % rng.randrange(2 * elements)).ljust(length, b".") if length else b""
        time_us = START_US - rng.randrange(3)
        state[set_name, element] = pack(time_us, removed=rng.random() < 0.25)
    return state


def numbered_state(count: int, set_name: bytes = b"set", *, size: int = 0) -> State:
    """Return so many entries of one set, of at least `size` bytes each."""
    stamp = pack(START_US, removed=False)
    return {(set_name, (b"%d" % index).ljust(size, b".")): stamp for index in range(count)}
