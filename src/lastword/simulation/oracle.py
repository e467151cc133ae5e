"""What must hold, judged from outside: it knows every dot and every acknowledged write.

Anytime: `coverage` and `monotone stamps` (coverage.py); `acknowledged is held`, on the node that
took it (acknowledged.py); `clocks`, that wrong ones take no writes (clocks.py). Eventually, after
the faults: `convergence` and `dots covered` (cluster.py), and `join`. Finally: `store check`, and
`bytes within budget` (budget.py).
"""

from collections.abc import Sequence

from lastword.errors import CorruptStore
from lastword.simulation.acknowledged import Acknowledged
from lastword.simulation.clocks import Clocks
from lastword.simulation.coverage import Coverage
from lastword.simulation.violated import Violated
from lastword.simulation.visibility import Visibility
from lastword.store.ledger import Changes, Key
from lastword.store.memory import MemoryImage, MemoryStore
from lastword.store.operations import PEERS_SET


class Oracle:
    """The judge of one run."""

    def __init__(self, nodes: int) -> None:
        self.coverage = Coverage()
        self.acknowledged = Acknowledged(nodes)
        self.visibility = Visibility()
        self.clocks = Clocks(nodes)

    def opened(self, node: int, store: MemoryStore) -> None:
        """Check a store that a node has just started on."""
        self.coverage.check_all(store)
        self.acknowledged.check_own(node, store)

    def absorbed(self, node: int, changes: Changes, now_us: int) -> None:
        """Take note of what a transaction did to a node's store."""
        self.visibility.absorbed(node, changes, now_us)

    def acknowledge(
        self, node: int, name: Key, stamp: int, now_us: int, images: Sequence[MemoryImage]
    ) -> None:
        """Take note of a write that a client was told is done; `images` are what nodes hold."""
        self.acknowledged.note(node, name, stamp)
        held = [image.rows for image in images]
        self.acknowledged.check_one(node, held[node], name)
        self.visibility.note(name, stamp, now_us, node, held)

    def lost(self, node: int, before: MemoryImage, disks: Sequence[MemoryImage]) -> None:
        """Doubt what only a disk held whose image was `before`; `disks` are all, with its new one.

        It is an empty one, or an older copy.
        """
        for name, left in self.acknowledged.doubt(before.rows, disks):
            self.visibility.drop(name, left)
        self.visibility.crashed(node, disks[node].rows)

    def check_end(self, stores: Sequence[MemoryStore]) -> None:
        """Check what must hold in the end."""
        for store in stores:
            self.acknowledged.check_join(store, PEERS_SET)
            try:
                store.check()
            except CorruptStore as error:
                raise Violated("store check", str(error)) from error


def is_converged(stores: Sequence[MemoryStore]) -> bool:
    """Return whether all stores say the same and cover the same."""
    first = stores[0]
    sums, seen = first.sums(), first.seen
    return all(store.sums() == sums and store.seen == seen for store in stores)
