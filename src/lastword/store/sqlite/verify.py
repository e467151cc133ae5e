"""Verifying a file: its pages with their checksums, then every invariant against its rows."""

from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import apsw

from lastword.errors import CorruptStore
from lastword.store.check import problems
from lastword.store.ledger import Ledger
from lastword.store.sqlite import tables
from lastword.store.sqlite.file import failure, opened_to_read

PROBLEMS_MAX = 100
"""Of what does not hold so much is named: enough to see whether it is one set or all of them."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What a file says of itself, and what of that does not hold."""

    ledger: Ledger
    problems: list[str]


def verify_file(path: Path) -> Verified:
    """Verify the file of a node that does not run, without changing a byte.

    Raises FileInUse, ForeignFile, NewerFormat, FileUnusable; CorruptStore where nothing can be
    verified, since its pages are damaged. Large sets may lack buckets: the next start makes them.
    """
    with opened_to_read(path) as connection:
        return verify(connection, path, bucketed_entries=None)


def verify(connection: apsw.Connection, path: Path, bucketed_entries: int | None) -> Verified:
    """Verify what `connection` reads; where others write, call it in one transaction."""
    try:
        pages = connection.execute("PRAGMA integrity_check").fetchall()
        if pages != [("ok",)]:
            raise CorruptStore(f"{path} is damaged: {pages[0][0]}")
        ledger = tables.load_ledger(connection)
        rows = tables.all_rows(connection, tables.Numbers(connection))
        return Verified(
            ledger, list(islice(problems(ledger, rows, bucketed_entries), PROBLEMS_MAX))
        )
    except apsw.Error as error:
        raise failure(error, path) from error
    except tables.UNREADABLE as error:
        raise CorruptStore(f"{path} is damaged: {error!r} is not there or no value") from error
