"""Who writes to the file, one group at a time. What arrives during a commit is the next group.

An operation's result is handed over after the commit is on disk, its error as soon as the group
ends. After a failed commit whose outcome on the disk is unknown nothing more is written until the
file is opened again (Rebello et al., "Can Applications Recover from fsync Failures?", ATC 2020).
"""

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from time import monotonic
from typing import Any, TypeVar

import apsw

from lastword.errors import CorruptStore, DiskFailed, LastwordError, StoreError, Unavailable
from lastword.limits import BRIEF_ROWS_MAX, GROUP_ROWS_MAX, WRITES_PENDING_MAX
from lastword.store.base import StoreOptions
from lastword.store.damage import place_of
from lastword.store.ledger import Changes, Ledger
from lastword.store.past import Past
from lastword.store.sqlite.durations import Durations
from lastword.store.sqlite.file import failure
from lastword.store.sqlite.open_file import OpenFile
from lastword.store.sqlite.room import has_room
from lastword.store.sqlite.tables import StoredRows, store_changes
from lastword.store.transaction import Name, Operation, Transaction

T = TypeVar("T")

Done = Callable[[Any, BaseException | None], None]
"""Called in the writer's thread with the result, or with the error; it must not block."""


Follower = Callable[[Ledger, int, Changes | None], None]
"""Told of each commit: the ledger, which has it, the log's end before, and what it changed; None
says that another file has taken the place of the one before. It must neither block nor raise."""

QUICK_COMMIT_S = 0.005
"""A commit that takes no longer, on the average, is waited for by the event loop itself, as Redis
does with `appendfsync always`. On a local SSD fifty rows take one or two milliseconds."""

COMMITS_AVERAGED = 8
"""One slow commit sends the next ones to the thread, and some quick ones bring them back."""

_MEND = "Mend the disk, then start the node again."
_START = "Start the node again: the file is whole."
_ROOM = "Make room: writes then resume."
_FULL = "the disk is full; the write was not done"
_UNINDEXED = "the disk is full; the write is done only if the node ends before it does another"
"""The log has it, but its index could not grow: the next commit is written over it, while a start
on the log as it is would find it."""


@dataclass(slots=True)
class _Ticket:
    operation: Operation[Any]
    names: Sequence[Name]
    done: Done
    brief: bool
    result: Any = None
    error: BaseException | None = None
    alone: bool = False  # its group met a page that cannot be read


@dataclass(slots=True)
class _Group:
    tickets: list[_Ticket]
    names: list[Name]
    begun: bool = False
    changes: Changes | None = None

    @property
    def is_brief(self) -> bool:
        return len(self.names) <= BRIEF_ROWS_MAX and all(at.brief for at in self.tickets)


class Writer:
    """Has the write connection to itself. `submit` may be called from any thread.

    A group is begun, on the write connection, and ended by its commit; one at a time. Both is
    done by the writer's thread, unless there is a starter: it is woken when a brief group may
    begin, and calls `start`, which begins it at once, on the starter's thread. As long as the disk
    is quick it commits there, too, since to hand over to the writer's thread and back costs more
    than the commit; otherwise that thread waits for the disk. Groups that are not brief do not
    wait for the starter, which may itself wait for one of them.
    """

    def __init__(self, file: OpenFile, options: StoreOptions, past: Past) -> None:
        self._follower: Follower | None = None
        self.write_to(file)
        self._options = options
        self._past = past
        self._failed: StoreError | None = None
        self._no_room: StoreError | None = None  # of the last commit, if the disk was full
        self._door = threading.Lock()  # of what follows
        self._idle = threading.Condition(self._door)
        self._pausing = False  # somebody waits for the group under way to end
        self._waiting: deque[_Ticket] = deque()
        self._lasting = 0  # of those that wait, how many are not brief
        self._busy = False
        self._woken = False
        self._commit_s = 0.0  # what a commit took lately
        self._closing = False
        self._wake_starter: Callable[[], None] | None = None
        self._work: SimpleQueue[_Group | None] = SimpleQueue()
        self.between_commits = threading.Lock()  # whoever has it finds file and ledger alike
        self._thread = threading.Thread(target=self._run, name="lastword-writer", daemon=True)
        self._thread.start()
        self.commits = 0
        self.took = Durations()

    @property
    def pending(self) -> int:
        """How many operations wait for the next group."""
        return len(self._waiting)

    @property
    def failure(self) -> StoreError | None:
        """What makes all writes fail now: what ended them, or a disk that is still full."""
        failed = self._checkpointer.failed
        if self._failed is None and failed is not None:
            return self._meaning(failed)
        if self._failed is not None:
            return self._failed
        is_full = self._no_room is not None and not has_room(self._connection.filename)
        return self._no_room if is_full else None

    def submit(self, operation: Operation[Any], done: Done, *, brief: bool = False) -> None:
        """Queue `operation`; a `brief` one needs no rows but those that it touches.

        Raises Unavailable where too much is waiting, or after `close`.
        """
        ticket = _Ticket(operation, operation.touches(), done, brief)
        with self._door:
            if len(self._waiting) >= WRITES_PENDING_MAX:
                raise Unavailable(f"{WRITES_PENDING_MAX} writes are waiting for the disk")
            if self._closing:
                raise Unavailable("the node is stopping", hint="Ask another node.")
            self._waiting.append(ticket)
            self._lasting += not brief
            self._call_next()

    def begin_by(self, wake: Callable[[], None] | None) -> None:
        """Let groups be begun by whoever `wake` wakes, or, without one, by the writer's thread.

        `wake` may be called from any thread, and must not block.
        """
        with self._door:
            self._wake_starter = wake
            self._woken = False
            self._call_next()

    def start(self) -> None:
        """Begin the next group, if there is one: here if it is brief, else on the thread.

        Where commits are quick it is ended here as well.
        """
        with self._door:
            self._woken = False
            group = self._next_group()
        if group is None:
            return
        if group.is_brief:
            self._begin(group)
            if self._commit_s <= QUICK_COMMIT_S and not self._checkpointer.rest_is_left:
                self._finish(group)
                return
        self._work.put(group)

    def execute(self, operation: Operation[T]) -> T:
        """Do `operation`, and wait until it is on disk."""
        answers: SimpleQueue[tuple[T, BaseException | None]] = SimpleQueue()
        self.submit(operation, lambda result, error: answers.put((result, error)))
        result, error = answers.get()
        if error is not None:
            raise error
        return result

    def close(self) -> None:
        """Finish what was submitted, and stop; a second call does nothing."""
        with self._door:
            if not self._closing:
                self._closing = True
                self._wake_starter = None
                self._call_next()
        self._thread.join()

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Let nothing be written within the block; what is submitted meanwhile waits for its end.

        Raises what ended all writing, if something did.
        """
        with self._door:
            self._pausing = True
            self._idle.wait_for(lambda: not self._busy)
            self._pausing = False
            self._busy = True
        try:
            self._refuse_after_failure()
            yield
        finally:
            with self._door:
                self._busy = False
                self._call_next()

    def write_to(self, file: OpenFile) -> None:
        """Write to `file` from now on; call it while the writer is paused."""
        self._connection = file.writing
        self._checkpointer = file.checkpointer
        self._numbers = file.numbers
        self._ledger = file.ledger
        self._cache = file.cache
        if (follower := self._follower) is not None:
            follower(file.ledger, file.ledger.log_end, None)

    def follow(self, follower: Follower | None) -> None:
        """Let `follower` hear of the commits that the ledger does not have yet, or nobody."""
        self._follower = follower

    def fail(self, error: StoreError) -> None:
        """Write nothing any more; whoever tries hears of `error`."""
        self._failed = error

    def _call_next(self) -> None:
        """See to it that the next group is begun, if there is one and none is on its way."""
        if self._busy or self._pausing:
            return
        if not self._waiting:
            if self._closing:
                self._work.put(None)
        elif self._wake_starter is None or self._lasting:
            self._work.put(self._next_group())
        elif not self._woken:
            self._woken = True
            try:
                self._wake_starter()
            except RuntimeError:  # its loop has ended
                self._wake_starter = None
                self._work.put(self._next_group())

    def _next_group(self) -> _Group | None:
        """Take all operations that wait, up to a group's bound; None while a group is busy."""
        waiting = self._waiting
        if self._busy or self._pausing or not waiting:
            return None
        self._busy = True
        group = _Group([], [])
        while waiting and len(group.names) < GROUP_ROWS_MAX:
            if group.tickets and waiting[0].alone:
                break
            ticket = waiting.popleft()
            self._lasting -= not ticket.brief
            group.tickets.append(ticket)
            group.names += ticket.names
            if ticket.alone:
                break
        return group

    def _part(self, group: _Group) -> None:
        """Let the operations of a group that was rolled back be done one by one, before others."""
        tickets, group.tickets = group.tickets, []
        with self._door:
            for ticket in reversed(tickets):
                ticket.result = ticket.error = None
                ticket.alone = True
                self._waiting.appendleft(ticket)
                self._lasting += not ticket.brief

    def _run(self) -> None:
        while (group := self._work.get()) is not None:
            if not group.begun:
                self._begin(group)
            self._finish(group)

    def _finish(self, group: _Group) -> None:
        """End a group, see to the next, and tell whoever waits."""
        self._end(group)
        with self._door:
            self._busy = False
            self._idle.notify_all()
            self._call_next()
        for ticket in group.tickets:
            with contextlib.suppress(RuntimeError):  # the loop that waited has ended
                ticket.done(ticket.result, ticket.error)

    def _begin(self, group: _Group) -> None:
        """Do all of a group but its commit."""
        group.begun = True
        with self._failing(group), self._parting(group):
            self._refuse_after_failure()
            group.changes = changes = self._done(group)
            if not changes.is_empty:
                self._connection.execute("BEGIN IMMEDIATE")
                store_changes(self._connection, self._numbers, changes)

    def _end(self, group: _Group) -> None:
        """Commit; every ticket has its result or its error after it."""
        changes = group.changes
        if changes is not None and not changes.is_empty:
            with self._failing(group), self.between_commits:
                began_s = monotonic()
                self._connection.execute("COMMIT")
                took_s = monotonic() - began_s
                self.took.note(took_s)
                self._commit_s += (took_s - self._commit_s) / COMMITS_AVERAGED
                self._absorb(changes)
                self.commits += 1
                self._no_room = None
            self._checkpointer.after_commit()
        elif changes is not None:
            self._past.take(changes)

    @contextlib.contextmanager
    def _parting(self, group: _Group) -> Iterator[None]:
        """Roll back where a page cannot be read; only the operations that need it fail by it.

        Nothing of the group is on the disk yet, so what it did can be done again.
        """
        try:
            yield
        except (apsw.Error, CorruptStore) as error:
            outcome = self._meaning(error) if isinstance(error, apsw.Error) else error
            if not isinstance(outcome, CorruptStore):
                raise
            self._roll_back()
            if len(group.tickets) == 1:
                self._ledger.damage.note_read(_place_in(group))
                raise outcome from error
            group.changes = None
            self._part(group)

    @contextlib.contextmanager
    def _failing(self, group: _Group) -> Iterator[None]:
        """Let every ticket of a group have the error that is raised within."""
        try:
            yield
        except BaseException as error:  # noqa: BLE001 - whoever waits must hear of it
            group.changes = None
            outcome = self._failure(error)
            for ticket in group.tickets:
                ticket.result, ticket.error = None, ticket.error or outcome

    def _refuse_after_failure(self) -> None:
        if self._failed is None and self._checkpointer.failed is not None:
            self._failed = self._meaning(self._checkpointer.failed)
        if self._failed is not None:
            raise type(self._failed)(str(self._failed), hint=self._failed.hint)

    def _done(self, group: _Group) -> Changes:
        """Run the operations of a group; return what they did."""
        options = self._options
        transaction = Transaction(
            self._ledger,
            wall=options.wall,
            max_skew_us=options.max_skew_us,
            bucketed_entries=options.bucketed_entries,
            stored=StoredRows(self._connection, self._numbers),
        )
        transaction.load(group.names)
        for ticket in group.tickets:
            try:
                ticket.result = ticket.operation.run(transaction)
            except LastwordError as error:
                ticket.error = error
        return transaction.finish()

    def _absorb(self, changes: Changes) -> None:
        """Let memory follow the file; where it does not, nothing may be written by it any more."""
        log_end = self._ledger.log_end
        try:
            self._ledger.absorb(changes)
            self._cache.absorb(changes.rows)
            if (follower := self._follower) is not None:  # after the ledger: see `follow`
                follower(self._ledger, log_end, changes)
            self._past.take(changes)
        except BaseException as error:
            self._failed = DiskFailed(f"memory does not follow the file: {error!r}", hint=_START)
            raise self._failed from error

    def _failure(self, error: BaseException) -> BaseException:
        """Roll back, and say what failed; an unknown outcome ends all writing."""
        self._roll_back()
        is_full = isinstance(error, apsw.FullError)
        if is_full or getattr(error, "extendedresult", 0) == apsw.SQLITE_IOERR_SHMSIZE:
            self._no_room = DiskFailed(_FULL if is_full else _UNINDEXED, hint=_ROOM)
            return self._no_room
        if isinstance(error, apsw.Error):
            self._failed = self._meaning(error)
            return self._failed
        return error

    def _roll_back(self) -> None:
        with contextlib.suppress(apsw.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def _meaning(self, error: apsw.Error) -> StoreError:
        return failure(error, Path(self._connection.filename), hint=_MEND)


def _place_in(group: _Group) -> str:
    """Return in words what a group that failed was about."""
    return place_of(group.names[0][0] if group.names else "what the writer needs")
