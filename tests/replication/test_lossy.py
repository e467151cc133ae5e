"""Coverage holds whatever becomes of messages and files, and all are equal once both are well.

Messages are lost, repeated, late and overtaken; nodes are started anew, on their file, on an older
copy of it, or on another node's.
"""

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import TypeVar

import pytest

from lastword.replication import frames, knowledge
from lastword.replication.frames import Frame
from lastword.replication.membership import Identity
from lastword.replication.replica import Replica, Send
from lastword.replication.settings import ReplicaSettings
from lastword.store.operations import PEERS_SET, Write
from tests.replication.net import SETTINGS, TICK_US, A, B, C, Net, Node
from tests.stores import S, numbered, stamps

ELEMENTS = numbered(12)
NAMES = (A, B, C)
Waiting = TypeVar("Waiting")


class Weather:
    """Three nodes, and what lies on its way between them."""

    def __init__(self, net: Net, seed: int, settings: ReplicaSettings) -> None:
        self.net = net
        self.settings = settings
        self.rng = Random(seed)
        self.writes: list[tuple[int, int, bytes, int]] = []
        self.on_the_way: list[tuple[str, Send]] = []
        self.replies: list[tuple[str, str, Frame]] = []
        store = net.stores.open(A)
        store.execute(Write(PEERS_SET, add=tuple(map(str.encode, NAMES))))
        for name in NAMES:
            if name != A:
                net.stores.snapshot(A, name)
            self.start(name)

    def start(self, name: str) -> None:
        """Start a node on whatever is its file now; its memory is gone."""
        if name in self.net.stores._open:
            self.net.stores.close(name)
        store = self.net.stores.open(name, page_rows=3)
        identity = Identity(default=name)
        replica = Replica(store, identity, self.settings, self.net.stores.wall)
        self.net.nodes[name] = Node(store, replica)

    def step(self) -> None:
        """Let something happen."""
        often: list[Callable[[], None]] = [self.deliver, self.answer]
        likely: list[Callable[[], None]] = [self.write, self.tick, *often, *often, *often]
        seldom: list[Callable[[], None]] = [self.lose, self.restart, self.go_back]
        self.rng.choice(likely if self.rng.random() < 0.985 else seldom)()

    def write(self) -> None:
        store = self.net.nodes[self.rng.choice(NAMES)].store
        element, removed = self.rng.choice(ELEMENTS), self.rng.random() < 0.3
        written = (element,)
        store.execute(Write(S, remove=written) if removed else Write(S, add=written))
        self.net.stores.wall.now_us += self.rng.randrange(3)
        number = store.log_end
        self.writes.append((store.run, number, element, stamps(store)[S, element]))

    def tick(self) -> None:
        name = self.rng.choice(NAMES)
        self.pass_time()
        sends = self.net.nodes[name].replica.tick(self.net.now_us, self.net.rng)
        self.on_the_way += [(name, send) for send in sends]

    def pass_time(self) -> None:
        self.net.pass_time(self.rng.choice([1, TICK_US, 4 * TICK_US]))

    def deliver(self) -> None:
        """Let a message arrive, not the oldest perhaps, and perhaps not for the last time."""
        if not self.on_the_way:
            return
        source, send = self.taken(self.on_the_way)
        arrived = frames.decode(frames.encode(send.frame))
        reply = self.net.nodes[send.address].replica.receive(arrived, self.net.now_us)
        self.replies.append((source, send.address, frames.decode(frames.encode(reply))))

    def answer(self) -> None:
        if self.replies:
            source, address, frame = self.taken(self.replies)
            sends = self.net.nodes[source].replica.answer(address, frame, self.net.now_us)
            self.on_the_way += [(source, send) for send in sends]

    def taken(self, waiting: list[Waiting]) -> Waiting:
        index = self.rng.randrange(len(waiting))
        return waiting[index] if self.rng.random() < 0.1 else waiting.pop(index)

    def lose(self) -> None:
        """Lose a message; whoever sent it hears nothing."""
        if self.on_the_way:
            source, send = self.taken(self.on_the_way)
            sends = self.net.nodes[source].replica.silence(send.address, self.net.now_us)
            self.on_the_way += [(source, send) for send in sends]

    def restart(self) -> None:
        self.start(self.rng.choice(NAMES))

    def go_back(self) -> None:
        """Put an older copy of its file, or of another's, under a node."""
        name, kept = self.rng.choice(NAMES), f"kept {self.rng.randrange(2)}"
        if kept in self.net.stores._images and self.rng.random() < 0.5:
            self.net.stores.close(name)
            self.net.stores.snapshot(kept, name)
            self.start(name)
        else:
            self.net.stores.snapshot(name, kept)

    def calm(self) -> None:
        """Let nothing more go wrong until all is said."""
        self.on_the_way.clear()
        self.replies.clear()
        self.net.pass_time(5_000_000)
        self.net.rounds(40)

    def assert_covered(self) -> None:
        """Check that no vector promises what its node does not hold."""
        for node in self.net.nodes.values():
            seen, held = node.store.seen, stamps(node.store)
            for run, number, element, stamp in self.writes:
                if seen.get(run, 0) >= number:
                    assert held[S, element] >= stamp


@pytest.mark.slow
@pytest.mark.parametrize("small", [0, 64], ids=["asking", "telling"])
@pytest.mark.parametrize("seed", range(12))
def test_no_vector_covers_what_is_not_held_and_all_are_equal_in_the_end(
    net: Net, monkeypatch: pytest.MonkeyPatch, seed: int, small: int
) -> None:
    monkeypatch.setattr(knowledge, "TOLD_MAX", 3)
    weather = Weather(net, seed, replace(SETTINGS, small_vector_entries=small))
    for _ in range(1_500):
        weather.step()
        weather.assert_covered()
    for _ in range(2):
        weather.calm()
        weather.assert_covered()
        held = [(stamps(node.store), node.store.seen) for node in net.nodes.values()]
        assert held[0] == held[1] == held[2]
        weather.write()
