"""The directory of sets: their names by position, sorted when it is asked for."""

from bisect import bisect_left
from collections.abc import Mapping

from lastword.replication.hashing import set_position


class Directory:
    """The names of all sets in order of their positions.

    Several threads may ask: each extends a list of its own, and the last one is kept.
    """

    def __init__(self, digest_key: bytes) -> None:
        self._digest_key = digest_key
        self._known: tuple[int, list[tuple[int, bytes]]] = (0, [])

    def between(
        self, names: Mapping[bytes, object], gone: int, low: int, high: int
    ) -> list[tuple[int, bytes]]:
        """Return position and name of those of `names` with `low <= position < high`.

        `names` grows at its end, unless `gone`, how many were ever taken out of it, has changed
        since the last call. O(names) where it grew, and more where it changed otherwise.
        """
        at, known = self._known
        if at != gone:
            known = []
        if at != gone or len(known) != len(names):
            new = list(names)[len(known) :]
            known = sorted(known + [(set_position(name, self._digest_key), name) for name in new])
            self._known = gone, known
        return known[bisect_left(known, (low,)) : bisect_left(known, (high,))]
