"""One connection of a client: commands in, replies out, in order.

Writes that follow each other are with the writer together; anything else waits until the
connection's own writes are on disk, and is then answered alone. What is held for a client is
bounded: it is not read from while its commands or its replies wait.
"""

import asyncio
from collections import deque
from collections.abc import Coroutine
from functools import partial
from typing import Any, cast

from lastword.api.http.outlet import Outlet
from lastword.api.resp import replies
from lastword.api.resp.command import Command, Reading, Reply
from lastword.api.resp.names import checked_key
from lastword.api.resp.reader import Arguments, CommandReader
from lastword.api.resp.replies import Gathered, Status
from lastword.api.resp.service import Service
from lastword.api.resp.session import Session
from lastword.api.resp.transactions import Batch
from lastword.api.resp.view import StoreView
from lastword.errors import CommandTooLarge, InvalidRequest, LastwordError
from lastword.store.transaction import Operation

BATCHES_MAX = 64
"""Groups of writes of one connection that are with the writer at once."""

BATCH_NAMES_MAX = 5_000
"""Members that one group names, about: more go into the next one."""

SMALL_ROWS = 500
"""A read of up to so many rows is done on the event loop: it takes about a millisecond."""

SMALL_NAMES = 5_000
"""And one of so many names of sets."""

_OF_HTTP = (b"post", b"host:")
"""What a browser would send here for a page from elsewhere: it is cut off, as by Redis."""

LINGER_S = 2.0
"""How long a client that was refused may take to close its side."""

_CONTAINS = "sismember"
_FOUND = {True: replies.ONE, False: replies.ZERO}


class _Turn:
    """A group of writes that is with the writer, and its replies once it is on disk."""

    __slots__ = ("count", "values")

    def __init__(self, count: int) -> None:
        self.count = count
        self.values: list[Any] | None = None


class Connection(asyncio.Protocol):
    """The protocol of one connection.

    `_task`: what the client waits for, and nothing else begins before. `_backlog`: pieces of a
    reply that the client has not taken yet. `_closing`: nothing more is begun. `_lingering`: the
    last answer is out, and the client's end is waited for.
    """

    __slots__ = (
        "_backlog",
        "_closing",
        "_lasting",
        "_lingering",
        "_lost",
        "_outlet",
        "_paused",
        "_pending",
        "_progress",
        "_reader",
        "_service",
        "_session",
        "_since",
        "_task",
        "_transport",
        "_turns",
        "_view",
    )

    _transport: asyncio.Transport
    _outlet: Outlet
    _session: Session

    def __init__(self, service: Service) -> None:
        self._service = service
        self._reader = CommandReader(service.limits)
        self._view = StoreView(service.node.store, service.contains_many)
        self._pending: deque[Arguments] = deque()
        self._turns: deque[_Turn] = deque()
        self._backlog: deque[bytes] = deque()
        self._task: asyncio.Task[Any] | None = None
        self._paused = self._closing = self._lingering = self._lost = self._lasting = False
        self._progress: tuple[int, int] = (0, 0)
        self._since = 0.0

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; one client too many is told so."""
        # uvloop's transports are no asyncio.Transport by class, only in what they do.
        self._transport = cast("asyncio.Transport", transport)
        self._outlet = Outlet(self._transport)
        service = self._service
        now = service.now()
        self._session = Session(
            service,
            self,
            service.next_id(),
            peer=_shown(transport.get_extra_info("peername")),
            here=_shown(transport.get_extra_info("sockname")),
            began_s=now,
            active_s=now,
        )
        self._since = now
        service.counted.connections += 1
        if len(service.sessions) >= service.limits.clients_max or service.draining:
            service.counted.refused += 1
            self._refuse(InvalidRequest("max number of clients reached"))
        service.sessions[self._session.id] = self._session

    def data_received(self, data: bytes) -> None:
        """Read, and do what can be done."""
        if self._closing:
            return
        self._service.counted.bytes_in += len(data)
        self._pending += self._reader.feed(data)
        self._advance()

    def eof_received(self) -> bool:
        """Close: a client of this protocol that sends no more is gone."""
        return False

    def pause_writing(self) -> None:
        """Note that the client does not read its replies as fast as they come."""
        self._outlet.choke()

    def resume_writing(self) -> None:
        """Go on, but not now: this may be called from within a write."""
        self._outlet.clear()
        asyncio.get_running_loop().call_soon(self._advance)

    def connection_lost(self, _exc: Exception | None) -> None:
        """Let go of everything but of writes under way: those are finished, and not answered."""
        self._lost = self._closing = True
        if self._task is not None and not self._lasting:
            self._task.cancel()
        self._pending.clear()
        self._backlog.clear()
        self._outlet.clear()
        self._service.lose(self._session)

    # What commands and the server call.

    def close_after_reply(self) -> None:
        """Answer what is being answered, and nothing more."""
        self._closing = True
        self._pending.clear()

    def abort(self) -> None:
        """Cut the connection off."""
        self._transport.abort()

    def held_bytes(self) -> tuple[int, int]:
        """Return how many bytes wait for the rest of a command, and for the client."""
        waiting = sum(map(len, self._backlog)) + self._outlet.unsent_bytes()
        return self._reader.held_bytes, waiting

    def drain(self) -> None:
        """Answer what is being answered, then close."""
        self.close_after_reply()
        self._advance()

    def sweep(self, now: float) -> None:
        """Give up on a client that keeps the server waiting; `now` is the loop's time."""
        session, limits = self._session, self._service.limits
        progress = (session.commands, self._outlet.sent_bytes())
        if self._lingering:
            if now - self._since > LINGER_S:
                self.abort()
        elif progress != self._progress or self._is_at_work():
            self._progress, self._since = progress, now
            session.active_s = now
        elif self._backlog or self._outlet.unsent_bytes():
            if now - self._since > limits.write_s:
                self.abort()
        elif limits.idle_s and now - self._since > limits.idle_s:
            self._transport.close()

    # How it goes on.

    def _is_at_work(self) -> bool:
        return bool(self._turns) or self._task is not None

    def _advance(self) -> None:
        """Do what may be done now, write what is answered, and read on if nothing waits."""
        if self._lost or self._lingering:
            return
        self._write_backlog()
        while self._pending and self._may_begin() and self._begin():
            pass
        self._outlet.flush()
        if self._is_at_work() or self._backlog:
            self._regulate()
        elif self._closing:
            self._transport.close()
        elif self._reader.error is not None and not self._pending:
            self._refuse(self._reader.error)
        else:
            self._regulate()

    def _may_begin(self) -> bool:
        return (
            self._task is None
            and not self._backlog
            and not self._outlet.choked
            and not self._closing
            and len(self._turns) < BATCHES_MAX
        )

    def _regulate(self) -> None:
        """Read on if nothing waits, and only then."""
        if bool(self._pending or self._backlog) == self._paused:
            return
        self._paused = not self._paused
        if self._paused:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _begin(self) -> bool:
        """Begin the first that is pending, and what goes with it; return whether it could."""
        pending, session = self._pending, self._session
        try:
            command = self._service.table.find(pending[0])
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
            self._queue(command, arguments)
        else:
            self._answer(command, arguments)
        return True

    def _refuse_command(self, error: LastwordError) -> bool:
        """Answer the first that is pending with an error, in its turn."""
        if self._turns:
            return False
        if self._pending.popleft()[0].lower() in _OF_HTTP:
            self.abort()
            return False
        self._session.aborted = self._session.queue is not None
        self._put(error)
        return True

    def _count(self, commands: int, last: Command) -> None:
        self._service.counted.commands += commands
        self._session.commands += commands
        self._session.last_command = last.name

    def _queue(self, command: Command, arguments: Arguments) -> None:
        session = self._session
        assert session.queue is not None  # noqa: S101 - our own fault
        if len(session.queue) >= self._service.limits.queued_commands_max:
            session.aborted = True
            self._put(CommandTooLarge("too many commands are queued"))
            return
        session.queue.append((command, arguments))
        self._put(Status("QUEUED"))

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
        self._put(error)
        return True

    def _next_command(self) -> Command | None:
        try:
            return self._service.table.find(self._pending[0]) if self._pending else None
        except LastwordError:
            return None  # it is met again as the first

    def _submit(self, operations: list[Operation[Any]]) -> None:
        turn = _Turn(len(operations))
        self._turns.append(turn)
        operation = operations[0] if len(operations) == 1 else Batch(operations)
        self._service.call(operation, partial(self._written, turn))

    def _written(self, turn: _Turn, result: Any, error: BaseException | None) -> None:
        """Take the results of a group of writes; answer it if those before are answered."""
        if self._lost:
            return
        if error is not None:
            turn.values = [self._service.told(error)] * turn.count
        else:
            turn.values = [result] if turn.count == 1 else result
        self._note_written()
        turns = self._turns
        while turns and (values := turns[0].values) is not None:
            turns.popleft()
            for value in values:
                self._put(value)
        self._advance()

    def _note_written(self) -> None:
        store = self._service.node.store
        self._session.wrote = store.seen.get(store.run, 0)

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
            found: list[Any] = self._service.contains_many(checked_key(key), members)
        except Exception as error:  # noqa: BLE001 - answered, and reported if it is ours
            found = [self._service.told(error)] * len(members)
        if self._session.muted == "on" and found[0] in {True, False}:
            self._outlet.put(b"".join([_FOUND[here] for here in found]))
        else:
            for here in found:
                self._put(here)

    def _answer(self, command: Command, arguments: Arguments) -> None:
        try:
            if command.read is not None:
                self._read(command.read(arguments))
                return
            assert command.local is not None  # noqa: S101 - our own fault
            value = command.local(self._session, arguments)
        except Exception as error:  # noqa: BLE001 - answered, and reported if it is ours
            self._put(self._service.told(error))
            return
        if isinstance(value, Coroutine):
            self._wait_for(value)
        else:
            self._put(value)

    def _read(self, reading: Reading) -> None:
        """Read on the loop what is little, and all else beside it."""
        node, view = self._service.node, self._view
        reply = Reply(self._service.rng, self._service.limits.output_buffer_bytes_max)
        rows = reading.rows + sum(view.totals(name).entries for name in reading.names)
        if rows <= SMALL_ROWS and (not reading.all_names or view.names_held() <= SMALL_NAMES):
            node.reads.begin()
            self._put(reading.run(view, reply))
        else:
            beside = StoreView(node.store)
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
        if not self._lost:
            self._note_written()
            self._put(value)
            self._advance()

    # Replies.

    def _put(self, value: Any) -> None:
        """Answer one command, unless the client does not want to hear it."""
        session = self._session
        if isinstance(value, LastwordError):
            self._service.counted.errors += 1
        if session.muted != "on":
            if value == b"" or session.muted == "off":
                return
            session.muted = "on"
            return
        try:
            if isinstance(value, Gathered) and value.size > replies.CHUNK_BYTES:
                self._backlog += value.encoded(session.version)
                self._write_backlog()
            else:
                self._outlet.put(replies.encode(value, session.version))
        except Exception as error:  # noqa: BLE001 - reported, and answered as a fault of ours
            self._outlet.put(replies.error(self._service.told(error)))

    def _write_backlog(self) -> None:
        """Write of a long reply what the client takes."""
        backlog, outlet = self._backlog, self._outlet
        while backlog and not outlet.choked:
            outlet.put(backlog.popleft())
            outlet.flush()

    def _refuse(self, error: LastwordError) -> None:
        """Answer with a last error.

        Closing with unread bytes would reset the connection, and the client might lose the
        answer: so only our side is shut, and the client's is read for a while.
        """
        self._closing = self._lingering = True
        self._since = self._service.now()
        self._outlet.put(replies.error(error))
        self._outlet.flush()
        if self._transport.can_write_eof():
            self._transport.write_eof()
        else:
            self._transport.close()


def _shown(name: Any) -> str:
    """Return a socket's name as Redis shows it."""
    if not isinstance(name, tuple):
        return "?:0"
    return f"[{name[0]}]:{name[1]}" if ":" in name[0] else f"{name[0]}:{name[1]}"
