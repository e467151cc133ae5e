"""Who shows which token: looked up among those that a node was started with, and in `_tokens_`.

What a token grants is looked up anew for each call, so that one that was revoked, here or on
another node, is worth nothing as soon as this node has heard of it.
"""

import hmac
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from typing import Final, Protocol

from lastword.access.rights import EVERYTHING, Rights
from lastword.access.throttle import Throttle
from lastword.access.token import (
    TOKEN_BYTES_MAX,
    Record,
    digest_of,
    id_of,
    parse_record,
)
from lastword.errors import InvalidElement, TooManyFailures, Unauthenticated

PROVEN_MAX: Final = 4_096
"""Tokens that were right before, and so are looked up for an address that has to wait, too:
else whoever shares it could lock others out."""


class TokenSet(Protocol):
    """The set `_tokens_` as this node holds it."""

    def version(self) -> object:
        """Return something that is another whenever the set is another."""

    def elements(self) -> Iterable[bytes]:
        """Return what is in it."""


class Pass:
    """Who showed a right token; what it grants is asked for when it is used."""

    __slots__ = ("_digest", "_gate", "_id")

    def __init__(self, gate: "Gate", id_: str, digest: bytes) -> None:
        self._gate = gate
        self._id = id_
        self._digest = digest

    def rights(self) -> Rights:
        """Return what the token grants now; raise Unauthenticated where it was revoked."""
        rights = self._gate.find(self._id, self._digest)
        if rights is None:
            raise Unauthenticated("the token was revoked")
        return rights


class Gate:
    """Lets bearers of tokens in. `now_s` returns a monotonic time in seconds.

    `failures` counts what was refused, by reason.
    """

    def __init__(
        self, admins: Iterable[bytes], held: TokenSet, now_s: Callable[[], float]
    ) -> None:
        self.failures: Counter[str] = Counter()
        self._admins: tuple[bytes, ...] = ()
        self.replace_admins(admins)
        self._held = held
        self._now_s = now_s
        self._throttle = Throttle()
        self._proven: OrderedDict[bytes, None] = OrderedDict()
        self._version: object = None
        self._records: dict[str, tuple[bytes, Rights]] = {}

    def replace_admins(self, tokens: Iterable[bytes]) -> None:
        """Let these tokens do everything from now on, and none of those before."""
        self._admins = tuple(map(digest_of, tokens))

    def admit(self, token: bytes, address: str) -> Pass:
        """Return the pass of who shows a token, from `address`.

        Raises Unauthenticated where it is none, TooManyFailures where there were too many such.
        """
        digest = digest_of(token[: TOKEN_BYTES_MAX + 1])
        if digest not in self._proven:
            self._wait(address)
        id_ = id_of(token)
        if self.find(id_, digest) is None:
            self.failures["wrong"] += 1
            self._throttle.note(address, self._now_s())
            raise Unauthenticated("this token is not known, or was revoked")
        self._proven[digest] = None
        self._proven.move_to_end(digest)
        if len(self._proven) > PROVEN_MAX:
            self._proven.popitem(last=False)
        return Pass(self, id_, digest)

    def find(self, id_: str, digest: bytes) -> Rights | None:
        """Return what a token grants, None where there is none."""
        for admin in self._admins:
            if hmac.compare_digest(admin, digest):
                return EVERYTHING
        version = self._held.version()
        if version != self._version:
            self._records = _read(self._held.elements())
            self._version = version
        held, rights = self._records.get(id_, (b"", None))
        return rights if hmac.compare_digest(held, digest) else None

    def _wait(self, address: str) -> None:
        try:
            self._throttle.check(address, self._now_s())
        except TooManyFailures:
            self.failures["throttled"] += 1
            raise


def records_of(elements: Iterable[bytes]) -> tuple[list[Record], int]:
    """Return the records among the elements of `_tokens_`, and how many are none."""
    records, others = [], 0
    for element in elements:
        try:
            records.append(parse_record(element))
        except InvalidElement:
            others += 1
    return records, others


def _read(elements: Iterable[bytes]) -> dict[str, tuple[bytes, Rights]]:
    records, _ = records_of(elements)
    return {record.id: (bytes.fromhex(record.sha256), record.rights()) for record in records}
