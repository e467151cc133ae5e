"""What must hold, judged from outside: it knows every dot and every acknowledged write.

Anytime: `coverage` and `monotone stamps` (coverage.py); `deletes stay deleted` (deletes.py);
`never behind` (standings.py); `acknowledged is held`, on the node that took it and on one that
begins afresh (acknowledged.py); `clocks`, that wrong ones take no writes (clocks.py); `nothing
untrue spreads`, that a disk made up (untrue.py).
Eventually, after the faults: `convergence`, `dots covered`, `tombstones collected` (cluster.py)
and `join`. Finally: `store check`, and `bytes within budget` (budget.py).
"""

from collections.abc import Mapping, Sequence

from lastword.errors import CorruptStore
from lastword.replication.entries import Entry
from lastword.replication.hashing import key_of
from lastword.simulation.acknowledged import Acknowledged
from lastword.simulation.clocks import Clocks
from lastword.simulation.coverage import Coverage
from lastword.simulation.deletes import Deletes
from lastword.simulation.standings import Standings
from lastword.simulation.untrue import Untrue
from lastword.simulation.violated import Violated
from lastword.simulation.visibility import Visibility
from lastword.store.ledger import Changes, Key, Row
from lastword.store.memory import MemoryImage, MemoryStore
from lastword.store.operations import PEERS_SET


class Oracle:
    """The judge of one run."""

    def __init__(self, addresses: Sequence[str], lapse_us: int = 0) -> None:
        self.deletes = Deletes()
        self.coverage = Coverage(self.deletes)
        self.acknowledged = Acknowledged(len(addresses), self.deletes)
        self.standings = Standings(addresses, lapse_us)
        self.visibility = Visibility()
        self.clocks = Clocks(len(addresses))
        self.untrue = Untrue()

    def opened(self, node: int, store: MemoryStore) -> None:
        """Check a store that a node has just started on."""
        self.standings.opened(node, store)
        self._check_all(node, store)

    def _check_all(self, node: int, store: MemoryStore) -> None:
        self.coverage.check_all(store)
        self.deletes.check_all(store)
        self.acknowledged.check_own(node, store)

    def rejoins(self, node: int) -> None:
        """Expect of a node no more what it collected: its operator gave that up."""
        collected = self.standings.collected(node)
        self.acknowledged.refuse(node, self.deletes.give_up(collected))

    def vanished(self, node: int) -> None:
        """Take note that a node is gone for ever."""
        self.standings.vanished(node)

    def became(
        self,
        node: int,
        store: MemoryStore,
        before: Mapping[Key, Row],
        refused: Sequence[Entry],
    ) -> None:
        """Check a store that held `before` and is a copy of another's now, and what it refused."""
        self.standings.opened(node, store)
        key = store.digest_key
        names = [(at.set_name, key_of(at.set_name, at.element, key)) for at in refused]
        self.acknowledged.refuse(node, names)
        self.acknowledged.refuse(node, self.acknowledged.missing(store, self.coverage.excused))
        self.acknowledged.check_kept(node, store.image.rows, before)
        self.coverage.note_copy(store, store.run)
        self.visibility.crashed(node, store.image.rows)
        self._check_all(node, store)

    def check(self, node: int, store: MemoryStore, changes: Changes, now_us: int) -> None:
        """Check what a transaction is about to do to a node's store."""
        self.untrue.check(node, changes)
        self.deletes.check(store, changes)
        self.coverage.check(store, changes)
        self.standings.check(node, store, changes, now_us)

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
        self.standings.excuse(node)
        self.deletes.lost(disks)
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
