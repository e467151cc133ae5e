"""What an operator does in a run, and nobody else may: take out, put back, choose who gives way.

While a cut lasts that is longer than the lapse, one node on each side takes the other side's out
by hand, as people do who take them for lost. After the faults the operator looks now and then
whether something is left that no node decides by itself.
"""

from collections.abc import Sequence

from lastword.replication.fence import Standing
from lastword.simulation.faults import Cut
from lastword.simulation.node import SimulatedNode
from lastword.simulation.settings import SECOND_US
from lastword.simulation.world import World
from lastword.store.operations import PEERS_SET, Write

LOOKS_US = 200 * SECOND_US
"""How often the operator looks, after the faults: far longer than nodes need without one."""


class Operator:
    """The operator of one run."""

    def __init__(self, world: World, nodes: Sequence[SimulatedNode]) -> None:
        self._world = world
        self._nodes = nodes

    def take_apart(self, cut: Cut) -> None:
        """On each side of a cut, take the nodes of the other side out."""
        inside = [node for node in self._nodes if node.index in cut.side]
        outside = [node for node in self._nodes if node.index not in cut.side]
        self._world.met["one taken for lost" if len(inside) == 1 else "halves taken for lost"] += 1
        for side, other in ((inside, outside), (outside, inside)):
            for gone in other:
                self._take_out(side, gone)

    def look(self) -> None:
        """Take out who vanished, put in who is not listed, let one of two that are apart copy."""
        self._world.met["operator's looks"] += 1
        here = [node for node in self._nodes if not node.has_vanished]
        for node in self._nodes:
            if node.has_vanished:
                self._take_out(here, node)
        chosen = next((node for node in here if node.is_sound), here[0])
        for node in here:
            for other in here:
                self._put_in(node, other)
            self._tell(node, here)
            self._rejoin(node, chosen)

    def _take_out(self, side: Sequence[SimulatedNode], gone: SimulatedNode) -> None:
        """Remove a node from `_peers_`, at the first that is up and lists it."""
        for node in side:
            if node.lists(gone) and node.is_sound and node.store is not None:
                self._world.met["taken out by hand"] += 1
                self._world.oracle.standings.takes_out(gone.index)
                node.store.unlist_member(self._world.addresses[gone.index])
                return

    def _put_in(self, node: SimulatedNode, other: SimulatedNode) -> None:
        """Add a node to `_peers_` at one that does not list it."""
        if node.store is not None and node.is_sound and not node.lists(other):
            self._world.met["put in by hand"] += 1
            address = self._world.addresses[other.index].encode()
            node.store.execute(Write(PEERS_SET, add=(address,)))

    def _tell(self, node: SimulatedNode, here: Sequence[SimulatedNode]) -> None:
        """Start a node anew with a contact that is there; it waits for one that has vanished.

        A file that was born empty may not collect before all that it was told of have answered.
        """
        told = self._nodes[self._world.index[node.contact]]
        others = [other for other in here if other is not node]
        if told.has_vanished and others:
            self._world.met["told of another contact"] += 1
            node.contact = self._world.addresses[others[0].index]
            node.stop()
            node.start()

    def _rejoin(self, node: SimulatedNode, chosen: SimulatedNode) -> None:
        """Let a node copy the one that the operator has chosen, if the two are apart.

        It is the same one for all: of two that copy different ones neither side would win.
        """
        if node.standing_to(chosen) is Standing.APART:
            self._world.met["rejoined by hand"] += 1
            node.rejoin(chosen)
