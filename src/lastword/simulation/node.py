"""One simulated node: a disk, and while it is up a store and a replica."""

from collections.abc import Iterable

from lastword.replication.fence import Standing
from lastword.replication.replica import Replica, Send
from lastword.simulation.chance import Chance
from lastword.simulation.disk import SimulatedStore, empty_image, without
from lastword.simulation.protocol import counted, decoded, encoded, replica_of
from lastword.simulation.settings import EPOCH_US
from lastword.simulation.timeline import Action
from lastword.simulation.turnover import Leave
from lastword.simulation.untrue import beside, raised
from lastword.simulation.world import World
from lastword.store.base import StoreOptions
from lastword.store.memory import MemoryImage
from lastword.store.operations import PEERS_SET


class _Call:
    """A request that was sent, and whether its reply came."""

    __slots__ = ("address", "answered", "sent_us", "start")

    def __init__(self, address: str, start: int, sent_us: int) -> None:
        self.address = address
        self.start = start
        self.sent_us = sent_us
        self.answered = False


class SimulatedNode:
    """A node. `starts` counts its starts, so that what belongs to an earlier one is dropped."""

    def __init__(self, index: int, world: World, disk: MemoryImage) -> None:
        self.index = index
        self.disk = disk
        self.store: SimulatedStore | None = None
        self.replica: Replica | None = None
        self.starts = 0
        self.has_vanished = False
        self._must_scrub = False
        self._world = world
        self._rng = Chance(world.seed, "node", index)
        self._held: list[tuple[Action, tuple[object, ...]]] = []
        self._armed: tuple[Action, tuple[object, ...]] | None = None
        skew = world.settings.skew_us
        self._skew_us = self._rng.between((-skew, skew))
        world.oracle.clocks.stepped(index, self._skew_us, 0)
        self.contact = self._choose_contact()
        self._nodes: list[SimulatedNode] = []

    def meet(self, nodes: "list[SimulatedNode]") -> None:
        """Take note of all nodes, itself among them, by their index."""
        self._nodes = nodes

    @property
    def image(self) -> MemoryImage:
        """What it holds now: while it is down, what its disk has."""
        return self.disk if self.store is None else self.store.image

    @property
    def is_sound(self) -> bool:
        """Whether it is up, and nothing that it holds is damaged."""
        return self.store is not None and not self.store.is_damaged

    @property
    def has_damage(self) -> bool:
        """Whether what it holds is damaged, as far as that is known, or will be by its start."""
        return self._must_scrub or bool(self.image.ledger.damage)

    # -- its life

    def start(self) -> None:
        """Start on the disk, unless it is up or gone for ever."""
        if self.store is not None or self.has_vanished:
            return
        world = self._world
        self.store = SimulatedStore(
            self._options(), self.disk, node=self.index, judge=world.oracle, time=world.timeline
        )
        self.replica = replica_of(
            self.store, world.addresses[self.index], self.contact, world.settings, self._wall
        )
        if self._must_scrub:
            self._scrub(self.store)
        self.starts += 1
        offset_us = self._rng.below(world.settings.interval_us) if self.starts == 1 else 0
        world.timeline.after(offset_us, self._tick, self.starts)

    def stop(self) -> None:
        """Stop dead: what was not flushed, and what waited for it, is gone."""
        if self.store is None:
            return
        self._world.met["unflushed lost"] += len(self.store.unflushed)
        self._world.oracle.coverage.forget(self.store.unflushed, self.store.run)
        self.gather()
        self.store = self.replica = None
        self._held.clear()
        self._world.oracle.clocks.stopped(self.index)

    def replace_disk(self, disk: MemoryImage | None) -> None:
        """Put in another disk while the node is down: an older copy, or an empty one."""
        before, self.disk = self.disk, empty_image() if disk is None else disk
        self._world.oracle.lost(self.index, before, [node.disk for node in self._nodes])

    def vanish(self) -> None:
        """Stop for ever; what its disk alone held is lost."""
        self.stop()
        self.has_vanished = True
        self.replace_disk(None)
        self._world.oracle.vanished(self.index)

    def go_on_leaving(self, fault: Leave) -> None:
        """Leave, a round at a time; stop when that is done, or when the fault is over."""
        if self.store is None or self.replica is None or self._world.now_us > fault.end_us:
            return  # it is back: what is left of its leave must not stop it again
        self._world.oracle.standings.takes_out(self.index)
        is_damaged = self.store.is_damaged  # then it has to become whole first
        leave = None if is_damaged else self.replica.leaving.go_on()
        if leave is not None and leave.has_left and not leave.waits_for:
            self._world.met["leaves done"] += 1
            self.after_flush(self.stop)
        elif self._world.now_us < fault.end_us:
            self._world.timeline.after(self._world.settings.interval_us, self.go_on_leaving, fault)

    def come_back(self) -> None:
        """Start anew after a leave, also one that was not done in time."""
        if self.replica is not None and self.replica.membership.has_left:
            self.stop()
        self.start()

    def lose_rows(self) -> None:
        """Take a third of the rows off the disk while the node is down, its vector as it was."""
        lost = sorted(self.disk.rows)[::3]
        self._world.oracle.coverage.excuse(lost)
        self._world.oracle.deletes.excuse(lost)
        if any(set_name == PEERS_SET for set_name, _ in lost):
            for node in self._nodes:  # it may collect what one that it forgot does not cover
                self._world.oracle.standings.excuse(node.index)
        self._world.oracle.acknowledged.excuse(self.index, lost)
        self.replace_disk(without(self.disk, lost, self._options()))

    def raise_stamps(self) -> None:
        """Raise stamps on the disk while the node is down; the next start scrubs it."""
        image, names = raised(self.disk)
        for name in names:
            self._world.oracle.untrue.note(name, image.rows[name].stamp)
        lost = beside(self.disk, names)
        self._world.oracle.coverage.excuse(lost)
        self._world.oracle.acknowledged.refuse(self.index, lost)
        self._world.oracle.visibility.crashed(self.index, self.disk.rows)
        self.disk = image
        self._must_scrub = True

    def _scrub(self, store: SimulatedStore) -> None:
        """Add up all sets, as a scrub does, before anything is said."""
        self._must_scrub = False
        for set_name in sorted(store.totals()):
            store.distrust(set_name)
        store.flush()

    def gather(self) -> None:
        """Add up what the replica came to, before it is gone."""
        if self.replica is not None:
            self._world.met.update(counted(self.replica))

    def after_flush(self, action: Action, *arguments: object) -> None:
        """Hold what others may hear of until all that was done is flushed; a crash drops it."""
        self._held.append((action, arguments))
        if len(self._held) == 1:
            delay_us = self._rng.between(self._world.settings.flush_us)
            self._world.timeline.after(delay_us, self._flush, self.starts)

    def _flush(self, start: int) -> None:
        if self.store is None or self.starts != start:
            return
        self.store.flush()
        held, self._held = self._held, []
        for action, arguments in held:
            action(*arguments)

    def _tick(self, start: int) -> None:
        if self.replica is None or self.starts != start:
            return
        self._send_all(self.replica.tick(self._world.now_us, self._rng))
        self._world.oracle.clocks.ticked(self.index, self.store.members() if self.store else ())
        pause_us = int(self._world.settings.interval_us * self._rng.uniform(0.9, 1.1))
        self._world.timeline.after(pause_us, self._tick, start)

    def _options(self) -> StoreOptions:
        settings = self._world.settings
        return StoreOptions(
            wall=self._wall,
            new_run=self._rng.run_id,
            page_rows=settings.page_rows,
            bucketed_entries=settings.bucketed_entries,
        )

    def _wall(self) -> int:
        return EPOCH_US + self._world.timeline.now_us + self._skew_us

    def _choose_contact(self) -> str:
        """Return whom it is told of: one before it, so that nobody is out of all reach."""
        addresses = self._world.addresses
        before = addresses[: self.index] or addresses[1:]
        return self._rng.choice(before) if before else ""

    def step_clock(self, by_us: int) -> None:
        """Let its clock step."""
        self._skew_us += by_us
        self._world.met["clocks stepped"] += 1
        self._world.oracle.clocks.stepped(self.index, self._skew_us, self._world.now_us)

    # -- messages

    def lists(self, other: "SimulatedNode") -> bool:
        """Return whether it is up, and `other` is one of its members."""
        address = self._world.addresses[other.index]
        return self.store is not None and address in self.store.members()

    def standing_to(self, other: "SimulatedNode") -> Standing:
        """Return how it believes to stand to another."""
        if self.replica is None:
            return Standing.UNKNOWN
        return self.replica.peers.peer(self._world.addresses[other.index]).theirs.standing

    def rejoin(self, source: "SimulatedNode") -> None:
        """Let it copy another, whatever it knows better."""
        if self.replica is not None:
            self._world.oracle.rejoins(self.index)
            address = self._world.addresses[source.index]
            self._send_all(self.replica.rejoin(address, self._world.now_us))

    def when_pulling(self, action: Action, *arguments: object) -> None:
        """Plan an action for when a reply of this node has asked for a page."""
        self._armed = (action, arguments)

    def forget_plans(self) -> None:
        """Drop what was planned for when it pulls."""
        self._armed = None

    def _send_all(self, sends: Iterable[Send]) -> None:
        for send in sends:
            self.after_flush(self._request, send)

    def _request(self, send: Send) -> None:
        world, target = self._world, self._nodes[self._world.index[send.address]]
        call = _Call(send.address, self.starts, world.now_us)
        world.timeline.after(world.settings.timeout_us, self._give_up, call)
        world.network.send(
            self.index,
            target.index,
            encoded(send.frame),
            lambda data: target.receive(self, call, data),
        )

    def receive(self, asker: "SimulatedNode", call: _Call, data: bytes) -> None:
        """Take a request; reply when all is flushed."""
        if self.replica is not None:
            frame, now_us = decoded(data), self._world.now_us
            if frame.address:
                self._world.oracle.standings.heard(self.index, asker.index, now_us)
            reply = encoded(self.replica.receive(frame, now_us))
            self.after_flush(self._reply, asker, call, reply)

    def _reply(self, asker: "SimulatedNode", call: _Call, data: bytes) -> None:
        self._world.network.send(
            self.index, asker.index, data, lambda data: asker.answer(call, data)
        )
        asked = self._world.addresses[asker.index]
        if self._armed and self.replica is not None and self.replica.awaited == asked:
            action, arguments = self._armed
            self._armed = None
            self._world.timeline.after(0, action, *arguments)

    def answer(self, call: _Call, data: bytes) -> None:
        """Take a reply, if the start that asked for it is not over."""
        if self.replica is not None and self.starts == call.start:
            call.answered = True
            frame, now_us = decoded(data), self._world.now_us
            other = self._world.index[call.address]
            self._world.oracle.clocks.heard(self.index, other, now_us)
            self._world.oracle.standings.heard(self.index, other, now_us)
            self._send_all(self.replica.answer(call.address, frame, now_us, sent_us=call.sent_us))

    def _give_up(self, call: _Call) -> None:
        if self.replica is not None and self.starts == call.start and not call.answered:
            self._send_all(self.replica.silence(call.address, self._world.now_us))
