"""Randomness that is the same on every machine and in every version of Python.

It is made of `Random.random` alone, the one method whose sequence Python promises to keep, and
of BLAKE2b. Every purpose has a generator of its own, so that what one of them is asked for does
not change what the others say.
"""

from collections.abc import Sequence
from hashlib import blake2b
from random import Random
from typing import TypeVar

T = TypeVar("T")


class Chance:
    """A generator for one purpose of one seed; it is what the protocol needs of randomness too."""

    __slots__ = ("random",)

    def __init__(self, seed: int, *purpose: str | int) -> None:
        name = "/".join(map(str, (seed, *purpose)))
        start = int.from_bytes(blake2b(name.encode(), digest_size=16).digest(), "big")
        self.random = Random(start).random  # noqa: S311 - repeatable on purpose

    def below(self, limit: int) -> int:
        """Return an integer from 0 to `limit - 1`."""
        return int(self.random() * limit)

    def between(self, bounds: tuple[int, int]) -> int:
        """Return an integer from the first bound to the second, both included."""
        low, high = bounds
        return low + int(self.random() * (high - low + 1))

    def uniform(self, a: float, b: float, /) -> float:
        """Return a number between `a` and `b`."""
        return a + (b - a) * self.random()

    def choice(self, population: Sequence[T]) -> T:
        """Return one member of `population`."""
        return population[self.below(len(population))]

    def sample(self, population: Sequence[T], k: int, /) -> list[T]:
        """Return `k` different members of `population`, in random order."""
        pool = list(population)
        for place in range(k):
            other = place + self.below(len(pool) - place)
            pool[place], pool[other] = pool[other], pool[place]
        return pool[:k]

    def getrandbits(self, k: int, /) -> int:
        """Return an integer of `k` bits, at most 64."""
        return (self.below(1 << 32) << 32 | self.below(1 << 32)) >> (64 - k)

    def run_id(self) -> int:
        """Return the id of a run: 63 bits."""
        return self.below(1 << 32) << 31 | self.below(1 << 31)
