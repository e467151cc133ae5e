"""The store in one SQLite file in WAL mode: one thread writes, readers have their connections."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TypeVar, cast

import apsw

from lastword.errors import CorruptStore, DiskFailed, StoreError
from lastword.replication.entries import NO_ORIGIN, Held
from lastword.replication.hashing import element_of, hasher, key_of
from lastword.replication.vectors import Vector
from lastword.store.base import BaseStore, LogSlice, StoreOptions
from lastword.store.damage import MISSHAPEN, place_of
from lastword.store.ledger import Key, Row
from lastword.store.mend import mend
from lastword.store.news import Bounds, News, Wants
from lastword.store.offers import Offers
from lastword.store.operations import BeginRun
from lastword.store.past import Span
from lastword.store.set_cache import HeldSet
from lastword.store.sqlite import news, places, tables
from lastword.store.sqlite.file import (
    FileLock,
    failure,
    is_misshapen,
    reading,
    recognise,
)
from lastword.store.sqlite.open_file import OpenFile
from lastword.store.sqlite.readers import Readers
from lastword.store.sqlite.refused import RefusedEntries
from lastword.store.sqlite.scrub import Scrub
from lastword.store.sqlite.verify import verify
from lastword.store.sqlite.writer import Writer
from lastword.store.transaction import Operation

logger = logging.getLogger(__name__)
T = TypeVar("T")

_START = "Start the node again: the new start finds the one that stands."

OFFER_PASSES = 3
"""Each offers a copy what was written during the one before; writes wait for the last one only."""

LOGGED_SETS = 20
"""Sets with parts that cannot be read are named up to so many."""

HOLD_CHUNK = 1_000
"""Elements that are loaded into memory at once, while others may run."""

_PRESENT = """
SELECT key FROM carray(?) AS wanted CROSS JOIN entries ON set_id = ? AND key = wanted.value
WHERE stamp & 1 = 0
"""
_PRESENT_KEYS = """
SELECT key, stamp FROM entries WHERE set_id = ? AND key > ? AND stamp & 1 = 0
ORDER BY key LIMIT ?
"""
_STAMP = "SELECT stamp FROM entries WHERE set_id = ? AND key = ?"
_CHUNK = "SELECT key, stamp FROM entries WHERE set_id = ? AND key > ? ORDER BY key LIMIT ?"
_COUNT_TOMBSTONES = """
SELECT count(*) FROM entries INDEXED BY tombstones WHERE stamp & 1 AND arrived <= ?
"""
_MARK_BEFORE = "SELECT max(wall_us) FROM marks WHERE number < ? AND number > 0"
_MARK_AT = "SELECT min(wall_us) FROM marks WHERE number >= ?"
_GREATEST = "SELECT max(arrived) FROM entries INDEXED BY entries_by_arrived"
_MARK_AFTER = "SELECT number FROM marks WHERE wall_us > ? ORDER BY wall_us LIMIT 1"


class SqliteStore(BaseStore):
    """A store on disk. Its reads may be called from any thread; each has its own connection.

    Another file may take the place of its own (`take_over`). A reading that is under way then
    ends on the file that it began with; the thread's next one is of the new one.
    """

    def __init__(self, path: Path | str, options: StoreOptions) -> None:
        """Open the file, make it if there is none, and begin a run on it.

        Raises FileInUse, ForeignFile, NewerFormat, FileUnusable or CorruptStore.
        """
        self.path = Path(path)
        recognise(self.path)
        self._lock = FileLock(self.path)
        try:
            places.finish_change(self.path)
            self._open(options)
        except BaseException:
            self._lock.release()
            raise

    def _open(self, options: StoreOptions) -> None:
        self.file = file = OpenFile(self.path, options)
        super().__init__(options, file.ledger)
        self.cache = file.cache
        self.copy: SqliteStore | None = None
        self._readers = Readers(self.path, file)
        self.writer = Writer(file, options, self.past)
        if file.log_unread.frames:
            logger.warning(
                "%d frames of the log of %s are not read, since one before them does not hold: a "
                "crash in the middle of a commit, or damage; what members have comes back",
                file.log_unread.frames,
                self.path,
            )
        try:
            mend(self)
            self.execute(BeginRun(options.new_run()))
            self.copy = self._left_copy()
            if file.log_unread.has_commits:
                self._scrub()
        except BaseException:
            self.close()
            raise

    def _scrub(self) -> None:
        """Go over all of the file before anything of it is served."""
        scrub = Scrub(self)
        while not scrub.is_over:
            scrub.step()

    # -- writes; `writer` says how an event loop takes part in them

    def execute(self, operation: Operation[T]) -> T:
        """Do `operation`, and wait until it is on disk."""
        return self.writer.execute(operation)

    @property
    def commits(self) -> int:
        """How many transactions were committed since the file was opened."""
        return self.writer.commits

    def distrust(self, set_name: bytes, why: str = "") -> bool:
        """Serve a set no longer whose rows and sums differ, from memory neither."""
        is_damaged = super().distrust(set_name, why)
        with self.writer.between_commits:
            if is_damaged and self.cache.elements_of(set_name) is not None:
                self.cache.drop(set_name)
        return is_damaged

    @property
    def log_frames_unread(self) -> int:
        """Frames of the log that were lost at the start, behind one that did not hold."""
        return self.file.log_unread.frames

    # -- beginning afresh

    def begin_copy(self) -> "SqliteStore":
        """Begin a copy in a new file beside this one, in place of any other copy.

        Raises ForeignFile or FileInUse where that name is another's, FileUnusable where the disk
        fails.
        """
        self.drop_copy()
        self.copy = copy = SqliteStore(places.copy_of(self.path), self._copy_options())
        try:
            places.note_original(copy.file.writing, self.ledger.own_runs[0].run)
        except BaseException:
            self.drop_copy()
            raise
        return copy

    def drop_copy(self) -> None:
        """Give up the copy, and remove its file."""
        copy, self.copy = self.copy, None
        if copy is not None:
            copy.close()
        places.remove_copy(self.path)

    def take_over(self, collected: Vector, least_time: int, greatest_time: int) -> int:
        """Put the copy's file in the place of this one; return how many entries it refused.

        Writes wait only while the copy is offered what came since it was offered all else, and
        while the files change places. Where something fails before the copy stands for the file
        (`places` says when that is), this store goes on as if there had been no copy.
        """
        copy = self.copy
        if copy is None:
            return 0
        refused = RefusedEntries(self.path, copy.run, self.options.wall())
        with ExitStack() as pause:
            try:
                copy.keep_origin(NO_ORIGIN)  # from here on no page of its source may follow
                self.complete(copy, collected, least_time, greatest_time)
                offers = Offers(self, copy)
                for _ in range(OFFER_PASSES):
                    refused.gather(offers.make())
                copy.file.checkpoint()
                pause.enter_context(self.writer.paused())
                refused.gather(offers.make(is_last=True))
                refused.keep()
                copy.close()
                places.check_closed(self.path)
            except BaseException:
                refused.discard()
                self.drop_copy()
                raise
            self._become(copy)
        for what, names in (
            ("could not be read, and what only they had is", offers.unreadable),
            ("did not add up, and what is gone of them and only they had is", offers.unsound),
        ):
            if names:
                shown = ", ".join(sorted({repr(name) for name in names})[:LOGGED_SETS])
                logger.error("%d parts of sets %s lost here: %s", len(names), what, shown)
        if offers.untrue:
            logger.error(
                "%d elements lie where rows do not add up to their sums: they are kept in %s, and "
                "nobody knows whether they are true; look at them before you import any",
                offers.untrue,
                refused.path,
            )
        if refused.count > offers.untrue:
            logger.warning(
                "%d entries that only this node had may be of what was removed long ago: they "
                "are refused, and kept in %s; lastword import adds them with --ghosts=readd",
                refused.count - offers.untrue,
                refused.path,
            )
        return refused.count

    def _become(self, copy: "SqliteStore") -> None:
        """Let the copy's file be this store's, while nothing is written and no reader is made.

        Where that fails it is not known which file stands: only a start can tell.
        """
        with self.writer.between_commits, self._readers.none_is_made():
            try:
                places.name_whole(self.path)
                self.file.leave()
                places.change_places(self.path)
                file = OpenFile(self.path, self.options, known=copy.file)
            except BaseException as error:
                self._readers.refuse()
                failed = f"{self.path} could not be replaced: {error}"
                self.writer.fail(DiskFailed(failed, hint=_START))
                raise
            self.file, self.ledger, self.cache = file, file.ledger, file.cache
            self.copy = None
            self.past.forget_numbers(file.ledger.log_end)
            self.writer.write_to(file)
            self._readers.read(file)
            self.forget_derived()

    def _left_copy(self) -> "SqliteStore | None":
        """Return the copy of this file that was under way when the last process ended, opened.

        One that cannot be used is left to be removed by the next copy.
        """
        try:
            if places.is_copy_of(self.path, self.ledger.own_runs[0].run):
                return SqliteStore(places.copy_of(self.path), self._copy_options())
        except StoreError as error:
            logger.warning("the copy of %s is not gone on with: %s", self.path, error)
        return None

    def _copy_options(self) -> StoreOptions:
        return replace(self.options, digest_key=self.ledger.digest_key)

    # -- reads

    @contextmanager
    def _reading(self, what: bytes | str) -> Iterator[None]:
        """Turn what SQLite says of a read into an error of ours; what cannot be read is noted.

        `what` is being read: a set by its name, or something else in words.
        """
        try:
            yield
        except (apsw.Error, CorruptStore) as error:
            raise self._failed(error, what) from error

    def _failed(self, error: apsw.Error | CorruptStore, what: bytes | str) -> StoreError:
        outcome = failure(error, self.path) if isinstance(error, apsw.Error) else error
        if isinstance(outcome, CorruptStore):
            damage = self._readers.view.file.ledger.damage
            damage.note_read(place_of(what))
            if isinstance(what, bytes) and is_misshapen(error):
                damage.distrust(what, MISSHAPEN)
        return outcome

    @property
    def _reader(self) -> apsw.Connection:
        """The reading connection of the calling thread."""
        return self._readers.view.connection

    def stamp_of(self, set_name: bytes, element: bytes) -> int | None:
        """Return the stamp of an element, or None where none is held."""
        file, numbers, connection = self._readers.view
        if set_name in file.ledger.damage.sets:
            file.ledger.damage.check(set_name)
        set_id = numbers.sets.ids.get(set_name)
        key = key_of(set_name, element, self.ledger.digest_key)
        try:  # not by `_reading`, which would add a third to the cost
            stamp = connection.execute(_STAMP, (set_id, key)).get
        except apsw.Error as error:
            raise self._failed(error, set_name) from error
        if stamp is None or type(stamp) is int:
            return stamp
        raise self._failed(CorruptStore(f"a stamp is {stamp!r}"), set_name)

    def row_of(self, set_name: bytes, element: bytes) -> Row | None:
        """Return the row of an element, or None where none is held."""
        self.ledger.damage.check(set_name)
        with self._reading(set_name):
            _, numbers, connection = self._readers.view
            key = key_of(set_name, element, self.ledger.digest_key)
            found = tables.StoredRows(connection, numbers).fetch(set_name, (key,))
            return next((row for _, row in found), None)

    def contains_each(self, set_name: bytes, elements: Sequence[bytes]) -> list[bool]:
        """Return of each of `elements` whether it is present, by one statement."""
        if len(elements) < 2:
            return super().contains_each(set_name, elements)
        self.damage.check(set_name)
        keys = tuple(map(hasher(set_name, self.ledger.digest_key).key, elements))
        with self._reading(set_name):
            _, numbers, connection = self._readers.view
            wanted = apsw.carray(keys), numbers.sets.ids.get(set_name)
            present = {key for (key,) in connection.execute(_PRESENT, wanted)}
        return [key in present for key in keys]

    def hold(self, set_name: bytes) -> None:
        """Load a set into `cache`, if it fits; what is written meanwhile is not missed.

        One that is held, or being loaded, stays as it is. O(entries): not for an event loop.
        """
        absorbing = self.writer.between_commits
        self.damage.check(set_name)
        try:
            with absorbing:
                cache = self.cache
                if set_name in cache:
                    return
                self.begin_snapshot()
                self.begin_reading()
                held = cache.begin(set_name)
            try:
                self._load(set_name, held, cache.bytes_max)
            except BaseException:
                with absorbing:
                    cache.drop(set_name)
                raise
        finally:
            self.end_snapshot()
        with absorbing:
            if held.size > cache.bytes_max or set_name in self.damage.sets:
                cache.drop(set_name)
            else:
                cache.finish(set_name)

    def _load(self, set_name: bytes, held: HeldSet, bytes_max: int) -> None:
        with self._reading(set_name):
            for elements in self._present(set_name):
                held.add(elements)
                if held.size > bytes_max:
                    return

    def _present(self, set_name: bytes) -> Iterator[list[bytes]]:
        """Yield the present elements of a set, some at a time."""
        _, numbers, connection = self._readers.view
        set_id, after = numbers.sets.ids.get(set_name), b""
        while rows := connection.execute(_PRESENT_KEYS, (set_id, after, HOLD_CHUNK)).fetchall():
            keys = [key for key, _ in tables.checked_entries(rows, after)]
            yield [element_of(key) for key in keys]
            after = keys[-1]

    def read_entries(self, set_name: bytes, after: bytes, limit: int) -> list[tuple[bytes, int]]:
        """Return up to `limit` keys with their stamps, in the order of keys, after key `after`."""
        with self._reading(set_name):
            _, numbers, connection = self._readers.view
            set_id = numbers.sets.ids.get(set_name)
            rows = connection.execute(_CHUNK, (set_id, after, limit)).fetchall()
            return tables.checked_entries(rows, after)

    def read_rows(self, set_name: bytes, low: bytes, high: bytes | None, limit: int) -> list[Held]:
        """Return up to `limit` rows of `low <= key < high`; None is above all keys."""
        with self._reading(set_name):
            _, numbers, connection = self._readers.view
            stored = tables.StoredRows(connection, numbers)
            return list(stored.rows_between(set_name, low, high, limit))

    def read_log(self, after: int, limit: int) -> LogSlice:
        """Return up to `limit` rows after log number `after`, from one snapshot."""
        with self._reading("the log"), self.snapshot():
            _, numbers, connection = self._readers.view
            return tables.read_log(connection, numbers, after, limit)

    def read_news(self, after: int, wants: Wants, bounds: Bounds) -> News:
        """Return what is new in some sets after a log number, from one snapshot."""
        with self._reading("the log"), self.snapshot():
            file, numbers, connection = self._readers.view
            wanted = file.ledger.damage.sound(wants)
            return news.read_news(connection, numbers, after, wanted, bounds)

    def greatest_arrived(self) -> int:
        """Return the greatest log number that a row has, from the index alone."""
        try:
            with self._reading("the log"):
                return cast("int", self._reader.execute(_GREATEST).get or 0)
        except CorruptStore:  # it is noted
            return 0

    def mark_after(self, wall_us: int) -> int | None:
        """Return the number of the first mark that was set after `wall_us`, if there is one."""
        with self._reading("the marks"):
            return cast("int | None", self._reader.execute(_MARK_AFTER, (wall_us,)).get)

    def marks_around(self, number: int) -> Span:
        """Return between which marks a log number was given. O(marks)."""
        with self._reading("the marks"):
            execute = self._reader.execute
            return Span(*(execute(sql, (number,)).get for sql in (_MARK_BEFORE, _MARK_AT)))

    def tombstones_until(self, number: int) -> int:
        """Return how many tombstones arrived up to a log number; from their index alone."""
        with self._reading("the index of tombstones"):
            return cast("int", self._reader.execute(_COUNT_TOMBSTONES, (number,)).get)

    def all_rows(self) -> Iterator[tuple[Key, Row]]:
        """Yield every row, from one snapshot."""
        with self._reading("all rows"):
            _, numbers, connection = self._readers.view
            yield from tables.all_rows(connection, numbers)

    def reading(self) -> AbstractContextManager[None]:
        """Let the rows that this thread reads within the block come from one snapshot."""
        return self.snapshot()

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let all reads of the calling thread see one state within the block.

        Within another such block it is that one's.
        """
        if self._reader.in_transaction:
            yield
            return
        self.begin_snapshot()
        try:
            yield
        finally:
            self.end_snapshot()

    def begin_snapshot(self) -> None:
        """Let all reads of the calling thread see one state, until `end_snapshot`.

        It also takes the locks of a read once for all of them, which cost more than the read.
        """
        with self._reading("a snapshot"):
            self._reader.execute("BEGIN")

    def begin_reading(self) -> apsw.Connection:
        """Let the snapshot of the calling thread be of now; return the connection that has it.

        Without it a snapshot is of when it is first read from.
        """
        with self._reading("the schema"):
            self._reader.execute("SELECT count(*) FROM sqlite_schema").fetchall()
        return self._reader

    def end_snapshot(self) -> None:
        """Let the reads of the calling thread see each commit again."""
        reader = self._reader
        for end in ("COMMIT", "ROLLBACK"):  # after a failed read the first one may fail as well
            with suppress(apsw.Error):
                if reader.in_transaction:
                    reader.execute(end)

    # -- upkeep

    def check(self) -> None:
        """Verify the pages, then every invariant, then that memory and file say the same.

        Writes may go on meanwhile: what is verified is one snapshot of the file. Commits wait
        for the last comparison only.
        """
        self.damage.check_nothing()
        with reading(self.path), self.snapshot():
            found = verify(self._reader, self.path, self.options.bucketed_entries)
        for problem in found.problems:
            raise CorruptStore(problem)
        with reading(self.path), self.writer.between_commits:
            kept = tables.load_ledger(self._reader)
            if kept != self.ledger:
                raise CorruptStore(
                    f"{self.path}: the file says otherwise than memory of its facts"
                )

    def close(self) -> None:
        """Finish what was submitted, and let go of the file; a second call does nothing."""
        self._readers.refuse()
        self.writer.close()
        self._readers.close()
        self.file.close()
        if self.copy is not None:
            self.copy.close()
        self._lock.release()
