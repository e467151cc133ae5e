"""Saving what can be read of a file on which no node can start, and moving it out of the way.

The file is kept as it is, under another name. What could be read of it is in two bundles: the rows
of stretches that add up to their sums, and apart from them those that do not, or of which no sums
could be read. A stretch of keys that cannot be read is halved until what is left is small.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self, cast

import apsw

from lastword.crdt.bundle import BundleWriter
from lastword.crdt.stamp import is_removed
from lastword.errors import ForeignFile, StoreError
from lastword.limits import STAMP_MAX
from lastword.replication.entries import Bucket
from lastword.replication.hashing import (
    DIGEST_KEY_DEFAULT,
    POSITION_BITS,
    PRIME,
    Hasher,
    Sums,
    element_of,
    first_key,
    hasher,
)
from lastword.store.buckets import width
from lastword.store.ledger import Ledger
from lastword.store.operations import PEERS_SET
from lastword.store.sqlite import tables
from lastword.store.sqlite.file import (
    FileLock,
    disk_errors,
    has_content,
    opened_unlocked,
    sync_folder,
)
from lastword.store.sqlite.header import may_be_ours, readable

HALVED_BITS: Final = 22
"""A stretch that cannot be read is halved down to a four millionth of a set: less than the page of
one with a hundred million elements."""

HALVED_BY: Final = 2
"""Bits at a time: a bad page costs a few readings on each level."""

PLACES_MAX: Final = 100_000
"""Readings that fail; of a file that is bad throughout, more would only take time."""

_ROWS = "SELECT key, stamp FROM entries WHERE set_id = ? AND key >= ? ORDER BY key"
_ROWS_BELOW = f"{_ROWS.removesuffix(' ORDER BY key')} AND key < ? ORDER BY key"

_NAMES = (
    "SELECT id, name FROM sets ORDER BY id",
    "SELECT id, name FROM sets ORDER BY id DESC",
)

_Rows = list[tuple[bytes, int]]


@dataclass(slots=True)
class Rescued:
    """What came of it: where the file is now, the bundles with their counts, and what was lost.

    `members` are the addresses that the file listed; a new file knows nobody.
    """

    kept: Path
    sound: Path | None = None
    doubtful: Path | None = None
    sound_elements: int = 0
    doubtful_elements: int = 0
    unreadable: int = 0
    members: list[str] = field(default_factory=list)


def rescue(path: Path, wall_us: int) -> Rescued:
    """Save what can be read of a file, then give it another name.

    Raises FileInUse where a node runs on it, FileUnusable where there is none or the disk fails,
    and ForeignFile for one that is none of ours and that no node had open.
    """
    with disk_errors(path):
        if not has_content(path):
            raise ForeignFile(f"{path} is not there, or empty", hint="Check the path of -d.")
        with path.open("rb") as file:
            is_ours = may_be_ours(file.read(100))
        if not is_ours and not Path(f"{path.resolve()}-lock").exists():
            raise ForeignFile(f"{path} is not a file of lastword, and no node had it open")
    lock = FileLock(path)
    try:
        when = datetime.fromtimestamp(wall_us // 1_000_000, UTC).strftime("%Y%m%dT%H%M%SZ")
        rescued = Rescued(Path(f"{path}-damaged-{when}"))
        with (
            _Bundles(path, wall_us, rescued) as bundles,
            suppress(StoreError),
            readable(path) as readable_path,
            opened_unlocked(readable_path) as connection,
        ):
            _Reading(connection, bundles, rescued).read_all()
        with disk_errors(path):
            for suffix in ("-wal", ""):
                with suppress(FileNotFoundError):
                    Path(f"{path}{suffix}").replace(f"{rescued.kept}{suffix}")
            Path(f"{path}-shm").unlink(missing_ok=True)
            sync_folder(path)
    finally:
        lock.release()
    return rescued


class _Reading:
    """Reads the rows of one file, around what cannot be read."""

    def __init__(self, connection: apsw.Connection, bundles: "_Bundles", rescued: Rescued) -> None:
        self._connection = connection
        self._bundles = bundles
        self._rescued = rescued
        self._failed = 0
        self._ledger = self._load()
        self._key = self._digest_key()

    def read_all(self) -> None:
        """Read every set that has a name."""
        for set_id, name in sorted(self._names().items()):
            if name == PEERS_SET:
                self._read_members(set_id)
            else:
                for at in self._stretches(name):
                    self._read_stretch(set_id, name, at)

    def _load(self) -> Ledger:
        """Return what the file says of itself, or at least what its sets add up to."""
        failures = (*tables.UNREADABLE, StoreError)
        try:
            return tables.load_ledger(self._connection)
        except failures:
            ledger = Ledger()
        for load in (tables.load_totals, tables.load_buckets):
            with suppress(*failures):
                load(self._connection, ledger)
        return ledger

    def _digest_key(self) -> bytes:
        """Return the file's key; where that cannot be read, the one that most clusters have."""
        try:
            found = self._connection.execute(
                "SELECT value FROM facts WHERE name = 'digest_key'"
            ).get
        except apsw.Error:
            found = None
        return found if isinstance(found, bytes) else DIGEST_KEY_DEFAULT

    def _names(self) -> dict[int, bytes]:
        """Return the names of sets, as many as can be read, from both ends."""
        names: dict[int, bytes] = {}
        for query in _NAMES:
            with suppress(apsw.Error):
                for set_id, name in self._connection.execute(query):
                    names[cast("int", set_id)] = cast("bytes", name)
        return names

    def _stretches(self, name: bytes) -> Iterator[Bucket]:
        """Yield the stretches of a set with what they add up to; one without sums is doubtful."""
        ledger, totals = self._ledger, self._ledger.totals.get(name)
        if totals is None or name in ledger.damage.sets:
            yield Bucket(0, 0, -1, Sums())
            return
        buckets = ledger.buckets.get(name)
        if buckets is None or not buckets.is_partition():
            yield Bucket(0, 0, totals.entries, totals.sums)
        else:
            yield from buckets

    def _read_stretch(self, set_id: int, name: bytes, at: Bucket) -> None:
        places, rows = hasher(name, self._key), _Rows()
        failed = self._failed
        for part in self._rows(set_id, at.low, at.bits):
            rows += part
        rows = [row for row in rows if _makes_sense(places, *row)]
        if self._failed == failed and _added_up(places, rows) == at[2:]:
            self._bundles.sound(name, rows)
        else:
            self._bundles.doubtful(name, rows)

    def _rows(self, set_id: int, low: int, bits: int) -> Iterator[_Rows]:
        """Yield the rows of a stretch, around what cannot be read of it."""
        if self._failed > PLACES_MAX:
            return
        start, end = first_key(low) or b"", first_key(low + width(bits))
        asked = (set_id, start) if end is None else (set_id, start, end)
        try:
            rows = self._connection.execute(_ROWS if end is None else _ROWS_BELOW, asked)
            found = cast("_Rows", rows.fetchall())
        except apsw.Error:
            self._failed += 1
        else:
            yield found
            return
        if bits >= HALVED_BITS:
            self._rescued.unreadable += 1
            return
        depth = min(bits + HALVED_BY, POSITION_BITS)
        for part in range(low, low + width(bits), width(depth)):
            yield from self._rows(set_id, part, depth)

    def _read_members(self, set_id: int) -> None:
        for rows in self._rows(set_id, 0, 0):
            self._rescued.members += [
                element_of(key).decode(errors="replace")
                for key, stamp in rows
                if not is_removed(stamp)
            ]


def _makes_sense(places: Hasher, key: bytes, stamp: int) -> bool:
    return places.place(element_of(key)).key == key and 0 <= stamp <= STAMP_MAX


def _added_up(places: Hasher, rows: _Rows) -> tuple[int, Sums]:
    first = second = 0
    for key, stamp in rows:
        sums = places.place(element_of(key)).change(None, stamp)
        first += sums.first
        second += sums.second
    return len(rows), Sums(first % PRIME, second % PRIME)


class _Bundles:
    """The two bundles; each is there only where something was written to it. A context manager."""

    def __init__(self, path: Path, wall_us: int, rescued: Rescued) -> None:
        self._path = path
        self._rescued = rescued
        self._begin = BundleWriter.begin(path.name, wall_us)
        self._names = {
            kind: Path(f"{rescued.kept}-{kind}.ndjson") for kind in ("rescued", "doubtful")
        }
        self._writers: dict[str, BundleWriter] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for kind, writer in self._writers.items():
            self._write(kind, writer.end())

    def sound(self, name: bytes, rows: _Rows) -> None:
        """Keep rows that add up."""
        self._rescued.sound_elements += self._put("rescued", name, rows)
        self._rescued.sound = self._named("rescued")

    def doubtful(self, name: bytes, rows: _Rows) -> None:
        """Keep rows that do not, or that nobody knows of."""
        self._rescued.doubtful_elements += self._put("doubtful", name, rows)
        self._rescued.doubtful = self._named("doubtful")

    def _named(self, kind: str) -> Path | None:
        return self._names[kind] if kind in self._writers else None

    def _put(self, kind: str, name: bytes, rows: _Rows) -> int:
        try:
            set_name = name.decode()
        except UnicodeDecodeError:
            return 0
        if not rows:
            return 0
        if kind not in self._writers:
            self._writers[kind] = BundleWriter()
            self._write(kind, iter([self._begin]), "wb")
        entries = ((element_of(key), stamp) for key, stamp in rows)
        self._write(kind, self._writers[kind].put(set_name, entries))
        return len(rows)

    def _write(self, kind: str, lines: Iterator[bytes], mode: str = "ab") -> None:
        with disk_errors(self._path), self._names[kind].open(mode) as file:
            file.writelines(lines)
