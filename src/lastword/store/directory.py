"""The directory of sets: their names by position, sorted when it is asked for."""

from bisect import bisect_left
from collections.abc import Mapping

from lastword.replication.hashing import set_position


class Directory:
    """The names of all sets in order of their positions. Sets are never taken out.

    Several threads may ask: each extends a list of its own, and the last one is kept.
    """

    def __init__(self, digest_key: bytes) -> None:
        self._digest_key = digest_key
        self._sorted: list[tuple[int, bytes]] = []

    def between(
        self, names: Mapping[bytes, object], low: int, high: int
    ) -> list[tuple[int, bytes]]:
        """Return position and name of those of `names` with `low <= position < high`.

        `names` only ever grows at its end. O(names) where it grew since the last call.
        """
        known = self._sorted
        if len(known) != len(names):
            new = list(names)[len(known) :]
            known = sorted(known + [(set_position(name, self._digest_key), name) for name in new])
            self._sorted = known
        return known[bisect_left(known, (low,)) : bisect_left(known, (high,))]
