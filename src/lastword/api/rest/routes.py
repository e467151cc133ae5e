"""What a path takes: its calls, as they are served and as they are described.

A call that is served is described, and the other way round, since both are one entry.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

from lastword.access.rights import Need
from lastword.api.http.answers import Refusal
from lastword.api.http.forms import MSGPACK_NAMES
from lastword.api.http.messages import Response
from lastword.errors import LastwordError, MethodNotAllowed

Answer: TypeAlias = Response | Awaitable[Response]
Handler: TypeAlias = Callable[..., Answer]
"""Takes a request and, where the path names a set, the set's name and the element or None."""

JSON_TYPE: Final = "application/json"
MSGPACK_TYPE: Final = MSGPACK_NAMES[0].decode()


class Body(NamedTuple):
    """A body: what it is, and the type of what it holds in each media type; of a tuple, one."""

    text: str
    types: Mapping[str, Any]
    required: bool = True


def body(text: str, json: Any, msgpack: Any = None) -> Body:
    """Return a body in JSON or msgpack; of `msgpack` None says that both hold the same."""
    return Body(text, {JSON_TYPE: json, MSGPACK_TYPE: json if msgpack is None else msgpack})


class Given(NamedTuple):
    """An answer: its status, what it says, and the headers that are its own."""

    status: int
    text: str
    body: Body | None = None
    headers: tuple[str, ...] = ()


class Query(NamedTuple):
    """A parameter of a query."""

    name: str
    text: str
    schema: Any


class Call(NamedTuple):
    """One method of a path.

    `answer` is given the bearer's rights, too, where it `need`s one for EACH set that it is about.
    """

    answer: Handler
    summary: str
    gives: tuple[Given, ...]
    need: Need
    takes: Body | None = None
    queries: tuple[Query, ...] = ()
    errors: tuple[type[LastwordError], ...] = ()
    refusal: Any = Refusal


class Route:
    """A path and its calls by method; HEAD goes with GET, and OPTIONS with every path.

    `hints` say what to do instead of a method that one might expect here.
    """

    def __init__(
        self, path: str, calls: Mapping[str, Call], hints: Mapping[str, str] | None = None
    ) -> None:
        self.path = path
        self.calls = calls
        self.methods: tuple[str, ...] = (
            *(name for method in calls for name in _with_head(method)),
            "OPTIONS",
        )
        self._hints = hints or {}
        self._options = Response(204, headers=((b"Allow", ", ".join(self.methods).encode()),))
        self._answers: dict[str, Handler] = {"OPTIONS": lambda *_: self._options}
        self._needs = {"OPTIONS": Need.NOTHING}
        for method, call in calls.items():
            self._answers |= dict.fromkeys(_with_head(method), call.answer)
            self._needs |= dict.fromkeys(_with_head(method), call.need)

    def answer_to(self, method: str) -> Handler:
        """Return what answers a method here; raise MethodNotAllowed if nothing does."""
        answer = self._answers.get(method)
        if answer is None:
            raise MethodNotAllowed(
                f"{method} is not taken here", allow=self.methods, hint=self._hints.get(method)
            )
        return answer

    def need_of(self, method: str) -> Need:
        """Return what a method takes that something answers."""
        return self._needs[method]


def _with_head(method: str) -> tuple[str, ...]:
    return ("GET", "HEAD") if method == "GET" else (method,)
