"""Version vectors over runs: what a node has seen, as run -> number.

`vector[run] >= number` says that the write of the dot `(run, number)`, or something greater for
the same element, is held. A run that is missing counts as 0; numbers begin at 1. So a part of a
vector is a vector too, and promises less.

Source: Parker et al., "Detection of Mutual Inconsistency in Distributed Systems", IEEE TSE 1983;
dots as in Preguiça, Baquero, Almeida, Fonte, Gonçalves, "Dotted Version Vectors", 2010.
"""

from collections.abc import Mapping
from hashlib import blake2b
from struct import Struct
from typing import NamedTuple

Vector = Mapping[int, int]

_ENTRY = Struct("<QQ").pack
_HASH_MASK = (1 << 63) - 1


def covers(vector: Vector, run: int, number: int) -> bool:
    """Return whether `vector` covers the dot `(run, number)`."""
    return vector.get(run, 0) >= number


def covers_all(vector: Vector, other: Vector) -> bool:
    """Return whether `vector` covers every dot that `other` covers. O(entries of `other`)."""
    held = vector.get
    return all(held(run, 0) >= number for run, number in list(other.items()))


def note_growth(growth: dict[int, int], held: Vector, vector: Vector) -> None:
    """Put into `growth` the entries of `vector` that are above those of it and of `held`."""
    known, noted = held.get, growth.get
    growth |= {
        run: number
        for run, number in vector.items()
        if known(run, 0) < number and noted(run, 0) < number
    }


def vector_hash(vector: Vector) -> int:
    """Return the hash of a vector: the sum of those of its entries, modulo 2^63. O(entries)."""
    return sum(_entry_hash(*entry) for entry in vector.items()) & _HASH_MASK


def _entry_hash(run: int, number: int) -> int:
    return int.from_bytes(blake2b(_ENTRY(run, number), digest_size=8).digest(), "little")


class VectorState(NamedTuple):
    """What a growing vector was at one time: its hash, and how often it had grown."""

    hash: int
    version: int


class GrowingVector(dict[int, int]):
    """A vector that only grows, by `grow`; it knows its hash, and what grew since when.

    One thread may grow it while others read: whoever reads `state` first and entries after that
    has entries at least as new as the hash says.
    """

    def __init__(self, entries: Vector | None = None) -> None:
        super().__init__()
        self.state = VectorState(0, 0)
        self._grown: dict[int, int] = {}  # run -> version, the latest last
        if entries:
            self.grow(entries)

    def grow(self, entries: Vector) -> None:
        """Take the maximum for each run."""
        total, version = self.state
        for run, number in entries.items():
            old = self.get(run, 0)
            if number > old:
                total += _entry_hash(run, number) - (_entry_hash(run, old) if old else 0)
                self[run] = number
                self._grown.pop(run, None)
                self._grown[run] = version + 1
        self.state = VectorState(total & _HASH_MASK, version + 1)

    def since(self, version: int) -> dict[int, int]:
        """Return the entries that grew after `version`. O(all entries), at the cost of a copy."""
        found = {}
        for run, grown in reversed(self._grown.copy().items()):  # another thread may grow it
            if grown <= version:
                break
            found[run] = self[run]
        return found

    def copy(self) -> "GrowingVector":
        """Return a vector that later growth of this one leaves alone."""
        twin = GrowingVector()
        twin.update(self)
        twin.state = self.state
        twin._grown = self._grown.copy()
        return twin
