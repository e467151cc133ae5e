"""What clients write: a burst's operations follow from the seed and the burst alone."""

from msgspec.structs import replace

from lastword.crdt.stamp import pack
from lastword.errors import ClockOff, CorruptStore, FutureTime, GhostElements
from lastword.replication.hashing import key_of
from lastword.simulation.chance import Chance
from lastword.simulation.faults import Burst
from lastword.simulation.node import SimulatedNode
from lastword.simulation.settings import EPOCH_US, SECOND_US
from lastword.simulation.world import World
from lastword.store.ghosts import Ghosts
from lastword.store.memory import MemoryImage
from lastword.store.operations import Merge, Write

TIES_US = 20 * SECOND_US
"""Times that clients give are multiples of this, so that adds and removes of one time meet."""


class Load:
    """The clients of a run."""

    def __init__(self, world: World, nodes: list[SimulatedNode]) -> None:
        self._world = world
        self._nodes = nodes

    def burst(self, burst: Burst) -> None:
        """Write all of a burst, to its node or else to the next one that is up."""
        after = self._nodes[burst.node :] + self._nodes[: burst.node]
        node = next((node for node in after if node.store is not None), None)
        if node is None:
            return
        rng = Chance(self._world.seed, "burst", burst.first)
        for number in range(burst.first, burst.first + burst.writes):
            self._write(node, number, rng)

    def _write(self, node: SimulatedNode, number: int, rng: Chance) -> None:
        """Write by one of the ways that a client has: now, at an older time, or as a merge."""
        settings = self._world.settings
        set_name = b"s%d" % (
            rng.below(settings.sets) if settings.elements else number % settings.sets
        )
        element = b"e%d" % (rng.below(settings.elements) if settings.elements else number)
        removed = rng.random() < settings.removes
        time = EPOCH_US + rng.below(self._world.now_us // TIES_US + 1) * TIES_US
        way, other = rng.random(), rng.choice(self._nodes)
        ghosts = Ghosts.READD if number % 2 else Ghosts.REMOVE
        if way < settings.old_times / 2:
            for target in {node.index: node, other.index: other}.values():
                self._do(target, Merge(set_name, {element: pack(time, removed=removed)}), ghosts)
            return
        add, remove = ((), (element,)) if removed else ((element,), ())
        given = time if way < settings.old_times else None
        self._do(node, Write(set_name, add, remove, time=given), ghosts)

    def _do(self, node: SimulatedNode, operation: Write | Merge, ghosts: Ghosts) -> None:
        """Do it; tell the client once it is flushed, and from then on it must not be lost.

        `ghosts` is what the client answers where it is asked what to do with what may have been
        removed long ago.
        """
        if node.store is None or node.replica is None:
            return
        try:
            node.replica.verdict.check()
        except ClockOff:
            self._world.met["refused for its clock"] += 1
            self._world.oracle.clocks.judge(node.index, self._world.now_us, taken=False)
            return
        self._world.oracle.clocks.judge(node.index, self._world.now_us, taken=True)
        try:
            node.store.execute(operation)
        except FutureTime:
            self._world.met["refused"] += 1
            return
        except CorruptStore:
            self._world.met["refused as damaged"] += 1
            return
        except GhostElements:
            self._world.met[f"ghosts {ghosts}"] += 1
            self._do(node, replace(operation, ghosts=ghosts), ghosts)
            return
        for set_name, element in operation.touches():
            name = (set_name, key_of(set_name, element, node.store.ledger.digest_key))
            held = node.store.image.rows.get(name)
            if held is not None:  # else it was left out as a ghost
                node.after_flush(self._acknowledge, node, name, held.stamp)

    def _acknowledge(self, node: SimulatedNode, name: tuple[bytes, bytes], stamp: int) -> None:
        self._world.met["writes"] += 1
        self._world.oracle.acknowledge(node.index, name, stamp, self._world.now_us, self._images())

    def _images(self) -> list[MemoryImage]:
        return [node.image for node in self._nodes]
