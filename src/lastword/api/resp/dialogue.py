"""What becomes of one client's commands: each is done and answered, in order.

Writes that follow each other are with the writer together; anything else waits until the
connection's own writes are on disk, and is then answered alone.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from lastword.api.resp.command import Command, Reading, Reply
from lastword.api.resp.names import checked_key
from lastword.api.resp.outbox import Outbox
from lastword.api.resp.permission import Find, permitted, readable, rights_of
from lastword.api.resp.reader import Arguments
from lastword.api.resp.replies import Status
from lastword.api.resp.session import Session
from lastword.api.resp.table import Table
from lastword.api.resp.transactions import Batch
from lastword.api.resp.view import StoreView
from lastword.errors import CommandTooLarge, InvalidCommand, LastwordError, resp_code
from lastword.store.transaction import Operation

BATCHES_MAX = 64
"""Groups of writes of one connection that are with the writer at once."""

BATCH_NAMES_MAX = 5_000
"""Members that one group names, about: more go into the next one."""

SMALL_ROWS = 500
"""A read of up to so many rows is done on the event loop: it takes about a millisecond."""

SMALL_NAMES = 5_000
"""And one of so many names of sets."""

_CONTAINS = "sismember"

_OF_HTTP = (b"post", b"host:")
"""What a browser would send here for a page from elsewhere: it is cut off, as by Redis."""


class _Turn:
    """A group of writes that is with the writer, and its replies once it is on disk."""

    __slots__ = ("count", "values")

    def __init__(self, count: int) -> None:
        self.count = count
        self.values: list[Any] | None = None


class Dialogue:
    """The commands of one connection. `on_answers` is called after answers not given at once.

    `_task`: what the client waits for, and nothing else begins before.
    """

    __slots__ = (
        "_ended",
        "_find",
        "_lasting",
        "_on_answers",
        "_outbox",
        "_pending",
        "_service",
        "_session",
        "_task",
        "_turns",
        "_view",
    )

    def __init__(
        self, session: Session, table: Table, outbox: Outbox, on_answers: Callable[[], None]
    ) -> None:
        self._service = service = session.service
        self._session = session
        self._find: Find = table.find
        if service.gate is not None:
            self._find = partial(permitted, table.find, session)
        self._outbox = outbox
        self._on_answers = on_answers
        self._view = StoreView(service.node.store)
        self._pending: deque[Arguments] = deque()
        self._turns: deque[_Turn] = deque()
        self._task: asyncio.Task[Any] | None = None
        self._lasting = self._ended = False

    @property
    def is_waiting(self) -> bool:
        """Whether commands have not begun."""
        return bool(self._pending)

    @property
    def is_at_work(self) -> bool:
        """Whether commands that have begun are not answered."""
        return bool(self._turns) or self._task is not None

    def take(self, commands: list[Arguments]) -> None:
        """Take commands, in order."""
        self._pending += commands

    def advance(self) -> None:
        """Begin what may begin."""
        pending, outbox, turns = self._pending, self._outbox, self._turns
        while (
            pending
            and self._task is None
            and not outbox.is_full
            and len(turns) < BATCHES_MAX
            and self._begin()
        ):
            pass

    def forget(self) -> None:
        """Begin no more of what was taken."""
        self._pending.clear()

    def end(self) -> None:
        """Answer no more. Writes under way are finished."""
        self._ended = True
        self._pending.clear()
        if self._task is not None and not self._lasting:
            self._task.cancel()

    def _begin(self) -> bool:
        """Begin the first that is pending, and what goes with it; return whether it could."""
        pending, session = self._pending, self._session
        try:
            command = self._find(pending[0])
        except LastwordError as error:
            return self._refuse_command(error)
        queueing = session.queue is not None and not command.at_once
        if command.write is not None and not queueing:
            return self._begin_writes(command)
        if self._turns:
            return False
        if command.name == _CONTAINS and not queueing:
            self._answer_contains(command)
            return True
        arguments = pending.popleft()
        self._count(1, command)
        if queueing:
            self._queue(arguments)
        else:
            self._answer(command, arguments)
        return True

    def _refuse_command(self, error: LastwordError) -> bool:
        """Answer the first that is pending with an error, in its turn."""
        if self._turns:
            return False
        session = self._session
        name = self._pending.popleft()[0].lower()
        if name in _OF_HTTP:
            session.line.abort()
            return False
        if name == b"exec":
            session.leave_transaction()
            code = resp_code(error)
            shown = str(error) if code == "ERR" else f"{code} {error}"
            because = f"Transaction discarded because of: {shown}"
            error = InvalidCommand(because, resp_code="EXECABORT")
        session.aborted = session.queue is not None
        self._outbox.reply(error)
        return True

    def _count(self, commands: int, last: Command) -> None:
        self._service.counted.commands += commands
        self._session.commands += commands
        self._session.last_command = last.name

    def _queue(self, arguments: Arguments) -> None:
        session = self._session
        assert session.queue is not None  # noqa: S101 - our own fault
        limits = self._service.limits
        session.queued_bytes += sum(map(len, arguments))
        if (
            len(session.queue) >= limits.queued_commands_max
            or session.queued_bytes > limits.query_buffer_bytes_max
        ):
            session.abort_transaction()
            self._outbox.reply(CommandTooLarge("too many commands are queued"))
            return
        if not session.aborted:  # else none of them will be done
            session.queue.append(arguments)
        self._outbox.reply(Status("QUEUED"))

    # Writes.

    def _begin_writes(self, command: Command) -> bool:
        """Submit all writes at the head of what is pending, as one operation."""
        operations: list[Operation[Any]] = []
        names = 0
        found: Command | None = command
        while found is not None and found.write is not None and names < BATCH_NAMES_MAX:
            arguments = self._pending[0]
            try:
                operation = found.write(arguments, self._service.rng)
            except LastwordError as error:
                if operations:
                    break
                return self._refuse_write(error)
            work = found.large and found.large(self._service, operation)
            if work is not None:
                if not operations and not self._turns:
                    self._pending.popleft()
                    self._count(1, found)
                    self._wait_for(work(), to_its_end=True)
                    return True
                break
            self._pending.popleft()
            operations.append(operation)
            names += len(arguments)
            command, found = found, self._next_command()
        if operations:
            self._count(len(operations), command)
            self._submit(operations)
        return bool(operations)

    def _refuse_write(self, error: LastwordError) -> bool:
        if self._turns:
            return False
        self._pending.popleft()
        self._outbox.reply(error)
        return True

    def _next_command(self) -> Command | None:
        try:
            return self._find(self._pending[0]) if self._pending else None
        except LastwordError:
            return None  # it is met again as the first

    def _submit(self, operations: list[Operation[Any]]) -> None:
        turn = _Turn(len(operations))
        self._turns.append(turn)
        operation = operations[0] if len(operations) == 1 else Batch(operations)
        self._service.call(operation, partial(self._written, turn))

    def _written(self, turn: _Turn, result: Any, error: BaseException | None) -> None:
        """Take the results of a group of writes; answer it if those before are answered."""
        if self._ended:
            return
        if error is not None:
            turn.values = [self._service.told(error)] * turn.count
        else:
            turn.values = [result] if turn.count == 1 else result
        self._session.wrote = self._service.written()
        turns = self._turns
        while turns and (values := turns[0].values) is not None:
            turns.popleft()
            for value in values:
                self._outbox.reply(value)
        self._on_answers()

    # All else.

    def _answer_contains(self, command: Command) -> None:
        """Answer all lookups of one set at the head of what is pending, together."""
        pending = self._pending
        word, key, member = pending.popleft()
        members = [member]
        while pending and len(pending[0]) == 3 and pending[0][1] == key and pending[0][0] == word:
            members.append(pending.popleft()[2])
        self._count(len(members), command)
        try:
            found = self._service.contains_many(checked_key(key), members)
        except Exception as error:  # noqa: BLE001 - answered, and reported if it is ours
            told = self._service.told(error)
            for _ in members:
                self._outbox.reply(told)
        else:
            self._outbox.reply_each(found)

    def _answer(self, command: Command, arguments: Arguments) -> None:
        try:
            if command.read is not None:
                self._read(command.read(arguments))
                return
            assert command.local is not None  # noqa: S101 - our own fault
            value = command.local(self._session, arguments)
        except Exception as error:  # noqa: BLE001 - answered, and reported if it is ours
            self._outbox.reply(self._service.told(error))
            return
        if isinstance(value, Coroutine):
            self._wait_for(value)
        else:
            self._outbox.reply(value)

    def _read(self, reading: Reading) -> None:
        """Read on the loop what is little, and all else beside it."""
        node, listed = self._service.node, readable(rights_of(self._session))
        node.reads.count += 1
        view = self._view if listed is None else StoreView(node.store, listed)
        reply = Reply(self._service.rng, self._service.limits.output_buffer_bytes_max)
        rows = reading.rows + sum(view.totals(name).entries for name in reading.names)
        if rows <= SMALL_ROWS and (not reading.all_names or view.names_held() <= SMALL_NAMES):
            node.reads.begin()
            self._outbox.reply(reading.run(view, reply))
        else:
            beside = StoreView(node.store, listed)
            self._wait_for(node.read(lambda: reading.run(beside, reply)))

    def _wait_for(self, work: Coroutine[Any, Any, Any], *, to_its_end: bool = False) -> None:
        """Answer with the result of `work`; it ends with the connection unless `to_its_end`."""
        self._lasting = to_its_end
        self._task = self._service.spawn(self._finish(work))

    async def _finish(self, work: Coroutine[Any, Any, Any]) -> None:
        try:
            value = await work
        except Exception as error:  # noqa: BLE001 - answered, and reported if it is ours
            value = self._service.told(error)
        self._task = None
        if not self._ended:
            self._session.wrote = self._service.written()
            self._outbox.reply(value)
            self._on_answers()
