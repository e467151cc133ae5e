"""The one thread that writes. All that arrives while a commit runs goes into the next one.

An operation's result is handed over after the commit is on disk, its error as soon as the group
ends. After a failed commit whose outcome on the disk is unknown nothing more is written until the
file is opened again (Rebello et al., "Can Applications Recover from fsync Failures?", ATC 2020).
"""

import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

import apsw

from lastword.errors import DiskFailed, LastwordError, StoreError, Unavailable
from lastword.limits import GROUP_ROWS_MAX, WRITES_PENDING_MAX
from lastword.store.base import StoreOptions
from lastword.store.ledger import Changes, Ledger
from lastword.store.sqlite.file import failure
from lastword.store.sqlite.tables import Numbers, StoredRows, store_changes
from lastword.store.transaction import Name, Operation, Transaction

T = TypeVar("T")

Done = Callable[[Any, BaseException | None], None]
"""Called in the writer's thread with the result, or with the error; it must not block."""


_MEND = "Mend the disk, then start the node again."
_START = "Start the node again: the file is whole."


@dataclass(slots=True)
class _Ticket:
    operation: Operation[Any]
    done: Done
    result: Any = None
    error: BaseException | None = None


@dataclass(slots=True)
class _Group:
    tickets: list[_Ticket]
    names: list[Name]


class Writer:
    """Owns the write connection. `submit` may be called from any thread."""

    def __init__(
        self,
        connection: apsw.Connection,
        numbers: Numbers,
        ledger: Ledger,
        options: StoreOptions,
    ) -> None:
        self._connection = connection
        self._numbers = numbers
        self._ledger = ledger
        self._options = options
        self._queue: SimpleQueue[_Ticket | None] = SimpleQueue()
        self._failed: StoreError | None = None
        self._door = threading.Lock()  # nothing is queued behind the end
        self._closing = False
        self.between_commits = threading.Lock()  # whoever has it finds file and ledger alike
        self._thread = threading.Thread(target=self._work, name="lastword-writer", daemon=True)
        self._thread.start()
        self.commits = 0

    def submit(self, operation: Operation[Any], done: Done) -> None:
        """Queue `operation`. Raises Unavailable where too much is waiting, or after `close`."""
        if self._queue.qsize() >= WRITES_PENDING_MAX:
            raise Unavailable(f"{WRITES_PENDING_MAX} writes are waiting for the disk")
        with self._door:
            if self._closing:
                raise Unavailable("the node is stopping", hint="Ask another node.")
            self._queue.put(_Ticket(operation, done))

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
                self._queue.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (group := self._next_group()) is not None:
            self._write_group(group)
            for ticket in group.tickets:
                with contextlib.suppress(RuntimeError):  # the loop that waited has ended
                    ticket.done(ticket.result, ticket.error)

    def _next_group(self) -> _Group | None:
        """Wait for an operation; return it with all that came meanwhile, or None at the end."""
        first = self._queue.get()
        if first is None:
            return None
        group = _Group([first], list(first.operation.touches()))
        while len(group.names) < GROUP_ROWS_MAX:
            try:
                ticket = self._queue.get_nowait()
            except Empty:
                break
            if ticket is None:
                self._queue.put(None)
                break
            group.tickets.append(ticket)
            group.names += ticket.operation.touches()
        return group

    def _write_group(self, group: _Group) -> None:
        """Do a group in one transaction; every ticket has its result or its error after it."""
        try:
            self._refuse_after_failure()
            self._commit(group)
        except BaseException as error:  # noqa: BLE001 - whoever waits must hear of it
            outcome = self._failure(error)
            for ticket in group.tickets:
                ticket.result, ticket.error = None, ticket.error or outcome

    def _refuse_after_failure(self) -> None:
        if self._failed is not None:
            raise type(self._failed)(str(self._failed), hint=self._failed.hint)

    def _commit(self, group: _Group) -> None:
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
        changes = transaction.finish()
        if not changes.is_empty:
            self._connection.execute("BEGIN IMMEDIATE")
            store_changes(self._connection, self._numbers, changes)
            with self.between_commits:
                self._connection.execute("COMMIT")
                self._absorb(changes)
            self.commits += 1

    def _absorb(self, changes: Changes) -> None:
        """Let memory follow the file; where it does not, nothing may be written by it any more."""
        try:
            self._ledger.absorb(changes)
        except BaseException as error:
            self._failed = DiskFailed(f"memory does not follow the file: {error!r}", hint=_START)
            raise self._failed from error

    def _failure(self, error: BaseException) -> BaseException:
        """Roll back, and say what failed; an unknown outcome ends all writing."""
        with contextlib.suppress(apsw.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        if isinstance(error, apsw.FullError):
            return DiskFailed(
                "the disk is full; the write was not done", hint="Make room: writes then resume."
            )
        if isinstance(error, apsw.Error):
            self._failed = failure(error, Path(self._connection.filename), hint=_MEND)
            return self._failed
        return error
