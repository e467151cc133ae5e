"""`POST /_/bulk`: writes to many sets, a line each.

The lines are applied in groups, one durable group after the other; while one is on its way to
the disk the next is read. Every line is atomic in itself. The first line that is refused ends it:
those before it stand, and the answer says how many. So a request that was cut short can be sent
again from there, or whole, since writing twice does no harm.
"""

import asyncio
from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

from lastword.access.rights import Rights
from lastword.api.http.answers import Told, told
from lastword.api.http.forms import NDJSON_NAMES, Form, wanted_form
from lastword.api.http.messages import Request, Response
from lastword.api.rest.bodies import is_packed
from lastword.api.rest.lines import Group, at_line, read_groups
from lastword.api.rest.queries import ghosts_of_query
from lastword.api.rest.replies import time_header, value_of
from lastword.errors import LastwordError, http_status
from lastword.node.node import Node
from lastword.store.operations import WriteInTurn, Written

_NDJSON: Final = frozenset(name.encode() for name in NDJSON_NAMES)


class Stands(msgspec.Struct):
    """The first `lines` lines of the body stand."""

    lines: int


class Stopped(msgspec.Struct):
    """The first `lines` lines of the body stand; the error says why the next does not."""

    error: Told
    lines: int


class _Outcome(NamedTuple):
    """How far it came, the smallest time that was given, and why it ended before the end."""

    lines: int = 0
    time: int | None = None
    refusal: LastwordError | None = None

    def after(self, group: Group, written: Written) -> "_Outcome":
        """Return the outcome once a group was written."""
        times = [time for time in (self.time, written.time) if time is not None]
        lines, refusal = group.reached, group.refusal
        if written.refusal is not None:
            number = group.numbers[written.writes]
            lines, refusal = number - 1, at_line(number, written.refusal)
        return _Outcome(lines, min(times, default=None), refusal)


class Bulk:
    """Takes writes to many sets."""

    def __init__(self, node: Node) -> None:
        self._node = node

    async def post(self, request: Request, rights: Rights) -> Response:
        """Apply the lines of a body up to the first that is refused."""
        ghosts, packed = ghosts_of_query(request), is_packed(request, _NDJSON)
        groups = read_groups(
            self._node.store, request.body, packed=packed, ghosts=ghosts, rights=rights
        )
        outcome = await self._apply(groups)
        return _answer(outcome, wanted_form(request))

    async def _apply(self, groups: Iterator[Group]) -> _Outcome:
        outcome = _Outcome()
        group = await self._next(groups)
        while group is not None and outcome.refusal is None:
            # Both are waited for, whatever becomes of one: nothing of this request runs on.
            written, following = await asyncio.gather(
                self._commit(group), self._next(groups), return_exceptions=True
            )
            if isinstance(following, BaseException):
                raise following
            if isinstance(written, LastwordError):
                return outcome._replace(refusal=written)
            if isinstance(written, BaseException):
                raise written
            outcome = outcome.after(group, written)
            group = following
        return outcome

    async def _next(self, groups: Iterator[Group]) -> Group | None:
        return await self._node.read(lambda: next(groups, None))

    async def _commit(self, group: Group) -> Written:
        return await self._node.commits.submit(WriteInTurn(group.writes), lambda done: done)


def _answer(outcome: _Outcome, form: Form) -> Response:
    headers = () if outcome.time is None else (time_header(outcome.time),)
    if outcome.refusal is None:
        return value_of(form, Stands(outcome.lines), *headers)
    shown = Stopped(told(outcome.refusal, form), outcome.lines)
    return value_of(form, shown, *headers, status=http_status(outcome.refusal))
