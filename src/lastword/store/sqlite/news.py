"""The log of a file, read for whoever watches some of its sets."""

from array import array
from collections.abc import Iterator
from contextlib import closing
from typing import cast

import apsw

from lastword.replication.hashing import element_of
from lastword.store.news import Bounds, Met, News, Wants, bounded
from lastword.store.sqlite.tables import Numbers

_FACT = "SELECT value FROM facts WHERE name = ?"
_STRETCH_END = """
SELECT arrived FROM entries INDEXED BY entries_by_arrived
WHERE arrived > ? ORDER BY arrived LIMIT 1 OFFSET ?
"""
_SETS = """
SELECT DISTINCT set_id FROM entries INDEXED BY entries_by_arrived
WHERE arrived > ? AND arrived <= ?
"""
_ROWS = """
SELECT place.set_id, place.key, stamp, place.arrived FROM (
    SELECT set_id, key, arrived FROM entries INDEXED BY entries_by_arrived
    WHERE arrived > ? AND arrived <= ? AND set_id IN carray(?) ORDER BY arrived LIMIT ?
) AS place CROSS JOIN entries ON entries.set_id = place.set_id AND entries.key = place.key
"""
"""The index has sets and keys: rows that nobody wants are passed over without a look at them."""


def read_news(
    connection: apsw.Connection, numbers: Numbers, after: int, wants: Wants, bounds: Bounds
) -> News:
    """Return what is new after a log number; call it in one transaction."""
    log_end = _fact(connection, "log_end")
    end = connection.execute(_STRETCH_END, (after, bounds.looked_at - 1)).get
    until = log_end if end is None else cast("int", end)
    names = numbers.sets.names
    found = connection.execute(_SETS, (after, until)).fetchall()
    wanted = [set_id for (set_id,) in cast("list[tuple[int]]", found) if wants(names[set_id])]
    rows: list[Met] = []
    cut = False
    if wanted:
        sets = apsw.carray(array("q", wanted), flags=apsw.SQLITE_CARRAY_INT64)
        cursor = connection.execute(_ROWS, (after, until, sets, bounds.rows))
        with closing(cursor):
            rows, cut = bounded(_met(cursor, numbers), bounds)
    reached = rows[-1].arrived if cut else until
    return News(reached, log_end, _fact(connection, "forgotten"), rows)


def _met(cursor: apsw.Cursor, numbers: Numbers) -> Iterator[Met]:
    names = numbers.sets.names
    for set_id, key, stamp, arrived in cursor:
        yield Met(names[set_id], element_of(key), stamp, arrived)


def _fact(connection: apsw.Connection, name: str) -> int:
    return cast("int | None", connection.execute(_FACT, (name,)).get) or 0
