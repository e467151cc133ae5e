"""What a node answers, checked: whatever is not the answer of a node is Unreachable."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

import msgspec

from lastword.client.health import Reason
from lastword.client.text import printable
from lastword.crdt.wire import decode_json, element_bytes, element_of_base64
from lastword.errors import (
    HTTP_STATUS,
    GhostElements,
    LastwordError,
    MethodNotAllowed,
    Unreachable,
)
from lastword.limits import TIME_MAX

T = TypeVar("T")

TIME_HEADER: Final = "Lastword-Time"
TIME_DIGITS_MAX: Final = len(str(TIME_MAX))


class _Told(msgspec.Struct, rename="camel"):
    code: str
    message: str
    hint: str = ""
    elements: list[str] = []
    elements_base64: list[str] = []
    more: int = 0


class _ErrorBody(msgspec.Struct):
    error: _Told


class Listed(msgspec.Struct):
    """A set that a node lists, and how many entries it holds."""

    name: str
    present: int
    tombstones: int


class SetsPage(msgspec.Struct):
    """Sets; `after` is the next page's, None behind the last."""

    sets: list[Listed]
    after: str | None


class Copying(msgspec.Struct):
    """A copy under way: of whom, how many entries have arrived, how much of its log was read."""

    source: str
    entries: int
    percent: int = 0


class Member(msgspec.Struct, rename="camel"):
    """Another member, as the node sees it; times are microseconds, `blocks_since` since 1970."""

    address: str
    answers: bool
    silent: int
    standing: str
    blocks_since: int | None


class Tombstones(msgspec.Struct, rename="camel"):
    """How collection is on a node; docs/REFERENCE.md, `GET /_/tombstones`."""

    held: int
    collectable: int
    collected: int
    held_back: int
    may_collect: bool
    copying: Copying | None
    members: list[Member]


class BackingUp(msgspec.Struct):
    """How far a backup is: pages copied so far, and of how many."""

    done: int
    pages: int


class Root(msgspec.Struct):
    """What a node says that it is."""

    name: str
    version: str


class Damaged(msgspec.Struct):
    """What is damaged on a node; docs/REFERENCE.md, `GET /_/ready`."""

    pages: int = 0
    sets: list[str] = []
    facts: list[str] = []
    scrubbed: int | None = None
    log_frames_unread: int = 0


class Ready(msgspec.Struct, rename="camel"):
    """What a node says of itself, as far as it is asked for here."""

    run: str = ""
    copying: Copying | None = None
    backing_up: BackingUp | None = None
    ready: bool = True
    reasons: list[Reason] = []
    address: str = ""
    members: list[str] = []
    damage: Damaged = msgspec.field(default_factory=Damaged)


class Scrubbed(msgspec.Struct, rename="camel"):
    """Scrubs since a node's start: how many ended, and what they went over."""

    scrubs: int
    under_way: bool
    pages: int
    rows: int


class Leaves(msgspec.Struct, rename="camel"):
    """How far a leave is: whether the node is unlisted, and whom it waits for."""

    has_left: bool
    waits_for: list[str]


_TOMBSTONES: Final = msgspec.json.Decoder(Tombstones)
_LEAVES: Final = msgspec.json.Decoder(Leaves)
_SETS: Final = msgspec.json.Decoder(SetsPage)
_ERROR: Final = msgspec.json.Decoder(_ErrorBody)
_BY_CODE: Final = {
    kind.code: kind for kind in reversed(HTTP_STATUS) if kind is not MethodNotAllowed
}


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it was read, and who gave it."""

    address: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    def presence(self) -> bool | None:
        """Return what is said of an element; None where the set has no entries at all."""
        if self.is_null:
            return None
        present = {b"true": True, b"false": False}.get(self.body.strip())
        if self.status != 200 or present is None:
            raise self._failure()
        return present

    def state(self) -> dict[bytes, int]:
        """Return the stamp of each element of a state; empty where there is none."""
        if self.is_null:
            return {}
        if self.status != 200:
            raise self._failure()
        try:
            return decode_json(self.body)
        except LastwordError as error:
            raise self.no_node(f"no state: {printable(str(error))}") from error

    def shaped(self, kind: type[T], *, statuses: tuple[int, ...] = (200,)) -> T:
        """Return what the answer says, as a `kind`; with 503 it may say that something is not."""
        if self.status not in statuses or (self.status != 200 and self._is_refusal):
            raise self._failure()
        try:
            return msgspec.json.decode(self.body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise self.no_node(f"no {kind.__name__}: {printable(str(error))}") from error

    def sets(self) -> SetsPage:
        """Return a page of the sets."""
        return self._decoded(_SETS, "no page of sets")

    def tombstones(self) -> Tombstones:
        """Return how collection is."""
        return self._decoded(_TOMBSTONES, "nothing of its tombstones")

    def leaves(self) -> Leaves:
        """Return how far a leave is."""
        return self._decoded(_LEAVES, "nothing of its leave")

    def nothing(self) -> None:
        """Return when it is null, as the node does where there is nothing to say."""
        if self.status != 200 or self.body.strip() != b"null":
            raise self._failure()

    def _decoded(self, decoder: msgspec.json.Decoder[T], otherwise: str) -> T:
        if self.status != 200:
            raise self._failure()
        try:
            return decoder.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise self.no_node(otherwise) from error

    def time(self) -> int:
        """Return the time of a write that is on the node's disk, in microseconds since 1970."""
        if self.status != 200:
            raise self._failure()
        text = self.headers.get(TIME_HEADER, "")
        digits = text.isascii() and text.isdigit() and len(text) <= TIME_DIGITS_MAX
        if not digits or int(text) > TIME_MAX:
            raise self.no_node("a write without its time")
        return int(text)

    @property
    def is_null(self) -> bool:
        """Whether it says that the set has no entries."""
        return self.status == 404 and self.body.strip() == b"null"

    @property
    def _is_refusal(self) -> bool:
        """Whether the body tells of an error, as opposed to facts."""
        try:
            _ERROR.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return False
        return True

    def _failure(self) -> LastwordError:
        """Return the error that the node told of."""
        try:
            told = _ERROR.decode(self.body).error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return self.no_node(f"status {self.status}")
        if self.status < 400:
            return self.no_node(f"status {self.status}")
        kind = _BY_CODE.get(told.code, LastwordError)
        if kind is GhostElements:
            return self._ghosts(told)
        return kind(
            f"{self.address} refused: {printable(told.message)}", hint=printable(told.hint)
        )

    def _ghosts(self, told: _Told) -> LastwordError:
        try:
            elements = [*map(element_bytes, told.elements)]
            elements += map(element_of_base64, told.elements_base64)
        except LastwordError as error:
            return self.no_node(f"a refusal: {printable(str(error))}")
        message = f"{self.address} refused: {printable(told.message)}"
        return GhostElements(message, elements=elements, more=told.more, hint=printable(told.hint))

    def no_node(self, what: str) -> Unreachable:
        """Return the error for an answer that no node gives."""
        return Unreachable(f"{self.address} answered, but not as a node does ({what})")
