"""One call, made until a node has done it: retries, failover and deadlines, without any I/O.

A call is a generator. It yields what is to be done, a `Try` or a `Pause`, is sent what became of
it, and returns its result. The blocking client and the asynchronous one drive the same generators.

What is promised: a call ends in its time, as done or by an error that names each node and what it
said. A write counts as of when it was first sent, however often it is repeated: where nobody
answered a try that may have arrived, the repetition carries that time, in the clock of the node
that takes it, and so it undoes nothing that came after. docs/decisions/client.md says why.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from random import Random
from threading import Lock
from typing import Final, Generic, TypeAlias, TypeVar

from lastword.client.answers import Answer
from lastword.client.nodes import Nodes
from lastword.client.requests import Broken, Outcome, Request
from lastword.errors import LastwordError, RequestTimeout, Unreachable

T = TypeVar("T")
V = TypeVar("V")

TIMEOUT_S: Final = 30.0
"""For a call with all its tries: longer than the restart of a node on a large file."""

TRY_TIMEOUT_S: Final = 10.0
"""For one try. Writes take milliseconds, a bulk of 10,000 on a slow disk a second; a node that
hangs costs a call so much before another is asked."""

RETRIES: Final = 4
"""Rounds over all addresses after the first; with their pauses about three seconds."""

PAUSE_S: Final = 0.2
"""Before the second round, doubled before each further one, times a chance of a half to one."""

PAUSE_S_MAX: Final = 2.0

CLOCK_READINGS: Final = 2
"""Of a node's clock before a write is repeated there: the first may have to connect."""


IN_DOUBT: Final = "It may have been done all the same: read, or do it again"
NOT_DONE: Final = "Nothing was done"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a call is tried, and how often."""

    timeout_s: float = TIMEOUT_S
    try_timeout_s: float = TRY_TIMEOUT_S
    retries: int = RETRIES


@dataclass(frozen=True, slots=True)
class Try:
    """Send a request to the node at an address; the answer is awaited for so long."""

    address: str
    request: Request
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait."""

    seconds: float


Steps: TypeAlias = Generator[Try | Pause, Outcome | None, T]


class Caller:
    """Makes calls to whichever node answers. Several threads may use it at once."""

    def __init__(
        self, nodes: Nodes, patience: Patience, *, now_s: Callable[[], float], rng: Random
    ) -> None:
        self.nodes = nodes
        self.patience = patience
        self.now_s = now_s
        self.rng = rng
        self._told = 0
        self._lock = Lock()

    @property
    def told(self) -> int:
        """The greatest time that a node gave to a write of this client; 0 before the first."""
        return self._told

    def note(self, time: int) -> None:
        """Take note of the time of a write."""
        with self._lock:
            self._told = max(self._told, time)

    def call(self, request: Request, read: Callable[[Answer], T]) -> Steps[T]:
        """Return what `read` makes of the answer of the first node that does it.

        Raises the error that a node refuses with, if its fault is the caller's, and Unreachable
        where none does it in time.
        """
        return (yield from _Call(self, request, read).steps())

    def write(self, request: Request) -> Steps[int]:
        """Write; return the time that it got, in microseconds since 1970."""
        time = yield from self.call(request, Answer.time)
        self.note(time)
        return time


@dataclass(frozen=True, slots=True)
class _Failed:
    """A node did not do it, for a reason that another one may not have."""

    error: LastwordError
    in_doubt: bool


class _Call(Generic[T]):
    """A call that is being made, and what is known of it so far."""

    def __init__(self, caller: Caller, request: Request, read: Callable[[Answer], T]) -> None:
        self._caller = caller
        self._request = request
        self._read = read
        self._floor = caller.told
        self._deadline_s = caller.now_s() + caller.patience.timeout_s
        self._failures: dict[str, LastwordError] = {}
        self._in_doubt_since_s: float | None = None

    def steps(self) -> Steps[T]:
        """Ask one node after the other, round after round."""
        for number in range(self._caller.patience.retries + 1):
            if number:
                yield Pause(min(self._pause_s(number), self._left_s()))
            for address in self._caller.nodes.order():
                if self._left_s() <= 0:
                    raise self._given_up()
                done = yield from self._do(address)
                if not isinstance(done, _Failed):
                    self._caller.nodes.answered(address)
                    return done
                self._failures[address] = done.error
                self._caller.nodes.failed(address)
        raise self._given_up()

    def _do(self, address: str) -> Steps[T | _Failed]:
        if self._in_doubt_since_s is not None and self._request.gets_time:
            dated = yield from self._date(address, self._in_doubt_since_s)
            if isinstance(dated, _Failed):
                return dated
        sent_s = self._caller.now_s()
        done = yield from self._ask(address, self._request, self._read)
        if isinstance(done, _Failed) and done.in_doubt and self._in_doubt_since_s is None:
            self._in_doubt_since_s = sent_s
        return done

    def _date(self, address: str, since_s: float) -> Steps[_Failed | None]:
        """Give the write the time at which it was first sent, by the clock of this node.

        The node says what time it is, in its answers to writes of nothing. Each gives a time that
        is too late by the way there and never too early, so the least of them is taken. It is
        above all times that this client was told before the call.
        """
        nothing = Request("PATCH", self._request.path, body=b"{}")
        found: list[int] = []
        for _ in range(CLOCK_READINGS):
            sent_s = self._caller.now_s()
            time = yield from self._ask(address, nothing, Answer.time)
            if isinstance(time, _Failed):
                return time
            found.append(time - round((sent_s - since_s) * 1e6))
        self._request = self._request.at(max(min(found), self._floor + 1))
        return None

    def _ask(
        self, address: str, request: Request, read: Callable[[Answer], V]
    ) -> Steps[V | _Failed]:
        limit_s = min(self._caller.patience.try_timeout_s, self._left_s())
        outcome = yield Try(address, request, limit_s)
        assert outcome is not None, "a Try is answered by its outcome"  # noqa: S101 - our fault
        if isinstance(outcome, Broken):
            error = Unreachable(f"{address} does not answer: {outcome.reason}")
            return _Failed(error, in_doubt=outcome.arrived)
        try:
            return read(outcome)
        except LastwordError as error:
            if outcome.status >= 500 or isinstance(error, Unreachable | RequestTimeout):
                return _Failed(error, in_doubt=not error.certain)
            if request.writes and self._in_doubt_since_s is not None:
                error.add_note("An earlier try, which was not answered, may have been done.")
            raise

    def _pause_s(self, number: int) -> float:
        longest_s: float = min(PAUSE_S * 2 ** (number - 1), PAUSE_S_MAX)
        return longest_s * self._caller.rng.uniform(0.5, 1.0)

    def _left_s(self) -> float:
        return max(0.0, self._deadline_s - self._caller.now_s())

    def _given_up(self) -> LastwordError:
        failures = [*self._failures.values()]
        in_doubt = self._request.writes and self._in_doubt_since_s is not None
        if len(failures) == 1 and not in_doubt:
            return failures[0]
        said = "; ".join(map(str, failures)) or "no time was left to ask a node"
        if not self._request.writes:
            return Unreachable(said)
        return Unreachable(f"{said}. {IN_DOUBT if in_doubt else NOT_DONE}")
