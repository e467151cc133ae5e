"""MULTI, EXEC, DISCARD, WATCH, UNWATCH: the queued commands run in one transaction."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from msgspec import Struct

from lastword.access.rights import Rights
from lastword.api.resp.command import (
    ALL_KEYS,
    Command,
    Reading,
    Reply,
)
from lastword.api.resp.names import checked_key
from lastword.api.resp.permission import check, readable, rights_of
from lastword.api.resp.reader import Arguments
from lastword.api.resp.replies import NullArray, Raw, Status, encode
from lastword.api.resp.session import Session
from lastword.api.resp.view import Listed, TransactionView
from lastword.errors import CommandTooLarge, InvalidCommand, LastwordError
from lastword.replication.hashing import Sums
from lastword.store.ledger import NO_TOTALS
from lastword.store.transaction import Name, Operation, Transaction, is_brief

Step = Operation[Any] | Reading | LastwordError | None
"""A write, a read, what refused the command, or None for a command that is not about sets."""


Find = Callable[[Arguments], Command]


class Batch(Struct, frozen=True):
    """Writes of one client that came together; the result has the value or the error of each.

    They share a transaction, and are else independent of each other.
    """

    operations: Sequence[Operation[Any]]

    @property
    def is_brief(self) -> bool:
        """Whether all of them are."""
        return all(map(is_brief, self.operations))

    def touches(self) -> list[Name]:
        """Return all that any of them touches."""
        return [name for operation in self.operations for name in operation.touches()]

    def run(self, transaction: Transaction) -> list[Any]:
        """Do each in order; one that raises has changed nothing."""
        return [_outcome(operation, transaction) for operation in self.operations]


class Exec(Struct, frozen=True):
    """The commands of a client's transaction; the result has the value or the error of each.

    It is None, and nothing is done, where a watched set has not the sums any more that it had.
    `listed` says which sets the client is told of.
    """

    steps: Sequence[Step]
    watched: dict[bytes, Sums]
    reply: Reply
    listed: Listed | None = None

    @property
    def only_reads(self) -> bool:
        """Whether none of the commands writes."""
        return not self._writes()

    def touches(self) -> list[Name]:
        """Return all that any of the writes touches."""
        return [name for write in self._writes() for name in write.touches()]

    def _writes(self) -> list[Operation[Any]]:
        return [
            step
            for step in self.steps
            if step is not None and not isinstance(step, Reading | LastwordError)
        ]

    def run(self, transaction: Transaction) -> list[Any] | None:
        """Do each in order."""
        totals = transaction.totals
        if any(totals(name).sums != sums for name, sums in self.watched.items()):
            return None
        view = TransactionView(transaction, listed=self.listed)
        return [self._do(step, transaction, view) for step in self.steps]

    def _do(self, step: Step, transaction: Transaction, view: TransactionView) -> Any:
        if step is None or isinstance(step, LastwordError):
            return step
        if not isinstance(step, Reading):
            return _outcome(step, transaction)
        try:
            return step.run(view, self.reply)
        except LastwordError as error:
            return error


def _outcome(operation: Operation[Any], transaction: Transaction) -> Any:
    try:
        return operation.run(transaction)
    except LastwordError as error:
        return error


def multi(session: Session, _: Arguments) -> Status:
    """MULTI."""
    if session.queue is not None:
        raise InvalidCommand("MULTI calls can not be nested")
    session.queue = []
    return Status("OK")


def discard(session: Session, _: Arguments) -> Status:
    """DISCARD."""
    if session.queue is None:
        raise InvalidCommand("DISCARD without MULTI")
    session.leave_transaction()
    return Status("OK")


def watch(session: Session, arguments: Arguments) -> Status:
    """WATCH key [key ...]."""
    if session.queue is not None:
        raise InvalidCommand("WATCH inside MULTI is not allowed")
    totals = session.service.node.store.totals()
    names = [checked_key(name) for name in arguments[1:]]
    if len(session.watched.keys() | set(names)) > session.service.limits.watched_names_max:
        raise CommandTooLarge("too many keys are watched")
    for name in names:
        session.watched.setdefault(name, totals.get(name, NO_TOTALS).sums)
    return Status("OK")


def unwatch(session: Session, _: Arguments) -> Status:
    """UNWATCH."""
    session.watched.clear()
    return Status("OK")


async def exec_(find: Find, session: Session, _: Arguments) -> Any:
    """EXEC: what is about sets runs in one transaction, then the rest on the loop, in order."""
    queue, aborted, watched = session.queue, session.aborted, dict(session.watched)
    if queue is None:
        raise InvalidCommand("EXEC without MULTI")
    session.leave_transaction()
    if aborted:
        raise InvalidCommand(
            "Transaction discarded because of previous errors.", resp_code="EXECABORT"
        )
    service = session.service
    called = [(find(arguments), arguments) for arguments in queue]
    rights = rights_of(session)
    steps = [_step(session, command, arguments, rights) for command, arguments in called]
    reply = Reply(service.rng, service.limits.output_buffer_bytes_max)
    values = await service.submit(Exec(steps, watched, reply, readable(rights)))
    if values is None:
        return NullArray()
    session.wrote = service.written()
    encoded = [b"*%d\r\n" % len(called)]
    for (command, arguments), step, value in zip(called, steps, values, strict=True):
        said = _local(session, command, arguments) if step is None else value
        encoded.append(encode(said, session.version))  # HELLO among them changes what follows
    if session.muted == "skip next":
        session.muted = "on"  # there is no reply of its own to skip
    return Raw(b"".join(encoded))


def _step(session: Session, command: Command, arguments: Arguments, rights: Rights) -> Step:
    """Return what a queued command does; what was granted then may be revoked by now."""
    try:
        check(command, arguments, rights)
        if command.write is not None:
            return command.write(arguments, session.service.rng)
        return None if command.read is None else command.read(arguments)
    except LastwordError as error:
        return error


def _local(session: Session, command: Command, arguments: Arguments) -> Any:
    """Return what a command says that is about the connection or the node."""
    assert command.local is not None  # noqa: S101 - our own fault
    session.in_exec = True
    try:
        return command.local(session, arguments)
    except LastwordError as error:
        return error
    finally:
        session.in_exec = False


_FLAGS = ("noscript", "loading", "stale", "fast", "allow_busy")


def commands(find: Find) -> tuple[Command, ...]:
    """Return the commands of transactions; `find` returns what a queued one calls."""
    return (
        Command(
            "multi", 1, "Begins a transaction: commands are queued.", "1.2.0", "transactions",
            flags=_FLAGS, local=multi, at_once=True,
        ),
        Command(
            "exec", 1, "Runs the queued commands in one transaction.", "1.2.0", "transactions",
            "that of the commands", ("noscript", "loading", "stale", "skip_slowlog"),
            local=partial(exec_, find),
            at_once=True,
        ),
        Command(
            "discard", 1, "Forgets the queued commands.", "2.0.0", "transactions",
            "O(N), N commands", _FLAGS, local=discard, at_once=True,
        ),
        Command(
            "watch", -2, "Lets EXEC do nothing if one of the sets has changed.", "2.2.0",
            "transactions", "O(1) for each name", _FLAGS, ALL_KEYS, local=watch, at_once=True,
        ),
        Command(
            "unwatch", 1, "Forgets what is watched.", "2.2.0", "transactions", "O(1)", _FLAGS,
            local=unwatch,
        ),
    )  # fmt: skip
