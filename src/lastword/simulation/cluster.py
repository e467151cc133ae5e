"""The simulated world: nodes, messages and faults on one heap of events, from one seed."""

import heapq
from collections.abc import Iterable
from dataclasses import fields
from random import Random

from lastword.crdt.stamp import pack
from lastword.errors import FutureTime
from lastword.replication import frames
from lastword.replication.hashing import DIGEST_KEY_DEFAULT
from lastword.replication.membership import Identity
from lastword.replication.replica import Replica, Send
from lastword.replication.settings import ReplicaSettings
from lastword.simulation.disk import SimulatedDisk, SimulatedStore
from lastword.simulation.node import Action, SimulatedNode
from lastword.simulation.oracle import Oracle, Violated, uncovered
from lastword.simulation.settings import SECOND_US, Met, SimulationSettings
from lastword.store.base import StoreOptions
from lastword.store.operations import PEERS_SET, Merge, Write

EPOCH_US = 1_700_000_000_000_000
TIES_US = 20 * SECOND_US
"""Times that clients give are multiples of this, so that adds and removes of one time meet."""


class Cluster:
    """A cluster under faults. `run` plays it to the end and raises Violated where it is wrong."""

    def __init__(self, settings: SimulationSettings, seed: int) -> None:
        self.settings = settings
        self.rng = Random(seed)  # noqa: S311 - repeatable on purpose
        self.met = Met()
        self.now_us = 0
        self.oracle = Oracle()
        self._events: list[tuple[int, int, Action]] = []
        self._sequence = 0
        self._faulty = True
        self._cut: set[tuple[str, str]] = set()
        skew = settings.skew_us
        self.nodes = {
            f"n{index}:1": SimulatedNode(f"n{index}:1", self.rng.randint(-skew, skew))
            for index in range(settings.nodes)
        }

    # -- the run

    def run(self) -> Met:
        """Play the run: load and faults, then quiet until all agree."""
        for node in self.nodes.values():
            self._start(node)
        self._plan_load()
        self._plan_faults()
        self._play_until(self.settings.duration_us)
        self._heal()
        deadline = self.now_us + self.settings.settle_us
        while not self._is_settled():
            if self.now_us >= deadline:
                raise Violated(f"not converged {self.settings.settle_us} us after the last fault")
            self._play_until(self.now_us + 5 * SECOND_US)
        self.oracle.check_end(self._stores(), PEERS_SET)
        for node in self.nodes.values():
            self._gather(node)
        return self.met

    def _is_settled(self) -> bool:
        stores = self._stores()
        return (
            len(stores) == len(self.nodes)
            and self.oracle.is_converged(stores)
            and not any(map(uncovered, stores))
        )

    def _stores(self) -> list[SimulatedStore]:
        return [node.store for node in self.nodes.values() if node.store is not None]

    def _play_until(self, until_us: int) -> None:
        while self._events and self._events[0][0] <= until_us:
            self.now_us, _, action = heapq.heappop(self._events)
            action()
        self.now_us = until_us

    def _at(self, delay_us: int, action: Action) -> None:
        self._sequence += 1
        heapq.heappush(self._events, (self.now_us + delay_us, self._sequence, action))

    def _between(self, bounds: tuple[int, int]) -> int:
        return self.rng.randint(*bounds)

    # -- nodes

    def _start(self, node: SimulatedNode) -> None:
        settings = self.settings
        options = StoreOptions(
            wall=lambda: EPOCH_US + self.now_us + node.skew_us,
            new_run=lambda: self.rng.getrandbits(63),
            page_rows=settings.page_rows,
        )
        node.store = node.disk.open(options, self.oracle)
        self.oracle.check_all(node.store)
        node.replica = Replica(
            node.store,
            Identity(default=node.address, contacts=(self._contact(node),)),
            ReplicaSettings(
                full_interval_us=settings.full_interval_us,
                orphan_us=settings.orphan_us,
                slow_us=settings.interval_us,
                redot_interval_us=settings.interval_us * 10,
            ),
            options.wall,
        )
        node.starts += 1
        self._tick(node, node.starts)

    def _contact(self, node: SimulatedNode) -> str:
        """Return whom a node is told of: one before it, so that nobody is out of all reach."""
        addresses = list(self.nodes)
        index = addresses.index(node.address)
        return self.rng.choice(addresses[:index] or addresses[1:])

    def _tick(self, node: SimulatedNode, start: int) -> None:
        if node.replica is None or node.starts != start:
            return
        self._send_all(node, node.replica.tick(self.now_us, self.rng))
        pause_us = int(self.settings.interval_us * self.rng.uniform(0.8, 1.2))
        self._at(pause_us, lambda: self._tick(node, start))

    def _crash(self, node: SimulatedNode) -> None:
        if node.store is None or node.replica is None:
            return
        self.met.crashes += 1
        self.met.unflushed_lost += len(node.store.unflushed)
        self.met.walks_broken_off += any(
            other.replica is not None and other.replica.awaited == node.address
            for other in self.nodes.values()
        )
        self.oracle.forget(node.store.unflushed, node.store.run)
        self._gather(node)
        node.store = node.replica = None
        node.held.clear()
        if self.rng.random() < self.settings.wiped:
            self._wipe(node)
        bounds = self.rng.choice((self.settings.down_us, self.settings.long_down_us))
        self._at(self._between(bounds), lambda: self._restart(node))

    def _wipe(self, node: SimulatedNode) -> None:
        """Lose the whole disk; the node comes back with an empty one."""
        self.met.wiped += 1
        others = [other.disk.stable for other in self.nodes.values() if other is not node]
        node.disk = SimulatedDisk(DIGEST_KEY_DEFAULT)
        self.oracle.doubt(others)

    def _restart(self, node: SimulatedNode) -> None:
        if node.store is None:
            self._start(node)

    def _gather(self, node: SimulatedNode) -> None:
        """Add up what the replica of a node came to, before it is gone."""
        if node.replica is not None:
            for at in fields(self.met):
                grown = getattr(self.met, at.name) + getattr(node.replica.counters, at.name, 0)
                setattr(self.met, at.name, grown)

    def _after_flush(self, node: SimulatedNode, action: Action) -> None:
        """Hold what others may hear of until all that was done is flushed; a crash drops it."""
        node.held.append(action)
        if len(node.held) == 1:
            start = node.starts
            self._at(self._between(self.settings.flush_us), lambda: self._flush(node, start))

    def _flush(self, node: SimulatedNode, start: int) -> None:
        if node.store is None or node.starts != start:
            return
        node.store.flush()
        held, node.held = node.held, []
        for action in held:
            action()

    # -- messages

    def _send_all(self, node: SimulatedNode, sends: Iterable[Send]) -> None:
        for send in sends:
            self._after_flush(node, lambda send=send: self._request(node, send))  # type: ignore[misc]  # mypy cannot type a lambda's default

    def _request(self, node: SimulatedNode, send: Send) -> None:
        data = frames.encode(send.frame)
        start = node.starts
        answered: list[bool] = []
        self._at(
            self.settings.timeout_us,
            lambda: None if answered else self._silence(node, send.address, start),
        )
        for _ in range(self._copies(node.address, send.address)):
            self._at(
                self._delay(),
                lambda: self._deliver(node, send.address, data, start, answered),
            )

    def _deliver(
        self, asker: SimulatedNode, address: str, data: bytes, start: int, answered: list[bool]
    ) -> None:
        node = self.nodes[address]
        if node.replica is None or (asker.address, address) in self._cut:
            return
        reply = frames.encode(node.replica.receive(frames.decode(data), self.now_us))
        self._after_flush(node, lambda: self._send_reply(node, asker, reply, start, answered))

    def _send_reply(
        self,
        node: SimulatedNode,
        asker: SimulatedNode,
        data: bytes,
        start: int,
        answered: list[bool],
    ) -> None:
        for _ in range(self._copies(node.address, asker.address)):
            self._at(
                self._delay(),
                lambda: self._receive_reply(asker, node.address, data, start, answered),
            )

    def _receive_reply(
        self, asker: SimulatedNode, address: str, data: bytes, start: int, answered: list[bool]
    ) -> None:
        if asker.replica is None or asker.starts != start or (address, asker.address) in self._cut:
            return
        answered.append(True)
        self._send_all(asker, asker.replica.answer(address, frames.decode(data), self.now_us))

    def _silence(self, node: SimulatedNode, address: str, start: int) -> None:
        if node.replica is not None and node.starts == start:
            self._send_all(node, node.replica.silence(address, self.now_us))

    def _delay(self) -> int:
        """Return how long a copy is under way; half of them are counted as delayed."""
        delay_us = self._between(self.settings.delay_us)
        self.met.delayed += 2 * delay_us > sum(self.settings.delay_us)
        return delay_us

    def _copies(self, source: str, target: str) -> int:
        """Return how many copies of a message arrive."""
        self.met.messages += 1
        if (source, target) in self._cut:
            self.met.cut += 1
            return 0
        if not self._faulty:
            return 1
        if self.rng.random() < self.settings.loss:
            self.met.lost += 1
            return 0
        if self.rng.random() < self.settings.duplicate:
            self.met.duplicated += 1
            return 2
        return 1

    # -- load and faults

    def _plan_load(self) -> None:
        """Spread the writes in bursts, so that logs have many pages when a walk is broken off."""
        for _ in range(self.settings.writes // 10):
            at_us = self.rng.randrange(self.settings.duration_us)
            address = self.rng.choice(list(self.nodes))
            self._at(at_us, lambda address=address: self._burst(self.nodes[address]))  # type: ignore[misc]  # mypy cannot type a lambda's default

    def _burst(self, node: SimulatedNode) -> None:
        for _ in range(10):
            self._write(node)

    def _write(self, node: SimulatedNode) -> None:
        """Write by one of the ways that a client has: now, at an older time, or as a merge."""
        if node.store is None:
            return
        set_name = b"s%d" % self.rng.randrange(self.settings.sets)
        element = b"e%d" % self.rng.randrange(self.settings.elements)
        elements = (element,)
        removed = self.rng.random() < 0.4
        way = self.rng.random()
        time = EPOCH_US + self.rng.randrange(self.now_us // TIES_US + 1) * TIES_US
        if way < 0.8:
            add, remove = ((), elements) if removed else (elements, ())
            node.store.execute(Write(set_name, add, remove, time=time if way < 0.1 else None))
        else:
            self._merge(set_name, element, pack(time, removed=removed))
            return
        self._acknowledge(node, set_name, element)

    def _merge(self, set_name: bytes, element: bytes, stamp: int) -> None:
        """Merge one state into one or two nodes, as clients that were offline do."""
        for node in self.rng.sample(list(self.nodes.values()), self.rng.randint(1, 2)):
            if node.store is not None:
                try:
                    node.store.execute(Merge(set_name, {element: stamp}))
                except FutureTime:
                    continue
                self._acknowledge(node, set_name, element)

    def _acknowledge(self, node: SimulatedNode, set_name: bytes, element: bytes) -> None:
        """Tell the client, once it is flushed; from then on it must not be lost."""
        self.met.writes += 1
        stamp = node.store.stamp_of(set_name, element) if node.store else None
        self._after_flush(node, lambda: self.oracle.acknowledge(set_name, element, stamp or 0))

    def _plan_faults(self) -> None:
        settings = self.settings
        for second in range(settings.duration_us // SECOND_US):
            if self.rng.random() < settings.crashes_per_s:
                victim = self.nodes[self.rng.choice(list(self.nodes))]
                self._at(
                    second * SECOND_US,
                    lambda victim=victim: self._crash_in_the_middle(victim),  # type: ignore[misc]  # mypy cannot type a lambda's default
                )
            if self.rng.random() < settings.partitions_per_s:
                self._at(second * SECOND_US, self._partition)

    def _crash_in_the_middle(self, node: SimulatedNode) -> None:
        """Crash a node; half of the times soon after many writes, while others walk its log."""
        if self.rng.random() < 0.5:
            for _ in range(4):
                self._burst(node)
        self._at(self.rng.randrange(4 * SECOND_US), lambda: self._crash(node))

    def _partition(self) -> None:
        """Cut the cluster in two, both ways or one way, for a while."""
        self.met.partitions += 1
        addresses = list(self.nodes)
        side = set(self.rng.sample(addresses, self.rng.randint(1, len(addresses) - 1)))
        cut = {(a, b) for a in side for b in addresses if b not in side}
        if self.rng.random() < 0.7:
            cut |= {(b, a) for a, b in cut}
        self._cut |= cut
        self._at(
            self._between(self.settings.partition_us), lambda: self._cut.difference_update(cut)
        )

    def _heal(self) -> None:
        self._faulty = False
        self._cut.clear()
        for node in self.nodes.values():
            self._restart(node)
