"""Who shows which token: looked up among those that a node was started with, and in `_tokens_`.

What a token grants is looked up anew for each call, so that one that was revoked, here or on
another node, is worth nothing as soon as this node has heard of it.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from hmac import compare_digest as same
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

_NO_RECORD: Final = (bytes(32), None)
"""Stands for the record of an id that is not known: it is compared like any, and nothing hashes
to it that anybody could find."""


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
        self._proven: set[bytes] = set()
        self.replace_admins(admins)
        self._held = held
        self._now_s = now_s
        self._throttle = Throttle()
        self._version: object = None
        self._records: dict[str, tuple[bytes, Rights]] = {}

    def replace_admins(self, tokens: Iterable[bytes]) -> None:
        """Let these tokens do everything from now on, and none of those before."""
        self._admins = tuple(map(digest_of, tokens))
        self._proven.intersection_update(self._admins)

    def admit(self, token: bytes, address: str) -> Pass:
        """Return the pass of who shows a token, from `address`.

        Raises Unauthenticated where it is none, TooManyFailures where there were too many such.
        Where the address has to wait, what is right is let in all the same if nobody could have
        guessed it: else whoever shares the address could lock others out. Of an admin's token
        that is not known, but for one that was right before.
        """
        digest, id_ = digest_of(token[: TOKEN_BYTES_MAX + 1]), id_of(token)
        is_right = self.find(id_, digest) is not None
        if not (is_right and (id_ or digest in self._proven)):
            self._wait(address)
        if not is_right:
            self.failures["wrong"] += 1
            self._throttle.note(address, self._now_s())
            raise Unauthenticated("this token is not known, or was revoked")
        if not id_:
            self._proven.add(digest)
        return Pass(self, id_, digest)

    def find(self, id_: str, digest: bytes) -> Rights | None:
        """Return what a token grants, None where there is none."""
        for admin in self._admins:
            if same(admin, digest):
                return EVERYTHING
        version = self._held.version()
        if version != self._version:
            self._records = _read(self._held.elements())
            self._version = version
        held, rights = self._records.get(id_, _NO_RECORD)
        return rights if same(held, digest) else None

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
    """Return what each id grants; one whose records say different things grants nothing."""
    records: dict[str, Record] = {}
    torn: set[str] = set()
    for record in records_of(elements)[0]:
        before = records.setdefault(record.id, record)
        if (before.sha256, before.grants) != (record.sha256, record.grants):
            torn.add(record.id)
    return {
        id_: (bytes.fromhex(record.sha256), record.rights())
        for id_, record in records.items()
        if id_ not in torn
    }
