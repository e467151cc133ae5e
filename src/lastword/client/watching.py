"""What changes in sets, as it comes: the stream of a node's watch, read and gone on with.

Source: `GET /<set>?watch` and `GET /_/watch`, as NDJSON. Nothing here does I/O.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final, Generic, Literal, TypeAlias, TypeVar
from urllib.parse import quote

import msgspec

from lastword.client.answers import Answer
from lastword.client.caller import PAUSE_S, PAUSE_S_MAX, Caller
from lastword.client.kinds import Kind
from lastword.client.paths import quoted, set_path
from lastword.client.requests import NDJSON_TYPE, Request
from lastword.client.text import printable
from lastword.crdt.wire import element_bytes, element_of_base64
from lastword.errors import LastwordError, Unreachable

E = TypeVar("E", bound=str | bytes)

SILENCE_S: Final = 45.0
"""A node says something every 15 s; two beats may be late."""

LINE_BYTES_MAX: Final = 1 << 20
"""An element of 64 KiB, where JSON writes six bytes for one, and what stands around it."""

EventKind: TypeAlias = Literal["open", "add", "remove", "collect", "reset"]


@dataclass(frozen=True, slots=True)
class Event(Generic[E]):
    """Something that a watch told.

    `open` comes first: from here on nothing is missed. `add` and `remove` have an `element`'s
    newest state, its `set` and its `time`, in microseconds since 1970; states between two may be
    left out. `collect` says that a removal was forgotten, which changes no members. `reset` says
    that what happened up to here is not known, and why: read the set anew. `cursor` goes on behind
    this.
    """

    kind: EventKind
    cursor: str
    element: E | None = None
    time: int | None = None
    reason: str = ""
    set: str | None = None


class _Line(msgspec.Struct, rename="camel"):
    event: Literal["open", "add", "remove", "collect", "reset", "beat"]
    cursor: str
    set: str | None = None
    element: str | None = None
    element_base64: str | None = None
    time: int | None = None
    reason: str = ""


_line: Final = msgspec.json.Decoder(_Line)


class Watching(Generic[E]):
    """One watch over all its connections: where it is, and how many lines it `heard`.

    It is of the set `name`; of all whose names begin with `prefix` where that is None.
    """

    def __init__(
        self, name: str | None, kind: Kind[E], after: str | None, *, prefix: bytes = b""
    ) -> None:
        self._path = "/_/watch" if name is None else set_path(name)
        self._query = f"prefix={quoted(prefix)}" if name is None else "watch"
        self._kind = kind
        self._cursor = after
        self._pending = bytearray()
        self._is_open = False
        self.heard = 0

    def request(self) -> Request:
        """Return what asks for what comes next; what was half read is asked for again."""
        self._pending.clear()
        after = "" if self._cursor is None else f"&after={quote(self._cursor, safe='')}"
        return Request("GET", self._path, f"{self._query}{after}", accept=NDJSON_TYPE)

    def feed(self, address: str, data: bytes) -> list[Event[E]]:
        """Return the events that `data` completes; raise Unreachable for what is no watch."""
        *lines, rest = (bytes(self._pending) + data).split(b"\n")
        self._pending[:] = rest
        if len(rest) > LINE_BYTES_MAX:
            raise _no_watch(address, "a line without end")
        found = []
        for line in lines:
            event = self._event(address, line) if line.strip() else None
            if event is not None:
                found.append(event)
        return found

    def _event(self, address: str, line: bytes) -> Event[E] | None:
        try:
            told = _line.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise _no_watch(address, printable(str(error))) from error
        self.heard += 1
        if told.event == "open":
            return self._opened(told)
        self._cursor = told.cursor
        if told.event == "beat":
            return None
        element = self._element(address, told)
        return Event(told.event, told.cursor, element, told.time, told.reason, told.set)

    def _opened(self, told: _Line) -> Event[E] | None:
        """Keep a cursor that was asked for: the reset that may follow could still be lost."""
        self._cursor = self._cursor or told.cursor
        if self._is_open:
            return None
        self._is_open = True
        return Event("open", self._cursor)

    def _element(self, address: str, told: _Line) -> E | None:
        if told.event == "reset":
            return None
        try:
            if told.element_base64 is not None:
                key = element_of_base64(told.element_base64)
            else:
                key = element_bytes(told.element or "")
        except LastwordError as error:
            raise _no_watch(address, printable(str(error))) from error
        return self._kind.decode(key)


class Connecting:
    """Which node a watch asks next; it gives up when none said anything for the call's time."""

    def __init__(self, caller: Caller) -> None:
        self._nodes = caller.nodes
        self._now_s: Callable[[], float] = caller.now_s
        self._rng: Random = caller.rng
        self._patience_s = caller.patience.timeout_s
        self._heard_s = caller.now_s()
        self._failures = 0
        self.timeout_s = caller.patience.try_timeout_s

    def address(self) -> str:
        """Return the node to ask."""
        return self._nodes.order()[0]

    def heard(self, address: str) -> None:
        """Take note that a node went on with the watch."""
        if self._failures or self._now_s() - self._heard_s > 1.0:
            self._nodes.answered(address)
        self._heard_s = self._now_s()
        self._failures = 0

    def refused(self, answer: Answer) -> LastwordError:
        """Return why there is no watch; raise that where it is the caller's fault."""
        try:
            answer.nothing()
        except LastwordError as error:
            if answer.status < 500 and not isinstance(error, Unreachable):
                raise
            return error
        return answer.no_node("no watch")

    def broke(self, address: str, error: LastwordError) -> float:
        """Return how long to wait before the next try, in seconds; raise `error` at the end."""
        self._nodes.failed(address)
        if self._now_s() - self._heard_s > self._patience_s:
            raise error
        pause_s: float = min(PAUSE_S * 2 ** min(self._failures, 10), PAUSE_S_MAX)
        self._failures += 1
        return pause_s * self._rng.uniform(0.5, 1.0)


def broken(address: str, reason: str) -> Unreachable:
    """Return the error for a watch that came to its end."""
    return Unreachable(f"{address} does not go on: {reason}")


def _no_watch(address: str, what: str) -> Unreachable:
    return Unreachable(f"{address} answered, but not as a node does (no watch: {what})")
