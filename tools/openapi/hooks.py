"""What schemathesis has to be told: how bodies are written, and what no schema can say."""

import re
from base64 import b64decode
from typing import Any
from urllib.parse import quote

import msgspec
import schemathesis

from lastword.address import is_address
from lastword.limits import SET_NAME_BYTES_MAX, TARGET_BYTES_MAX

PACKED = "application/msgpack"
_PERIOD = re.compile("[1-9][0-9]{0,2}(ms|s|m)")
"""Of `?max_lag=`, those that are short enough, which no schema says."""
RESERVED = {"_peers_", "_tokens_"}


@schemathesis.serializer(PACKED)
def packed(_: Any, value: Any) -> bytes:
    """Write a body in msgpack."""
    try:
        return msgspec.msgpack.encode(value)
    except OverflowError:  # a number that msgpack has no form for
        return b"\xc1"


@schemathesis.serializer("application/x-ndjson")
def one_line(_: Any, value: Any) -> bytes:
    """Write a body of one line."""
    return msgspec.json.encode(value) + b"\n"


@schemathesis.deserializer(PACKED)
def unpacked(_: Any, response: Any) -> Any:
    """Read an answer in msgpack, bytes as the text that a schema can speak of."""
    return msgspec.json.decode(msgspec.json.encode(msgspec.msgpack.decode(response.content)))


@schemathesis.hook
def filter_case(_: Any, case: Any) -> bool:
    """Leave out what the schema allows, since it cannot say otherwise, and the node does not."""
    path = case.path_parameters or {}
    name, element = str(path.get("set", "s")), str(path.get("element", ""))
    query = case.query or {}
    is_page = case.path == "/{set}" and case.method in {"GET", "HEAD"}
    return (
        _is_plain(name)
        and len(quote(element)) < TARGET_BYTES_MAX // 2
        and not (is_page and query and "members" not in query and set(query) != {"count"})
        and not (is_page and "count" in query and len(query) > 1)
        and not (is_page and ("watch" in query or not _is_of_page(query.get("after"))))
        and _PERIOD.fullmatch(str(query.get("max_lag", "2s"))) is not None
        and _is_sound(case.body)
    )


def _is_of_page(after: Any) -> bool:
    """Return whether a cursor is not one of a watch's, which has no end: tests/api has those."""
    return "-" not in str(after) and str(after) != "0"


def _is_plain(name: str) -> bool:
    """Return whether a set's name is short enough in bytes, and none of the node's own.

    Schemas count characters, and what is in reserved sets follows rules of its own.
    """
    return name not in RESERVED and len(name.encode(errors="replace")) <= SET_NAME_BYTES_MAX


def _is_sound(body: Any) -> bool:
    """Return whether a body is none of those that a schema has no words for."""
    if isinstance(body, list):  # lines, in msgpack
        return all(map(_is_sound, body))
    if not isinstance(body, dict):
        return True
    name = body.get("set", "s")
    if isinstance(name, str) and not _is_plain(name):
        return False
    for key in ("address", "source"):
        address = body.get(key)
        if isinstance(address, str) and address.startswith("[") and not is_address(address):
            return False
    return not _has_fraction(body) and not _is_both(body)


def _has_fraction(value: Any) -> bool:
    """Return whether a number is written as 1.0: to a schema that is whole."""
    if isinstance(value, dict):
        return any(map(_has_fraction, value.values()))
    return isinstance(value, float)


def _is_both(body: dict[str, Any]) -> bool:
    """Return whether an element is to be added and removed."""
    add, remove = (
        {*_texts(body, name), *map(_meant, _texts(body, f"{name}Base64"))}
        for name in ("add", "remove")
    )
    return not add.isdisjoint(remove)


def _meant(text: bytes) -> bytes:
    try:
        return b64decode(text)
    except ValueError:  # it is meant to be wrong
        return text


def _texts(body: dict[str, Any], name: str) -> list[bytes]:
    """Return the texts of a list, which may be anything else where it is meant to be wrong."""
    items = body.get(name)
    found = items if isinstance(items, list) else []
    return [text.encode(errors="replace") for text in found if isinstance(text, str)]
