"""What of a log is new to somebody who watches some sets: bounded stretches of it, in order.

A row stands in the log once, under the number that it got with its last change; so a stretch has
the newest state of each element, and whoever reads on from where it ended misses none.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

Wants = Callable[[bytes], bool]
"""Whether a set is watched, by its name."""


class Met(NamedTuple):
    """The state of an element, as it is met in the log under the number `arrived`."""

    set_name: bytes
    element: bytes
    stamp: int
    arrived: int


@dataclass(frozen=True, slots=True)
class Bounds:
    """What of the log is read at once: rows looked at, and rows and elements' bytes taken."""

    looked_at: int
    rows: int
    size: int


class News(NamedTuple):
    """Rows of the log up to the number `reached`, with the log's end, of one snapshot.

    `forgotten` is the greatest log number of a tombstone that was ever collected.
    """

    reached: int
    log_end: int
    forgotten: int
    rows: list[Met]


def bounded(rows: Iterable[Met], bounds: Bounds) -> tuple[list[Met], bool]:
    """Return the first of `rows` that fit, one at least, and whether some may have been left."""
    taken: list[Met] = []
    size = 0
    for row in rows:
        taken.append(row)
        size += len(row.element)
        if len(taken) == bounds.rows or size >= bounds.size:
            return taken, True
    return taken, False
