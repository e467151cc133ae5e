"""Bodies of requests that name elements, checked against their shape before anything is done.

Each is taken in JSON and in msgpack. In JSON elements are text, and any bytes in Base64 beside
them; in msgpack they are text or bytes.
"""

from collections.abc import Callable, Iterable, Sized
from typing import Annotated, Any, Final, TypeVar

import msgspec

from lastword.api.http.forms import MSGPACK_NAMES
from lastword.api.http.messages import Request
from lastword.crdt.once import check_json, check_msgpack
from lastword.crdt.wire import (
    MESSAGE_CHARS_MAX,
    Base64,
    Text,
    decode_json,
    decode_msgpack,
    element_bytes,
    element_of_base64,
)
from lastword.errors import InvalidRequest, UnknownMediaType
from lastword.limits import PATCH_ELEMENTS_MAX, SHOWN_BYTES_MAX, TIME_MAX

T = TypeVar("T")

Time = Annotated[int, msgspec.Meta(ge=0, le=TIME_MAX, description="microseconds since 1970")]
Element = Annotated[
    Any, msgspec.Meta(description="text or bytes", extra_json_schema={"type": "string"})
]
PackedElements = Annotated[list[Element], msgspec.Meta(max_length=PATCH_ELEMENTS_MAX)]
"""msgpack says first how many there are: too many are refused before they take memory."""


class Members(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """Elements to add: texts, and any bytes in Base64 beside them."""

    members: list[Text] = []
    members_base64: list[Base64] = []


class Patch(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """Elements to add and to remove."""

    add: list[Text] = []
    add_base64: list[Base64] = []
    remove: list[Text] = []
    remove_base64: list[Base64] = []


class PackedMembers(msgspec.Struct, forbid_unknown_fields=True):
    """Elements to add, each text or bytes."""

    members: PackedElements = []


class PackedPatch(msgspec.Struct, forbid_unknown_fields=True):
    """Elements to add and to remove, each text or bytes."""

    add: PackedElements = []
    remove: PackedElements = []


Changed = tuple[tuple[bytes, ...], tuple[bytes, ...]]
"""What is to be added, and what is to be removed."""

TAKEN_AS_JSON: Final = frozenset(
    {
        b"application/json",
        b"application/octet-stream",
        b"application/x-www-form-urlencoded",
        b"text/json",
        b"text/plain",
    }
)
"""JSON, and what clients say of a body without having been told what it is (`curl -d`)."""

SPLIT_HINT: Final = "Send them in several requests, or as a state by POST."

_members = msgspec.json.Decoder(list[str] | Members)
_patch = msgspec.json.Decoder(Patch)
_packed_members = msgspec.msgpack.Decoder(PackedElements | PackedMembers)
_packed_patch = msgspec.msgpack.Decoder(PackedPatch)


def is_packed(request: Request, others: frozenset[bytes] = frozenset()) -> bool:
    """Return whether a request's body is msgpack, and not JSON; in both it is not compressed.

    `others` are names of JSON that this call takes too. Raises UnknownMediaType.
    """
    encoding = request.headers.get(b"content-encoding", b"identity")
    if encoding.lower() not in {b"", b"identity"}:
        raise UnknownMediaType(
            "a body with a Content-Encoding is not read here",
            hint="Send it as it is, neither compressed nor encoded.",
        )
    said = request.headers.get(b"content-type")
    if said is None:
        return False
    media = said.partition(b";")[0].strip().lower()
    if media in MSGPACK_NAMES:
        return True
    if media in TAKEN_AS_JSON or media in others or media.endswith(b"+json") or not media:
        return False
    shown = media[:SHOWN_BYTES_MAX].decode("ascii", "backslashreplace")
    raise UnknownMediaType(f"a body of the type {shown} is not read here")


def decode_members(body: bytes, *, packed: bool) -> Changed:
    """Return what `["a", ...]` or `{"members": [...], "membersBase64": [...]}` adds."""
    if packed:
        value = decoded(_packed_members.decode, body)
        if isinstance(value, PackedMembers):
            check_msgpack(body, {})
            value = value.members
        check_count(value)
        return elements_of_any(value), ()
    found = decoded(_members.decode, body)
    members = Members(members=found) if isinstance(found, list) else found
    check_count(members.members, members.members_base64)
    if not isinstance(found, list):
        texts, encoded = members.members, members.members_base64
        check_json(body, len(texts) + len(encoded), bool(texts) + bool(encoded))
    return elements_of_text(members.members, members.members_base64), ()


def decode_patch(body: bytes, *, packed: bool) -> Changed:
    """Return what `{"add": [...], "remove": [...]}` adds and removes; no element does both."""
    if packed:
        packed_patch = decoded(_packed_patch.decode, body)
        check_msgpack(body, {})
        return packed_changes(packed_patch)
    patch = decoded(_patch.decode, body)
    check_patch_once(body, patch)
    return changes(patch)


def decode_state(body: bytes, *, packed: bool) -> dict[bytes, int]:
    """Return the greatest stamp of each element of a state."""
    return decode_msgpack(body) if packed else decode_json(body)


def check_patch_once(data: bytes, patch: Patch, strings: int = 0, names: int = 0) -> None:
    """Refuse a patch in which a name stands twice; it has other `strings` and `names` beside."""
    add, encoded = patch.add, patch.add_base64
    remove, removed = patch.remove, patch.remove_base64
    # Written out, since every line of a bulk request comes by here.
    strings += len(add) + len(encoded) + len(remove) + len(removed)
    names += bool(add) + bool(encoded) + bool(remove) + bool(removed)
    check_json(data, strings, names)


def changes(patch: Patch) -> Changed:
    """Return what a patch in JSON does."""
    check_count(patch.add, patch.add_base64, patch.remove, patch.remove_base64)
    return _apart(
        elements_of_text(patch.add, patch.add_base64),
        elements_of_text(patch.remove, patch.remove_base64),
    )


def packed_changes(patch: PackedPatch) -> Changed:
    """Return what a patch in msgpack does."""
    check_count(patch.add, patch.remove)
    return _apart(elements_of_any(patch.add), elements_of_any(patch.remove))


def decoded(decode: Callable[[Any], T], body: bytes | msgspec.Raw) -> T:
    """Return what `decode` makes of a body; raise InvalidRequest where it is something else."""
    try:
        return decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        reason = str(error)[:MESSAGE_CHARS_MAX]
        hint = SPLIT_HINT if "of length <=" in reason else None
        raise InvalidRequest(
            f"the body is not what is expected here: {reason}", hint=hint
        ) from None


def elements_of_text(texts: Iterable[str], encoded: Iterable[str]) -> tuple[bytes, ...]:
    """Return elements that stand in JSON."""
    return (*map(element_bytes, texts), *map(element_of_base64, encoded))


def elements_of_any(values: Iterable[Any]) -> tuple[bytes, ...]:
    """Return elements that stand in msgpack."""
    return tuple(map(_element, values))


def _element(value: object) -> bytes:
    if not isinstance(value, str | bytes):
        raise InvalidRequest(f"an element is text or bytes, not {type(value).__name__}")
    return element_bytes(value)


def _apart(add: tuple[bytes, ...], remove: tuple[bytes, ...]) -> Changed:
    if add and remove and not set(add).isdisjoint(remove):
        raise InvalidRequest(
            "an element stands in both add and remove",
            hint="Which of the two should last? Send that one alone.",
        )
    return add, remove


def check_count(*lists: Sized) -> None:
    """Refuse more elements than one transaction may hold."""
    count = sum(map(len, lists))
    if count > PATCH_ELEMENTS_MAX:
        raise InvalidRequest(
            f"at most {PATCH_ELEMENTS_MAX} elements are taken at once, not {count}",
            hint=SPLIT_HINT,
        )
