"""A store and a replica in memory, new for each input, the same for the same input."""

from itertools import count
from typing import Final

from lastword.replication.membership import Identity
from lastword.replication.replica import Replica
from lastword.replication.settings import ReplicaSettings
from lastword.store.base import StoreOptions
from lastword.store.memory import MemoryStore
from lastword.store.operations import Write

NOW_US: Final = 1_750_000_000_000_000
"""Where every wall stands."""

ADDRESS: Final = "127.0.0.1:3000"


def wall() -> int:
    """Return the time, which stands still."""
    return NOW_US


def memory_store(first_run: int = 1_001) -> MemoryStore:
    """Return a store that holds a few entries."""
    runs = count(first_run)
    store = MemoryStore(StoreOptions(wall, lambda: next(runs)))
    store.execute(Write(b"s", (b"a", b"b"), (b"c",)))
    store.execute(Write(b"t", (b"\xff",)))
    return store


def replica_of(
    store: MemoryStore, address: str = ADDRESS, contacts: tuple[str, ...] = ()
) -> Replica:
    """Return the replica of a store."""
    identity = Identity(address, contacts=contacts)
    return Replica(store, identity, ReplicaSettings(), wall)
