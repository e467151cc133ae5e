"""The store in memory: for the library's users, tests, and the simulation. Nothing survives it."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import islice
from typing import TypeVar

from lastword.replication.entries import NO_ORIGIN, Entry, Held
from lastword.replication.hashing import element_of, key_of
from lastword.replication.vectors import Vector
from lastword.store.base import BaseStore, LogRow, LogSlice, StoreOptions
from lastword.store.ledger import Changes, Key, Ledger, Mark, Row
from lastword.store.mend import mend
from lastword.store.news import Bounds, Met, News, Wants, bounded
from lastword.store.offers import Offers
from lastword.store.operations import BeginRun
from lastword.store.past import Span
from lastword.store.transaction import Operation, Transaction

T = TypeVar("T")


class MemoryImage:
    """What a file would hold: ledger, rows, and the log as a list of (log number, key).

    A row that changed leaves its old place in the log behind; such places are skipped, and
    dropped when they are more than half. The keys of each set are sorted when they are read.
    `beside` is the image of a copy that is under way.
    """

    __slots__ = ("_keys", "_tombstones", "_unsorted", "beside", "ledger", "log", "marks", "rows")

    def __init__(self, digest_key: bytes) -> None:
        self.ledger = Ledger(digest_key=digest_key)
        self.rows: dict[Key, Row] = {}
        self.log: list[tuple[int, Key]] = []
        self.marks: list[Mark] = []
        self._keys: dict[bytes, list[bytes]] = {}
        self._unsorted: set[bytes] = set()
        self._tombstones: dict[Key, int] = {}
        self.beside: MemoryImage | None = None

    def copy(self) -> "MemoryImage":
        """Return an image that later changes to this one leave alone."""
        image = MemoryImage(self.ledger.digest_key)
        image.ledger = self.ledger.copy()
        image.rows = self.rows.copy()
        image.log = self.log.copy()
        image.marks = self.marks.copy()
        image._keys = {name: keys.copy() for name, keys in self._keys.items()}
        image._unsorted = self._unsorted.copy()
        image._tombstones = self._tombstones.copy()
        image.beside = None if self.beside is None else self.beside.copy()
        return image

    def become(self, image: "MemoryImage") -> None:
        """Hold what `image` holds, which is used up, as a file takes the name of another."""
        for name in self.__slots__:
            setattr(self, name, getattr(image, name))

    def absorb(self, changes: Changes) -> None:
        """Take over what a transaction did."""
        self.ledger.absorb(changes)
        self._drop(changes.dropped)
        for name, row in changes.rows.items():
            if row.stamp & 1:
                self._tombstones[name] = row.arrived
            else:
                self._tombstones.pop(name, None)
        for name in changes.rows:
            if name not in self.rows:
                self._keys.setdefault(name[0], []).append(name[1])
                self._unsorted.add(name[0])
        self.rows.update(changes.rows)
        self.log += sorted((row.arrived, name) for name, row in changes.rows.items())
        if changes.mark is not None:
            wall_us = changes.mark.wall_us
            self.marks = [mark for mark in self.marks if mark.wall_us < wall_us]
            self.marks.append(changes.mark)
        if len(self.log) > 2 * len(self.rows) + 1_000:
            self.log = [place for place in self.log if self._is_current(*place)]

    def _drop(self, names: Iterable[Key]) -> None:
        for name in names:
            del self.rows[name]
            self._tombstones.pop(name, None)
            self._keys[name[0]].remove(name[1])

    def lose(self, names: Iterable[Key]) -> None:
        """Take rows out as if they had never been; ledger and sums stay as they are."""
        self._drop(names)
        self.log = [place for place in self.log if place[1] in self.rows]

    def fetch(self, set_name: bytes, keys: Sequence[bytes]) -> Iterator[tuple[bytes, Row]]:
        """Yield those of `keys` that have rows, with these."""
        for key in keys:
            row = self.rows.get((set_name, key))
            if row is not None:
                yield key, row

    def rows_between(self, set_name: bytes, low: bytes, high: bytes | None) -> Iterator[Held]:
        """Yield the rows of `low <= key < high` in the order of keys; None is above all keys."""
        keys = self._keys.get(set_name, [])
        if set_name in self._unsorted:
            keys.sort()
            self._unsorted.remove(set_name)
        end = len(keys) if high is None else bisect_left(keys, high)
        for index in range(bisect_left(keys, low), end):
            row = self.rows.get((set_name, keys[index]))
            if row is not None:
                yield Held(keys[index], row.stamp, row.run, row.number)

    def tombstones(self, after: int, until: int, limit: int) -> Iterator[tuple[Key, Row]]:
        """Yield up to `limit` tombstones with `after < arrived <= until`, in that order."""
        held = self._tombstones.items()
        places = sorted((arrived, name) for name, arrived in held if after < arrived <= until)
        return ((name, self.rows[name]) for _, name in places[:limit])

    def log_rows(self, after: int, limit: int) -> list[LogRow]:
        """Return up to `limit` rows after log number `after`, in order."""
        found: list[LogRow] = []
        for index in range(bisect_right(self.log, after, key=lambda at: at[0]), len(self.log)):
            arrived, name = self.log[index]
            if self._is_current(arrived, name):
                row = self.rows[name]
                entry = Entry(name[0], element_of(name[1]), row.stamp, row.run, row.number)
                found.append(LogRow(arrived, entry))
                if len(found) == limit:
                    break
        return found

    def _is_current(self, arrived: int, name: Key) -> bool:
        row = self.rows.get(name)
        return row is not None and row.arrived == arrived


class MemoryStore(BaseStore):
    """A store whose file is an image in memory.

    Given an `image` it opens that one, as a process opens a file: a new run begins on it.
    """

    def __init__(self, options: StoreOptions, image: MemoryImage | None = None) -> None:
        self.image = MemoryImage(options.digest_key) if image is None else image
        self.copy: MemoryStore | None = None
        self.refused: list[Entry] = []
        super().__init__(options, self.image.ledger)
        mend(self)
        self.execute(BeginRun(options.new_run()))
        if self.image.beside is not None:
            self.copy = MemoryStore(options, self.image.beside)

    def execute(self, operation: Operation[T]) -> T:
        """Do `operation` at once."""
        options = self.options
        transaction = Transaction(
            self.ledger,
            wall=options.wall,
            max_skew_us=options.max_skew_us,
            bucketed_entries=options.bucketed_entries,
            stored=self.image,
        )
        transaction.load(operation.touches())
        result = operation.run(transaction)
        self.absorb(changes := transaction.finish())
        self.past.take(changes)
        return result

    def absorb(self, changes: Changes) -> None:
        """Store what a transaction did."""
        self.image.absorb(changes)

    def begin_copy(self) -> "MemoryStore":
        """Begin a copy in a new image, in place of any other copy."""
        self.image.beside = MemoryImage(self.digest_key)
        self.copy = MemoryStore(self.options, self.image.beside)
        return self.copy

    def drop_copy(self) -> None:
        """Give up the copy."""
        self.copy = self.image.beside = None

    def take_over(self, collected: Vector, least_time: int, greatest_time: int) -> int:
        """Put the copy in the place of what is held; return how many entries it refused."""
        copy = self.copy
        if copy is None:
            return 0
        self.complete(copy, collected, least_time, greatest_time)
        copy.keep_origin(NO_ORIGIN)
        offers = Offers(self, copy).make(is_last=True)
        refused = [entry for part in offers for entry in part]
        self.refused += refused
        self.copy = None
        self.become(copy.image)
        return len(refused)

    def become(self, image: MemoryImage) -> None:
        """Hold `image` from now on."""
        self.image.become(image)
        self.ledger = self.image.ledger
        self.past.forget_numbers(self.ledger.log_end)
        self.forget_derived()

    def stamp_of(self, set_name: bytes, element: bytes) -> int | None:
        """Return the stamp of an element, or None where none is held."""
        row = self.row_of(set_name, element)
        return None if row is None else row.stamp

    def row_of(self, set_name: bytes, element: bytes) -> Row | None:
        """Return the row of an element, or None where none is held."""
        self.damage.check(set_name)
        return self.image.rows.get((set_name, key_of(set_name, element, self.ledger.digest_key)))

    def read_entries(self, set_name: bytes, after: bytes, limit: int) -> list[tuple[bytes, int]]:
        """Return up to `limit` keys with their stamps, in the order of keys, after key `after`."""
        found = self.image.rows_between(set_name, after + b"\0", None)
        return [(held.key, held.stamp) for held in islice(found, limit)]

    def read_rows(self, set_name: bytes, low: bytes, high: bytes | None, limit: int) -> list[Held]:
        """Return up to `limit` rows of `low <= key < high`; None is above all keys."""
        return list(islice(self.image.rows_between(set_name, low, high), limit))

    def reading(self) -> AbstractContextManager[None]:
        """Do nothing: nobody else writes meanwhile."""
        return nullcontext()

    def read_log(self, after: int, limit: int) -> LogSlice:
        """Return up to `limit` rows after log number `after`, in order."""
        return LogSlice(self.ledger.log_end, self.image.log_rows(after, limit))

    def read_news(self, after: int, wants: Wants, bounds: Bounds) -> News:
        """Return what is new in some sets after a log number."""
        ledger, found = self.ledger, self.image.log_rows(after, bounds.looked_at)
        until = found[-1].arrived if len(found) == bounds.looked_at else ledger.log_end
        wanted = self.damage.sound(wants)
        met = (Met(*row.entry[:3], row.arrived) for row in found if wanted(row.entry.set_name))
        rows, cut = bounded(met, bounds)
        return News(rows[-1].arrived if cut else until, ledger.log_end, ledger.forgotten, rows)

    def greatest_arrived(self) -> int:
        """Return the greatest log number that a row has."""
        log = self.image.log
        return log[-1][0] if log else 0

    def mark_after(self, wall_us: int) -> int | None:
        """Return the number of the first mark that was set after `wall_us`, if there is one."""
        index = bisect_right(self.image.marks, wall_us, key=lambda mark: mark.wall_us)
        return self.image.marks[index].number if index < len(self.image.marks) else None

    def marks_around(self, number: int) -> Span:
        """Return between which marks a log number was given."""
        marks = self.image.marks
        before = [at.wall_us for at in marks if 0 < at.number < number]
        after = [at.wall_us for at in marks if at.number >= number]
        return Span(max(before, default=None), min(after, default=None))

    def tombstones_until(self, number: int) -> int:
        """Return how many tombstones arrived up to a log number."""
        return sum(1 for _ in self.image.tombstones(0, number, len(self.image.rows)))

    def all_rows(self) -> Iterator[tuple[Key, Row]]:
        """Yield every row."""
        yield from self.image.rows.items()

    def close(self) -> None:
        """Do nothing: there is nothing to let go of."""
