"""One simulated node: what it is made of, and what it may not tell anyone yet."""

from collections.abc import Callable

from lastword.replication.hashing import DIGEST_KEY_DEFAULT
from lastword.replication.replica import Replica
from lastword.simulation.disk import SimulatedDisk, SimulatedStore

Action = Callable[[], None]


class SimulatedNode:
    """A disk, and while the node is up a store and a replica.

    `starts` counts its starts, so that what belongs to an earlier one is dropped. `held` is what
    others may hear of once all that was done is flushed.
    """

    def __init__(self, address: str, skew_us: int) -> None:
        self.address = address
        self.skew_us = skew_us
        self.disk = SimulatedDisk(DIGEST_KEY_DEFAULT)
        self.store: SimulatedStore | None = None
        self.replica: Replica | None = None
        self.starts = 0
        self.held: list[Action] = []
