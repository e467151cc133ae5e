"""Paths to sets and elements, kept to the byte (RFC 3986, section 2.1).

`/<set>` names a set, `/<set>/<rest>` the element that is all of the rest: it may hold '/', raw
or encoded, and be empty. Nothing is normalised: '..' is an element like any other.
"""

import re
from typing import Any, Final, NamedTuple
from urllib.parse import unquote_to_bytes

from lastword.access.rights import TOKENS_SET
from lastword.crdt.wire import element_bytes
from lastword.errors import InvalidRequest, InvalidSetName, UnknownPath
from lastword.limits import SET_NAME_BYTES_MAX, SHOWN_BYTES_MAX
from lastword.store.operations import PEERS_SET

RESERVED_SETS = frozenset({PEERS_SET, TOKENS_SET})

SET_NAME_SCHEMA: Final[dict[str, Any]] = {
    "minLength": 1,
    "maxLength": SET_NAME_BYTES_MAX,
    "pattern": "^(?:[^/_][^/]*|_peers_|_tokens_)$",
}
"""What a schema can say of a set's name: it counts characters, and the limit is one of bytes."""

_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")


class Target(NamedTuple):
    """A set, and the element of it that is meant, if one is."""

    set_name: bytes
    element: bytes | None


def parse_path(path: bytes) -> Target:
    """Return what a path names.

    Raises InvalidRequest for a broken escape, InvalidSetName, InvalidElement, and UnknownPath
    for a reserved name that is not known.
    """
    if path.startswith(b"/_/"):
        raise UnknownPath(f"nothing lives at {_shown(path)}")
    raw_set, slash, raw_element = path[1:].partition(b"/")
    set_name = checked_set_name(percent_decoded(raw_set))
    return Target(set_name, element_bytes(percent_decoded(raw_element)) if slash else None)


def checked_set_name(name: bytes) -> bytes:
    """Return `name` if a set can have it; raise InvalidSetName or UnknownPath if not."""
    if name.startswith(b"_") and name not in RESERVED_SETS:
        raise UnknownPath(
            f"nothing lives at {_shown(name)}; names with a leading '_' are reserved"
        )
    if not 1 <= len(name) <= SET_NAME_BYTES_MAX:
        raise InvalidSetName(f"a set's name has 1 to {SET_NAME_BYTES_MAX} bytes, not {len(name)}")
    if b"/" in name:
        raise InvalidSetName("a set's name has no '/'")
    try:
        name.decode()
    except UnicodeDecodeError:
        raise InvalidSetName("a set's name is UTF-8") from None
    return name


def percent_decoded(raw: bytes) -> bytes:
    """Return the bytes that `raw` stands for; '+' is itself. Raises InvalidRequest."""
    if b"%" not in raw:
        return raw
    if _BAD_ESCAPE.search(raw):
        raise InvalidRequest(
            f"{_shown(raw)} has a '%' that no two hexadecimal digits follow",
            hint="A '%' itself is written %25.",
        )
    return unquote_to_bytes(raw)


def _shown(name: bytes) -> str:
    return repr(name[:SHOWN_BYTES_MAX].decode(errors="replace"))
