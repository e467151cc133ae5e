"""The log of a memory image as rows that are ready to be read, each made once.

Walks look at every row of a log once for each peer, so reading is what a large run does most.
"""

from bisect import bisect_left, bisect_right

from lastword.replication.entries import Entry
from lastword.replication.hashing import element_of
from lastword.store.base import LogRow
from lastword.store.ledger import Changes, Key, Row
from lastword.store.memory import MemoryImage


class LogIndex:
    """Rows in the order of their log numbers; None where a row has moved on."""

    def __init__(self, image: MemoryImage) -> None:
        self._numbers: list[int] = []
        self._rows: list[LogRow | None] = []
        self._holes = 0
        self._append(image.rows)

    def absorb(self, changes: Changes) -> None:
        """Take over what a transaction did."""
        for before in (*changes.before.values(), *changes.dropped.values()):
            if before is not None:
                place = bisect_left(self._numbers, before.arrived)
                self._rows[place] = None
                self._holes += 1
        self._append(changes.rows)
        if self._holes > 100 and 2 * self._holes > len(self._rows):
            self._rows = [row for row in self._rows if row is not None]
            self._numbers = [row.arrived for row in self._rows if row is not None]
            self._holes = 0

    def read(self, after: int, limit: int) -> list[LogRow]:
        """Return up to `limit` rows after log number `after`."""
        first = bisect_right(self._numbers, after)
        if not self._holes:
            return self._rows[first : first + limit]  # type: ignore[return-value]  # without holes
        found: list[LogRow] = []
        while len(found) < limit and first < len(self._rows):
            last = first + limit - len(found)
            found += [row for row in self._rows[first:last] if row is not None]
            first = last
        return found

    def _append(self, rows: dict[Key, Row]) -> None:
        made = [
            LogRow(
                row.arrived, Entry(name[0], element_of(name[1]), row.stamp, row.run, row.number)
            )
            for name, row in rows.items()
        ]
        if len(made) > 1:
            made.sort()
        self._rows += made
        self._numbers += [row.arrived for row in made]
