"""Version vectors over runs: what a node has seen, as run -> number.

`vector[run] >= number` says that the write of the dot `(run, number)`, or something greater for
the same element, is held. A run that is missing counts as 0; numbers begin at 1.

Source: Parker et al., "Detection of Mutual Inconsistency in Distributed Systems", IEEE TSE 1983;
dots as in Preguiça, Baquero, Almeida, Fonte, Gonçalves, "Dotted Version Vectors", 2010.
"""

from collections.abc import Mapping

Vector = Mapping[int, int]


def covers(vector: Vector, run: int, number: int) -> bool:
    """Return whether `vector` covers the dot `(run, number)`."""
    return vector.get(run, 0) >= number


def dominates(vector: Vector, other: Vector) -> bool:
    """Return whether `vector` covers all that `other` covers."""
    return all(vector.get(run, 0) >= number for run, number in other.items())
