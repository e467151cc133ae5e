"""A store whose changes are on disk only when it was flushed, and which a crash takes back."""

from lastword.simulation.oracle import Oracle
from lastword.store.base import StoreOptions
from lastword.store.ledger import Changes
from lastword.store.memory import MemoryImage, MemoryStore


class SimulatedDisk:
    """What survives a crash: the image as it was at the last flush."""

    def __init__(self, digest_key: bytes) -> None:
        self.stable = MemoryImage(digest_key)

    def open(self, options: StoreOptions, oracle: Oracle) -> "SimulatedStore":
        """Start on what survived; the run that begins is flushed before anyone hears of it."""
        store = SimulatedStore(options, self, oracle)
        store.flush()
        return store


class SimulatedStore(MemoryStore):
    """A memory store that tells the oracle what it did, and can lose what was not flushed."""

    def __init__(self, options: StoreOptions, disk: SimulatedDisk, oracle: Oracle) -> None:
        self._disk = disk
        self._oracle = oracle
        self.unflushed: list[Changes] = []
        super().__init__(options, disk.stable.copy())

    def absorb(self, changes: Changes) -> None:
        """Store what a transaction did, for now."""
        self._oracle.check_changes(self, changes)
        super().absorb(changes)
        self._oracle.check_coverage(self, changes)
        self.unflushed.append(changes)

    def flush(self) -> None:
        """Make all that was done survive a crash."""
        for changes in self.unflushed:
            self._disk.stable.absorb(changes)
        self.unflushed.clear()
