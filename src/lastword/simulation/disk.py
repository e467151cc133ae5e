"""A store whose changes are on disk only when it was flushed, and which a crash takes back."""

from collections.abc import Iterable

from lastword.replication.hashing import DIGEST_KEY_DEFAULT
from lastword.simulation.log_index import LogIndex
from lastword.simulation.oracle import Oracle
from lastword.simulation.settings import EPOCH_US
from lastword.simulation.timeline import Timeline
from lastword.store.base import LogSlice, StoreOptions
from lastword.store.ledger import Changes, Key
from lastword.store.memory import MemoryImage, MemoryStore
from lastword.store.operations import PEERS_SET, Write


class SimulatedStore(MemoryStore):
    """A memory store that tells the oracle what it does, and can lose what was not flushed."""

    def __init__(
        self, options: StoreOptions, disk: MemoryImage, *, node: int, judge: Oracle, time: Timeline
    ) -> None:
        self._disk = disk
        self._node = node
        self._judge = judge
        self._time = time
        self.unflushed: list[Changes] = []
        image = disk.copy()
        self._log = LogIndex(image)
        super().__init__(options, image)
        self.flush()  # the run that begins is on disk before anyone hears of it
        judge.opened(node, self)

    def absorb(self, changes: Changes) -> None:
        """Store what a transaction did, for now."""
        self._judge.check(self._node, self, changes, self._time.now_us)
        super().absorb(changes)
        self._log.absorb(changes)
        self._judge.absorbed(self._node, changes, self._time.now_us)
        self.unflushed.append(changes)

    def read_log(self, after: int, limit: int) -> LogSlice:
        """Return up to `limit` rows after log number `after`, in order."""
        return LogSlice(self.log_end, self._log.read(after, limit))

    def begin_copy(self) -> MemoryStore:
        """Begin a copy in a new image, in place of any other copy."""
        if not self.is_damaged:
            self._judge.standings.begins_copy(self._node)
        return super().begin_copy()

    def become(self, image: MemoryImage) -> None:
        """Hold `image` from now on, which is on disk."""
        before = self.image.rows
        super().become(image)
        self._log = LogIndex(image)
        self._disk.become(image.copy())
        self.unflushed.clear()
        self._judge.became(self._node, self, before, self.refused)
        self.refused.clear()

    def flush(self) -> None:
        """Make all that was done survive a crash."""
        for changes in self.unflushed:
            self._disk.absorb(changes)
        self.unflushed.clear()


def empty_image() -> MemoryImage:
    """Return a new disk."""
    return MemoryImage(DIGEST_KEY_DEFAULT)


def without(disk: MemoryImage, names: Iterable[Key], options: StoreOptions) -> MemoryImage:
    """Return a disk that lost some rows: its sums know of it, its vector and cursors do not."""
    image = disk.copy()
    sets = {set_name for set_name, _ in image.rows}
    image.lose(names)
    store = MemoryStore(options, image)
    for set_name in sorted(sets):
        store.recount(set_name)
    return image


def formed_image(addresses: tuple[str, ...], run: int) -> MemoryImage:
    """Return a disk that lists all members, written in the run of an earlier node."""
    store = MemoryStore(StoreOptions(wall=lambda: EPOCH_US, new_run=lambda: run))
    store.execute(Write(PEERS_SET, tuple(address.encode() for address in addresses)))
    return store.image
