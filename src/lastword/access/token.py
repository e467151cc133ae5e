"""Tokens: what a bearer shows, and what the cluster keeps of it in the set `_tokens_`.

A token is `lw_ID_SECRET`. An element of `_tokens_` is its record, JSON with the id, the SHA-256
of the whole token and what it grants: who reads the set, or a backup, has no token by it. A secret
has 256 random bits, so that a fast hash is enough.
"""

import re
from hashlib import sha256
from typing import Annotated, Final, Literal, NamedTuple

import msgspec

from lastword.access.glob import PATTERN_BYTES_MAX
from lastword.access.rights import Grant, Right, Rights
from lastword.crdt.once import names_of, strings_in
from lastword.errors import InvalidElement

TOKEN_BYTES_MAX: Final = 512
"""Of what is taken for a token at all: ours have 63 characters."""

GRANTS_MAX: Final = 64
NOTE_CHARS_MAX: Final = 200
RECORD_BYTES_MAX: Final = 16_384
"""Of a record: all its patterns of some length. Longer ones are none."""

SECRET_BYTES: Final = 32
ID_BYTES: Final = 6

_TOKEN: Final = re.compile(rb"lw_([0-9a-f]{12})_[0-9a-f]{64}")

RightName = Literal["read", "write", "admin"]
Pattern = Annotated[str, msgspec.Meta(min_length=1, max_length=PATTERN_BYTES_MAX)]


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is kept of a token; `made` is when it was made, in microseconds since 1970.

    A field that is not known here might narrow what is granted: a record that has one is none.
    """

    id: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{12}$")]
    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    grants: Annotated[
        list[tuple[RightName, Pattern]], msgspec.Meta(min_length=1, max_length=GRANTS_MAX)
    ]
    note: Annotated[str, msgspec.Meta(max_length=NOTE_CHARS_MAX)] = ""
    made: Annotated[int, msgspec.Meta(ge=0, lt=1 << 53)] = 0

    def element(self) -> bytes:
        """Return it as an element of `_tokens_`."""
        return msgspec.json.encode(self)

    def rights(self) -> Rights:
        """Return what it grants."""
        return Rights(tuple(Grant(Right[name.upper()], pattern) for name, pattern in self.grants))


class Made(NamedTuple):
    """A new token, which nobody can show again, and its record."""

    token: str
    record: Record


_decode: Final = msgspec.json.Decoder(Record).decode


def make(randomness: bytes, grants: list[tuple[RightName, str]], note: str, made_us: int) -> Made:
    """Return a token of ID_BYTES + SECRET_BYTES random bytes. Raises InvalidElement."""
    id_, secret = randomness[:ID_BYTES].hex(), randomness[ID_BYTES:].hex()
    token = f"lw_{id_}_{secret}"
    record = Record(id_, digest_of(token.encode()).hex(), grants, note, made_us)
    return Made(token, parse_record(record.element()))


def digest_of(token: bytes) -> bytes:
    """Return what is kept of a token."""
    return sha256(token).digest()


def id_of(token: bytes) -> str:
    """Return the id in a token, empty where it has none."""
    found = _TOKEN.fullmatch(token)
    return found[1].decode() if found else ""


def parse_record(element: bytes) -> Record:
    """Return the record that an element is; raise InvalidElement where it is none."""
    if len(element) > RECORD_BYTES_MAX:
        raise InvalidElement(f"a token's record has at most {RECORD_BYTES_MAX} bytes")
    try:
        record = _decode(element)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidElement(f"no token's record: {error}", hint=_HINT) from None
    _check_names(element, record)
    if any(len(pattern.encode()) > PATTERN_BYTES_MAX for _, pattern in record.grants):
        raise InvalidElement(f"a pattern has at most {PATTERN_BYTES_MAX} bytes", hint=_HINT)
    return record


def _check_names(element: bytes, record: Record) -> None:
    """Refuse a record with a name twice: who reads the first one grants something else."""
    names = names_of(element)
    values = 2 + 2 * len(record.grants) + ("note" in names)
    if strings_in(element) != len(names) + values:
        raise InvalidElement("no token's record: a name stands twice", hint=_HINT)


_HINT: Final = "lastword token create makes tokens, and puts their records there."
