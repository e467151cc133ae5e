"""A request as it is sent, whatever sends it, and what became of it."""

from dataclasses import dataclass, replace
from typing import Final, Self, TypeAlias

from lastword.client.answers import Answer
from lastword.errors import BodyTooLarge
from lastword.limits import BODY_BYTES_MAX

ANSWER_BYTES_MAX: Final = 64 << 10
"""Of any answer but a state: true, false, null, or an error with what it quotes."""

PAGE_BYTES_MAX: Final = 16 << 20
"""Of a page: a mebibyte of elements and one of 64 KiB more, where JSON writes six bytes for one;
a thousand names of sets are less."""

STATE_BYTES_MAX: Final = BODY_BYTES_MAX
"""Of a state: it is held whole, and what a node takes in one body it may give in one."""

CONNECT_TIMEOUT_S: Final = 3.0
"""A node that is there accepts at once; one lost packet costs a second."""

JSON_TYPE: Final = "application/json"
NDJSON_TYPE: Final = "application/x-ndjson"


@dataclass(frozen=True, slots=True)
class Request:
    """A request to any node; `path` and `query` are percent-encoded.

    One that `writes` changes something; the node gives it a time where `gets_time` is true. A
    `patient` one has a limit for each wait for more of its answer, and none for all of it.
    """

    method: str
    path: str
    query: str = ""
    body: bytes | None = None
    bytes_max: int = ANSWER_BYTES_MAX
    accept: str = "*/*"
    writes: bool = False
    gets_time: bool = False
    patient: bool = False

    @property
    def target(self) -> str:
        """The path with its query."""
        return f"{self.path}?{self.query}" if self.query else self.path

    def at(self, time: int) -> Self:
        """Return this write with a time of its own, in microseconds since 1970."""
        return replace(self, query=f"time={time}", gets_time=False)

    def headers(self, token: str | None) -> dict[str, str]:
        """Return the headers that say what is sent, what is wanted, and who asks."""
        headers = {"Accept": self.accept}
        if self.body is not None:
            headers["Content-Type"] = JSON_TYPE
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return headers


@dataclass(frozen=True, slots=True)
class Broken:
    """There was no answer, for a reason in words. Unless it `arrived`, nothing can be done."""

    reason: str
    arrived: bool


Outcome: TypeAlias = Answer | Broken


def too_large(bytes_max: int) -> BodyTooLarge:
    """Return the error for an answer that is over its limit."""
    return BodyTooLarge(
        f"the answer has more than {bytes_max} bytes",
        hint="Ask for single elements of a set as large as this.",
    )
