"""Bodies of requests that name elements, checked against their shape before anything is done."""

from collections.abc import Iterable
from typing import TypeVar

import msgspec

from lastword.crdt.wire import MESSAGE_CHARS_MAX, element_bytes, element_of_base64
from lastword.errors import InvalidRequest
from lastword.limits import PATCH_ELEMENTS_MAX

T = TypeVar("T")


class Members(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """Elements to add: texts, and any bytes in Base64 beside them."""

    members: list[str] = []
    members_base64: list[str] = []


class Patch(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """Elements to add and to remove."""

    add: list[str] = []
    add_base64: list[str] = []
    remove: list[str] = []
    remove_base64: list[str] = []


_members = msgspec.json.Decoder(list[str] | Members)
_patch = msgspec.json.Decoder(Patch)


Changed = tuple[tuple[bytes, ...], tuple[bytes, ...]]
"""What is to be added, and what is to be removed."""


def decode_members(body: bytes) -> Changed:
    """Return what `["a", ...]` or `{"members": [...], "membersBase64": [...]}` adds."""
    value = _decoded(_members, body)
    listed = Members(members=value) if isinstance(value, list) else value
    _check_count(listed.members, listed.members_base64)
    return _elements(listed.members, listed.members_base64), ()


def decode_patch(body: bytes) -> Changed:
    """Return what `{"add": [...], "remove": [...]}` adds and removes; no element does both."""
    patch = _decoded(_patch, body)
    _check_count(patch.add, patch.add_base64, patch.remove, patch.remove_base64)
    add = _elements(patch.add, patch.add_base64)
    remove = _elements(patch.remove, patch.remove_base64)
    if not set(add).isdisjoint(remove):
        raise InvalidRequest(
            "an element stands in both add and remove",
            hint="Which of the two should last? Send that one alone.",
        )
    return add, remove


def _decoded(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        reason = str(error)[:MESSAGE_CHARS_MAX]
        raise InvalidRequest(f"the body is not what is expected here: {reason}") from None


def _elements(texts: Iterable[str], encoded: Iterable[str]) -> tuple[bytes, ...]:
    return (*map(element_bytes, texts), *map(element_of_base64, encoded))


def _check_count(*lists: list[str]) -> None:
    count = sum(map(len, lists))
    if count > PATCH_ELEMENTS_MAX:
        raise InvalidRequest(
            f"one request takes at most {PATCH_ELEMENTS_MAX} elements, not {count}",
            hint="Send them in several requests, or as a state by POST.",
        )
