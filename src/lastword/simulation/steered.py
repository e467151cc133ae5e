"""What a small cluster's nodes take for clocks, random ids and randomness: all set by hand."""

from collections.abc import Sequence
from typing import TypeVar

from lastword.simulation.settings import EPOCH_US

T = TypeVar("T")

RUNS_FROM = 1 << 60
"""The first id of a run: no other number is as great."""


class Wall:
    """A clock that is set by hand; all nodes have the same."""

    def __init__(self) -> None:
        self.now_us = EPOCH_US

    def __call__(self) -> int:
        """Return the time."""
        return self.now_us


class OwnWall:
    """The clock by which one node collects: nobody else's interval ends where its does."""

    def __init__(self, wall: Wall) -> None:
        self.wall = wall
        self.ahead_us = 0

    def __call__(self) -> int:
        """Return the time."""
        return self.wall() + self.ahead_us


class Runs:
    """The ids of one node's runs: they do not depend on what other nodes did before."""

    def __init__(self, node: int) -> None:
        self.last = RUNS_FROM + (node << 32)

    def __call__(self) -> int:
        """Return the next id."""
        self.last += 1
        return self.last


class Steered:
    """What a replica takes for randomness, which chooses the one address that it is to call."""

    def __init__(self, address: str) -> None:
        self.address = address

    def uniform(self, a: float, b: float, /) -> float:
        """Return the greatest."""
        return max(a, b)

    def getrandbits(self, k: int, /) -> int:
        """Return the greatest, too."""
        return (1 << k) - 1

    def sample(self, population: Sequence[T], k: int, /) -> list[T]:
        """Return the peer at that address, if it is among them."""
        return [at for at in population if getattr(at, "address", "") == self.address][:k]
