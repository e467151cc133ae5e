"""Rows and ledgers to tables and back. It begins and ends no transaction."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, Generic, NamedTuple, TypeVar, cast

import apsw
import msgspec

from lastword.errors import CorruptStore
from lastword.replication.entries import (
    Bucket,
    CopyOrigin,
    Cursor,
    Entry,
    Held,
    MemberReport,
)
from lastword.replication.hashing import POSITION_BYTES, Sums, element_of
from lastword.replication.vectors import GrowingVector
from lastword.store.base import LogRow, LogSlice
from lastword.store.buckets import Buckets
from lastword.store.damage import Damage, Distrusted
from lastword.store.ledger import Changes, Key, Ledger, Mark, OwnRun, Row, Totals

K = TypeVar("K")

UNREADABLE = (apsw.Error, msgspec.DecodeError, KeyError, OverflowError, TypeError, ValueError)
"""What the reading of a file raises whose pages hold and whose content makes no sense."""

_PUT_ROW = "INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?, ?, ?)"
_PUT_NEW_ROWS = """
INSERT OR ROLLBACK INTO entries SELECT ?, value, ?, ?, ? + rowid, ? + rowid FROM carray(?)
"""
"""Without OR ROLLBACK, SQLite would keep a journal of the statement."""
_PUT_TOTALS = """
INSERT INTO sets VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET
    present = excluded.present, tombstones = excluded.tombstones, sum_first = excluded.sum_first,
    sum_second = excluded.sum_second, collected_time = excluded.collected_time
"""
_PUT_BUCKET = """
INSERT INTO buckets VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (set_id, low) DO UPDATE SET
    bits = excluded.bits, entries = excluded.entries, sum_first = excluded.sum_first,
    sum_second = excluded.sum_second
"""
_PUT_RUN = """
INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET
    began = coalesce(excluded.began, began), address = coalesce(excluded.address, address),
    seen = coalesce(excluded.seen, seen), collected = coalesce(excluded.collected, collected)
"""
_TOMBSTONES = """
SELECT set_id, key, stamp, run_id, number, arrived FROM entries INDEXED BY tombstones
WHERE stamp & 1 AND arrived > ? AND arrived <= ? ORDER BY arrived LIMIT ?
"""
_DROP_ROWS = "DELETE FROM entries WHERE set_id = ? AND key = ?"
_ROWS_OF_KEYS = """
SELECT key, stamp, run_id, number, arrived FROM carray(?) AS wanted
CROSS JOIN entries ON set_id = ? AND key = wanted.value
"""
_FROM = """
SELECT key, stamp, run_id, number FROM entries WHERE set_id = ? AND key >= ? ORDER BY key LIMIT ?
"""
_BETWEEN = """
SELECT key, stamp, run_id, number FROM entries WHERE set_id = ? AND key >= ? AND key < ?
ORDER BY key LIMIT ?
"""
_ALL = -1
"""As a LIMIT: none."""
_VECTORS = {
    "seen": "SELECT run, seen FROM runs WHERE seen IS NOT NULL",
    "collected": "SELECT run, collected FROM runs WHERE collected IS NOT NULL",
}
_LOG_END = "SELECT value FROM facts WHERE name = 'log_end'"
_LOG = """
SELECT set_id, key, stamp, run_id, number, arrived FROM entries INDEXED BY entries_by_arrived
WHERE arrived > ? ORDER BY arrived LIMIT ?
"""


class _Names(dict[int, K]):
    """Names by their numbers; a number that the file gives no name is damage."""

    def __missing__(self, number: int) -> K:
        raise CorruptStore(f"a row has the number {number!r}, which stands for nothing")


class Numbering(Generic[K]):
    """The small numbers by which rows of one file name sets, or runs.

    Only the writer gives new ones; what it gave in a transaction that was rolled back is given
    again alike by the next, so readers never meet a number that they cannot name. The file may
    have gaps for it, where that next one never came.
    """

    __slots__ = ("_last", "ids", "names")

    def __init__(self, names: dict[int, K]) -> None:
        self.names: dict[int, K] = _Names(names)
        self.ids = {name: number for number, name in names.items()}
        self._last = max(names, default=0)

    def id_of(self, name: K) -> int:
        """Return the number of `name`, new if it had none."""
        number = self.ids.get(name)
        if number is None:
            number = self._last = self._last + 1
            self.names[number] = name
            self.ids[name] = number
        return number


class Numbers:
    """The numbers of one file's sets and runs."""

    __slots__ = ("runs", "sets")

    def __init__(self, connection: apsw.Connection) -> None:
        self.sets: Numbering[bytes] = Numbering(
            dict(connection.execute("SELECT id, name FROM sets"))
        )
        self.runs: Numbering[int] = Numbering(dict(connection.execute("SELECT id, run FROM runs")))


def load_ledger(connection: apsw.Connection) -> Ledger:
    """Return what the file says of itself."""
    facts = dict(connection.execute("SELECT name, value FROM facts"))
    ledger = Ledger(
        digest_key=facts["digest_key"],
        log_end=facts.get("log_end", 0),
        clock_last=facts.get("clock_last", 0),
        redotted=facts.get("redotted", 0),
        listed_before=facts.get("listed_before"),
        greatest_collected=facts.get("greatest_collected", 0),
        forgotten=facts.get("forgotten", 0),
        may_collect=bool(facts.get("may_collect", 0)),
    )
    if "copy_origin" in facts:
        ledger.origin = msgspec.msgpack.decode(facts["copy_origin"], type=CopyOrigin)
    if "distrusted" in facts:
        ledger.damage = Damage(msgspec.msgpack.decode(facts["distrusted"], type=Distrusted))
    began = "SELECT run, began FROM runs WHERE began IS NOT NULL ORDER BY began, id"
    ledger.own_runs = [OwnRun(*row) for row in connection.execute(began)]
    ledger.seen = GrowingVector(_vector(connection, "seen"))
    ledger.collected = GrowingVector(_vector(connection, "collected"))
    ledger.members = {
        address: MemberReport(run, msgspec.msgpack.decode(seen, type=dict[int, int]), silent_us)
        for address, run, seen, silent_us in connection.execute("SELECT * FROM members")
    }
    ledger.addresses = dict(
        connection.execute("SELECT run, address FROM runs WHERE address IS NOT NULL")
    )
    ledger.cursors = {
        address: Cursor(*cursor)
        for address, *cursor in connection.execute("SELECT * FROM cursors")
    }
    load_totals(connection, ledger)
    load_buckets(connection, ledger)
    for mark in connection.execute("SELECT * FROM marks ORDER BY wall_us DESC LIMIT 1"):
        ledger.last_mark = Mark(*mark)
    return ledger


def load_totals(connection: apsw.Connection, ledger: Ledger) -> None:
    """Read what each set adds up to."""
    rows = connection.execute(
        "SELECT name, present, tombstones, sum_first, sum_second, collected_time FROM sets"
    )
    for name, present, tombstones, first, second, collected_time in rows:
        sums = Sums(first, second)
        ledger.totals[name] = Totals(present, tombstones, sums, collected_time)
        ledger.sums = ledger.sums.plus(sums)


def load_buckets(connection: apsw.Connection, ledger: Ledger) -> None:
    """Read what the stretches of large sets add up to."""
    names = dict(connection.execute("SELECT id, name FROM sets"))
    rows = connection.execute("SELECT * FROM buckets ORDER BY set_id, low")
    for set_id, stretches in groupby(rows, key=itemgetter(0)):
        buckets = ledger.buckets[names[set_id]] = Buckets()
        for _, low, bits, entries, first, second in stretches:
            buckets.append(int.from_bytes(low), bits, entries, first, second)


def _vector(connection: apsw.Connection, column: str) -> dict[int, int]:
    return dict(connection.execute(_VECTORS[column]))


class _Stretch(NamedTuple):
    """Keys of rows that are alike, with consecutive log numbers from `first` on."""

    first: int
    keys: list[bytes]


class StoredRows:
    """The rows that one connection reads; see transaction.Stored."""

    __slots__ = ("_connection", "_numbers")

    def __init__(self, connection: apsw.Connection, numbers: Numbers) -> None:
        self._connection = connection
        self._numbers = numbers

    def fetch(self, set_name: bytes, keys: Sequence[bytes]) -> Iterator[tuple[bytes, Row]]:
        """Yield those of `keys`, sorted, that have rows, with these."""
        set_id, runs = self._numbers.sets.ids.get(set_name), self._numbers.runs.names
        if set_id is not None:
            wanted = apsw.carray(tuple(keys))
            for key, stamp, run_id, *rest in self._connection.execute(
                _ROWS_OF_KEYS, (wanted, set_id)
            ):
                yield key, _row(stamp, runs[run_id], *rest)

    def rows_between(
        self, set_name: bytes, low: bytes, high: bytes | None, limit: int = _ALL
    ) -> Iterator[Held]:
        """Yield up to `limit` rows of `low <= key < high` by key; None is above all keys."""
        set_id, runs = self._numbers.sets.ids.get(set_name), self._numbers.runs.names
        if high is None:
            rows = self._connection.execute(_FROM, (set_id, low, limit))
        else:
            rows = self._connection.execute(_BETWEEN, (set_id, low, high, limit))
        for key, stamp, run_id, number in rows:
            if type(key) is not bytes or type(stamp) is not int or type(number) is not int:
                raise CorruptStore(f"a row has {(key, stamp, number)!r:.200}")
            yield Held(key, stamp, runs[run_id], number)

    def tombstones(self, after: int, until: int, limit: int) -> Iterator[tuple[Key, Row]]:
        """Yield up to `limit` tombstones with `after < arrived <= until`, in that order."""
        sets, runs = self._numbers.sets.names, self._numbers.runs.names
        rows = self._connection.execute(_TOMBSTONES, (after, until, limit))
        for set_id, key, stamp, run_id, number, arrived in rows:
            yield (sets[set_id], key), _row(stamp, runs[run_id], number, arrived)


def _row(*values: Any) -> Row:
    """Return a row; raise CorruptStore where a value is none that one has."""
    if any(type(value) is not int for value in values):
        raise CorruptStore(f"a row has {values!r:.200}")
    return Row(*values)


def checked_entries(rows: Iterable[tuple[Any, ...]], after: bytes) -> list[tuple[bytes, int]]:
    """Return keys with stamps; raise CorruptStore where one is none, or they do not rise.

    A tree that leads back into itself would be read without end.
    """
    entries = [(key, stamp) for key, stamp in rows]
    for key, stamp in entries:
        if type(key) is not bytes or type(stamp) is not int:
            raise CorruptStore(f"a row has {(key, stamp)!r:.200}")
        if key <= after:
            raise CorruptStore(f"a row out of order has {(key, stamp)!r:.200}")
        after = key
    return entries


def store_changes(connection: apsw.Connection, numbers: Numbers, changes: Changes) -> None:
    """Write all that a transaction did into the tables."""
    set_id = numbers.sets.id_of
    dropped = sorted((set_id(name), key) for name, key in changes.dropped)
    connection.executemany(_DROP_ROWS, dropped)
    _store_rows(connection, numbers, changes)
    connection.executemany(
        _PUT_TOTALS,
        (
            (set_id(name), name, at.present, at.tombstones, *at.sums, at.collected_time)
            for name, at in changes.totals.items()
            if at.entries
        ),
    )
    _store_buckets(connection, numbers, changes)
    gone = [(set_id(name),) for name, at in changes.totals.items() if not at.entries]
    connection.executemany("DELETE FROM sets WHERE id = ?", gone)
    connection.executemany("DELETE FROM buckets WHERE set_id = ?", gone)
    _store_runs(connection, numbers, changes)
    _store_members(connection, changes)
    connection.executemany(
        "INSERT OR REPLACE INTO cursors VALUES (?, ?, ?, ?)",
        ((address, *cursor) for address, cursor in changes.cursors.items()),
    )
    connection.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", _facts(changes))
    if changes.mark is not None:
        connection.execute("DELETE FROM marks WHERE wall_us >= ?", (changes.mark.wall_us,))
        connection.execute("INSERT INTO marks VALUES (?, ?)", changes.mark)


def _store_rows(connection: apsw.Connection, numbers: Numbers, changes: Changes) -> None:
    """Write all rows; new ones that differ in nothing but key and number by one statement.

    That is what clients' writes of one commit mostly are, and half as dear as row by row.
    """
    set_ids, run_ids, before = numbers.sets.id_of, numbers.runs.id_of, changes.before
    alike: dict[tuple[bytes, int, int], _Stretch] = {}
    single = []
    for name, row in changes.rows.items():
        set_name, key = name
        stamp, run, number, arrived = row
        if number == arrived and before[name] is None:
            stretch = alike.get((set_name, stamp, run))
            if stretch is None:
                alike[set_name, stamp, run] = _Stretch(arrived, [key])
                continue
            if arrived == stretch.first + len(stretch.keys):
                stretch.keys.append(key)
                continue
        single.append((set_ids(set_name), key, stamp, run_ids(run), number, arrived))
    for (set_name, stamp, run), (first, keys) in alike.items():
        shared = (set_ids(set_name), stamp, run_ids(run), first - 1, first - 1)
        connection.execute(_PUT_NEW_ROWS, (*shared, apsw.carray(tuple(keys))))
    connection.executemany(_PUT_ROW, sorted(single))


def _store_buckets(connection: apsw.Connection, numbers: Numbers, changes: Changes) -> None:
    for name, renewed in changes.rebucketed.items():
        set_id = numbers.sets.id_of(name)
        connection.execute("DELETE FROM buckets WHERE set_id = ?", (set_id,))
        connection.executemany(_PUT_BUCKET, (_bucket_row(set_id, bucket) for bucket in renewed))
    for name, changed in changes.buckets.items():
        set_id = numbers.sets.id_of(name)
        in_order = map(changed.__getitem__, sorted(changed))
        connection.executemany(_PUT_BUCKET, (_bucket_row(set_id, bucket) for bucket in in_order))


def _bucket_row(set_id: int, bucket: Bucket) -> tuple[int, bytes, int, int, int, int]:
    low, bits, entries, (first, second) = bucket
    return set_id, low.to_bytes(POSITION_BYTES), bits, entries, first, second


def _store_members(connection: apsw.Connection, changes: Changes) -> None:
    if changes.members is None:
        return
    connection.execute("DELETE FROM members")
    connection.executemany(
        "INSERT INTO members VALUES (?, ?, ?, ?)",
        (
            (address, report.run, msgspec.msgpack.encode(report.seen), report.silent_us)
            for address, report in changes.members.items()
        ),
    )


def _facts(changes: Changes) -> Iterator[tuple[str, int | str | bytes]]:
    yield "log_end", changes.log_end
    yield "clock_last", changes.clock_last
    if changes.redotted is not None:
        yield "redotted", changes.redotted
    if changes.listed_before is not None:
        yield "listed_before", changes.listed_before
    if changes.greatest_collected:
        yield "greatest_collected", changes.greatest_collected
    if changes.forgotten:
        yield "forgotten", changes.forgotten
    if changes.may_collect:
        yield "may_collect", 1
    if changes.origin is not None:
        yield "copy_origin", msgspec.msgpack.encode(changes.origin)
    if changes.distrusted is not None:
        yield "distrusted", msgspec.msgpack.encode(changes.distrusted)


def _store_runs(connection: apsw.Connection, numbers: Numbers, changes: Changes) -> None:
    begun = changes.own_run
    named = {row.run for row in changes.rows.values()} - changes.seen.keys()
    touched = {
        **dict.fromkeys(named), **changes.addresses, **changes.seen, **changes.collected
    }  # fmt: skip
    if begun is not None:
        touched[begun.run] = None
    for run in touched:
        began = begun.began if begun is not None and begun.run == run else None
        collected = changes.collected.get(run)
        facts = (began, changes.addresses.get(run), changes.seen.get(run), collected)
        connection.execute(_PUT_RUN, (numbers.runs.id_of(run), run, *facts))


def read_log(connection: apsw.Connection, numbers: Numbers, after: int, limit: int) -> LogSlice:
    """Return rows of the log with the log's end; call it in one transaction."""
    log_end = cast("int", connection.execute(_LOG_END).get)
    sets, runs = numbers.sets.names, numbers.runs.names
    rows = [
        LogRow(arrived, _entry(sets[set_id], key, stamp, runs[run_id], number))
        for set_id, key, stamp, run_id, number, arrived in connection.execute(_LOG, (after, limit))
    ]
    return LogSlice(log_end, rows)


def _entry(set_name: bytes, key: Any, stamp: Any, run: int, number: Any) -> Entry:
    if type(key) is not bytes or type(stamp) is not int or type(number) is not int:
        raise CorruptStore(f"a row has {(key, stamp, number)!r:.200}")
    return Entry(set_name, element_of(key), stamp, run, number)


def all_rows(connection: apsw.Connection, numbers: Numbers) -> Iterator[tuple[Key, Row]]:
    """Yield every row of the file."""
    sets, runs = numbers.sets.names, numbers.runs.names
    for set_id, key, stamp, run_id, number, arrived in connection.execute("SELECT * FROM entries"):
        yield (sets[set_id], key), Row(stamp, runs[run_id], number, arrived)
