"""A scrub goes over the whole file, a slice at a time, and notes what does not hold.

First the checksum of every page, as the disk has it; then the rows of every set against its
buckets and totals, keys against their elements, and each row against the indices of the log and of
tombstones; then these indices against the rows; then what the file says of itself against memory.

A slice is a snapshot of its own, so that neither writers nor the log's length wait for a scrub.
What a set should add up to is taken from memory as the snapshot begins, between two commits.
"""

from collections.abc import Generator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol, cast

import apsw

from lastword.errors import CorruptStore
from lastword.limits import SHOWN_BYTES_MAX, STAMP_MAX
from lastword.replication.entries import Bucket, Held
from lastword.replication.hashing import (
    POSITION_BYTES,
    PRIME,
    Hasher,
    Sums,
    element_of,
    first_key,
    hasher,
)
from lastword.store.buckets import width
from lastword.store.damage import MISSHAPEN, place_of
from lastword.store.ledger import NO_TOTALS
from lastword.store.sqlite import tables
from lastword.store.sqlite.file import failure, is_misshapen
from lastword.store.sqlite.open_file import OpenFile
from lastword.store.sqlite.pages import PageFile
from lastword.store.sqlite.writer import Writer

SLICE_ROWS: Final = 1_000
"""Rows of one slice, about: to hash and look them up takes some ten milliseconds."""

SLICE_PAGES: Final = 256
"""Pages of one slice: a megabyte, of which a disk reads a hundred a second at the least."""

_ROWS = """
SELECT key, stamp, run_id, number, arrived,
    EXISTS (SELECT 1 FROM entries AS log INDEXED BY entries_by_arrived
        WHERE log.arrived = row.arrived AND log.set_id = row.set_id AND log.key = row.key),
    EXISTS (SELECT 1 FROM entries AS gone INDEXED BY tombstones WHERE stamp & 1
        AND gone.arrived = row.arrived AND gone.set_id = row.set_id AND gone.key = row.key)
FROM entries AS row WHERE set_id = ? AND key >= ?{below} ORDER BY key
"""
_BELOW, _TO_THE_END = _ROWS.format(below=" AND key < ?"), _ROWS.format(below="")
_INDICES = {
    "the index of the log": """
SELECT at.arrived, at.set_id, row.arrived FROM (
    SELECT arrived, set_id, key FROM entries INDEXED BY entries_by_arrived
    WHERE arrived > ? ORDER BY arrived LIMIT ?
) AS at LEFT JOIN entries AS row ON row.set_id = at.set_id AND row.key = at.key
""",
    "the index of tombstones": """
SELECT at.arrived, at.set_id, row.arrived FROM (
    SELECT arrived, set_id, key FROM entries INDEXED BY tombstones
    WHERE stamp & 1 AND arrived > ? ORDER BY arrived LIMIT ?
) AS at LEFT JOIN entries AS row ON row.set_id = at.set_id AND row.key = at.key
""",
}

_SMALL_TABLES: Final = ("facts", "runs", "sets", "buckets", "cursors", "members", "marks")
"""Those that a start reads: of ten million elements some 200,000 rows."""

_Stretch = tuple[bytes, Bucket]
"""A set, and one of its buckets; all of a set that has none."""

WHOLE: Final = Bucket(0, 0, 0, Sums())


class Subject(Protocol):
    """What a scrub needs of a store."""

    path: Path
    file: OpenFile
    writer: Writer

    def distrust(self, set_name: bytes, why: str = "") -> bool:
        """Serve a set no longer."""

    def note_fact(self, what: str) -> None:
        """Note of the file itself what cannot be true."""


class Scrub:
    """One scrub of a store's present file; `step` does a slice of it.

    `pages` and `rows` count what was gone over, `found` what was noted that was not known. Any
    one thread at a time may call it.
    """

    def __init__(self, store: Subject) -> None:
        self._store = store
        self._file = store.file
        self._connection = store.file.scrubber()
        self._began = {own.run: own.began for own in store.file.ledger.own_runs}
        self._slices = self._go()
        self.pages = 0
        self.rows = 0
        self.found = 0
        self.is_over = False

    @property
    def is_whole(self) -> bool:
        """Whether it went over all of the file, which is still the store's."""
        return self.is_over and self._store.file is self._file

    def step(self) -> None:
        """Do a slice. It is over after the last one, or where another file took its place."""
        if self._store.file is not self._file or next(self._slices, None) is None:
            self.close()

    def close(self) -> None:
        """Let go of the file; a second call does nothing."""
        self.is_over = True
        self._slices.close()
        self._connection.close()

    def _go(self) -> Generator[bool, None, None]:
        yield from self._scrub_pages()
        yield from self._scrub_sets()
        for what, query in _INDICES.items():
            yield from self._scrub_index(what, query)
        for table in _SMALL_TABLES:
            with self._noting(f"table {table}"):
                self._check(f"PRAGMA integrity_check({table})", f"table {table}")
            yield True
        with self._noting("the pages' order"):
            self._check("PRAGMA quick_check(1)", "the pages' order")
        yield True
        with self._noting("what the file says of itself"):
            self._scrub_facts()
        yield True

    # -- pages

    def _scrub_pages(self) -> Iterator[bool]:
        """Read every page, from the disk as far as the system lets us."""
        size = cast("int", self._connection.execute("PRAGMA page_size").get)
        with PageFile(self._store.path, size) as file:
            for first in range(1, file.pages + 1, SLICE_PAGES):
                last = min(first + SLICE_PAGES, file.pages + 1)
                self._file.forget_cached((first - 1) * size, (last - first) * size)
                for number in range(first, last):
                    if not file.is_sound(number):
                        self.found += self._file.ledger.damage.note_place(number)
                self.pages += last - first
                yield True

    # -- rows

    def _scrub_sets(self) -> Iterator[bool]:
        """Go over all sets; small ones share a slice."""
        slice_: list[_Stretch] = []
        rows = 0
        for set_name in list(self._file.ledger.totals):
            for stretch in self._stretches(set_name):
                slice_.append((set_name, stretch))
                rows += stretch.entries + 1
                if rows >= SLICE_ROWS:
                    self._scrub_rows(slice_)
                    slice_, rows = [], 0
                    yield True
            self._scrub_totals(set_name)
        self._scrub_rows(slice_)
        yield True

    def _stretches(self, set_name: bytes) -> Iterator[Bucket]:
        """Yield where the rows of a set are, as they are divided when they are come to."""
        buckets = self._file.ledger.buckets.get(set_name)
        if buckets is None:
            entries = self._file.ledger.totals.get(set_name, NO_TOTALS).entries
            yield WHOLE._replace(entries=entries)
            return
        low, end = 0, 1 << 8 * POSITION_BYTES
        while low < end:
            for bucket in buckets.between(low, min(low + (end >> 6), end)):
                if bucket.low >= low:
                    yield bucket
                    low = bucket.low + width(bucket.bits)

    def _scrub_rows(self, stretches: list[_Stretch]) -> None:
        with self._store.writer.between_commits:
            with self._noting("a snapshot"):
                self._begin()
            kept = [(name, found) for name, at in stretches for found in self._kept(name, at)]
        try:
            for set_name, bucket in kept:
                if set_name not in self._file.ledger.damage.sets:
                    with self._noting(set_name):
                        self._scrub_stretch(set_name, bucket)
        finally:
            self._end()

    def _kept(self, set_name: bytes, at: Bucket) -> list[Bucket]:
        """Return what is kept of a stretch; it may be divided by now, or its set have gone."""
        ledger = self._file.ledger
        totals, buckets = ledger.totals.get(set_name), ledger.buckets.get(set_name)
        if totals is None:
            return []
        if buckets is None or at.bits == 0:
            return [Bucket(0, 0, totals.entries, totals.sums)]
        return buckets.between(at.low, at.low + width(at.bits))

    def _scrub_stretch(self, set_name: bytes, kept: Bucket) -> None:
        numbers = self._file.numbers
        low, high = first_key(kept.low) or b"", first_key(kept.low + width(kept.bits))
        asked = (numbers.sets.ids.get(set_name), low, *(() if high is None else (high,)))
        is_indexed, is_of_its_run = True, True
        count = _Count(hasher(set_name, self._file.ledger.digest_key))
        rows = self._connection.execute(_TO_THE_END if high is None else _BELOW, asked)
        for key, stamp, run_id, number, _, in_log, in_gone in rows:
            if type(key) is not bytes or type(stamp) is not int or type(number) is not int:
                raise CorruptStore("a row has a value that none can have")
            run = numbers.runs.names[run_id]
            count.add(Held(key, stamp, run, number))
            is_of_its_run &= number >= self._began.get(run, 0)
            is_indexed &= bool(in_log and in_gone == stamp & 1)
        self.rows += count.entries
        if not is_indexed:
            self._note_fact("an index lacks rows")
        if not is_of_its_run:
            self._note_fact("a row is of a run of this file, from before that began")
        if count.problem or (count.entries, count.sums) != (kept.entries, kept.sums):
            self._distrust(set_name, count.problem or "rows do not add up to their sums")

    def _scrub_totals(self, set_name: bytes) -> None:
        ledger = self._file.ledger
        with self._store.writer.between_commits:
            totals, buckets = ledger.totals.get(set_name), ledger.buckets.get(set_name)
            if totals is None or buckets is None:
                return
            is_sound = buckets.is_partition() and buckets.totals() == (totals.entries, totals.sums)
        if not is_sound:
            self._distrust(set_name, "it differs from its buckets")

    def _distrust(self, set_name: bytes, why: str) -> None:
        if set_name not in self._file.ledger.damage.sets and self._store.file is self._file:
            self._store.distrust(set_name, why)
            self.found += 1

    # -- indices

    def _scrub_index(self, what: str, query: str) -> Iterator[bool]:
        after, more, sets = 0, True, self._file.numbers.sets.names
        while more:
            more = False
            with self._noting(what):
                rows = self._index_rows(query, after)
                more = len(rows) == SLICE_ROWS
                for arrived, set_id, held in rows:
                    if arrived != held or set_id not in sets or arrived <= after:
                        self._note_fact(f"{what} has what no row has")
                        return
                    after = arrived
            yield True

    def _index_rows(self, query: str, after: int) -> list[tuple[int, int, int | None]]:
        """Return for entries of an index their log number, their set, and the row's log number."""
        rows = self._connection.execute(query, (after, SLICE_ROWS)).fetchall()
        return cast("list[tuple[int, int, int | None]]", rows)

    # -- facts

    def _check(self, pragma: str, what: str) -> None:
        """Let SQLite look at the order of a small table, or at how all pages hang together.

        The latter finds a page that is in use twice, since a list of free pages is an old one; it
        is the only slice that lasts, as long as it takes to read the file once.
        """
        found = self._connection.execute(pragma).fetchall()
        if found != [("ok",)]:
            self._note_fact(f"{what} does not hold: {str(found[0][0])[:SHOWN_BYTES_MAX]}")

    def _scrub_facts(self) -> None:
        """Compare what the file says with memory, which was read at the start."""
        with self._store.writer.between_commits:
            self._begin()
            known = self._file.ledger.copy()
        try:
            said = tables.load_ledger(self._connection)
        except tables.UNREADABLE as error:
            if isinstance(error, apsw.Error):
                raise
            self._note_fact("what it says of itself makes no sense")
            return
        finally:
            self._end()
        if said != known:
            self._note_fact("it says otherwise of itself than it did")

    def _note_fact(self, what: str) -> None:
        if what not in self._file.ledger.damage.facts and self._store.file is self._file:
            self._store.note_fact(what)
            self.found += 1

    # -- reading

    def _begin(self) -> None:
        self._connection.execute("BEGIN")
        self._connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()

    def _end(self) -> None:
        with suppress(apsw.Error):  # a failed read may have ended it, or fails its end
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def _noting(self, what: bytes | str) -> "_Noting":
        return _Noting(self, what)

    def note_unreadable(self, what: bytes | str, error: BaseException | None) -> None:
        """Note what could not be read; the scrub goes on behind it."""
        self.found += self._file.ledger.damage.note_place(place_of(what))
        if isinstance(what, bytes) and is_misshapen(error):
            self._distrust(what, MISSHAPEN)


class _Noting:
    """Notes what cannot be read within, instead of raising; a failing disk is raised."""

    __slots__ = ("_scrub", "_what")

    def __init__(self, scrub: Scrub, what: bytes | str) -> None:
        self._scrub = scrub
        self._what = what

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> bool:
        path = self._scrub._store.path  # noqa: SLF001 - its other half
        outcome = failure(error, path) if isinstance(error, apsw.Error) else error
        if isinstance(outcome, CorruptStore):
            self._scrub.note_unreadable(self._what, error)
            return True
        if outcome is not error and outcome is not None:
            raise outcome from error
        return False


class _Count:
    """What the rows of a stretch add up to, and what is wrong with one of them."""

    __slots__ = ("_first", "_hasher", "_last", "_second", "entries", "problem")

    def __init__(self, hasher_: Hasher) -> None:
        self._hasher = hasher_
        self._first = self._second = 0
        self._last = b""
        self.entries = 0
        self.problem = ""

    def add(self, row: Held) -> None:
        """Count a row; keys come in ascending order."""
        key, stamp = row.key, row.stamp
        where = self._hasher.place(element_of(key))
        if where.key != key or (self.entries and key <= self._last):
            self.problem = "a row lies out of place"
        elif not 0 <= stamp <= STAMP_MAX or row.number < 1:
            self.problem = "a row has a stamp or a number that cannot be"
        self._last = key
        self.entries += 1
        _, a_first, b_first, a_second, b_second = where
        self._first += a_first * stamp + b_first
        self._second += a_second * stamp + b_second

    @property
    def sums(self) -> Sums:
        """The digest sums."""
        return Sums(self._first % PRIME, self._second % PRIME)
