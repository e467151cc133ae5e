"""The wire forms of a state: which elements were added and removed, and when.

In JSON: `{"lwwAdded": {element: time}, "lwwRemoved": {element: time}}`. Elements that are valid
UTF-8 are text; all others stand, in Base64, in `lwwAddedBase64` and `lwwRemovedBase64`, which are
written only where there are any. In msgpack: the first two maps, with keys of text or bytes.
Times are microseconds since 1970; stamps do not leave the house.

Decoding promises that whatever is not exactly this is refused with one of InvalidRequest,
InvalidTime and InvalidElement, in a short message, at a cost that follows the length of the data.
A map that is missing is empty. An element that stands in several maps gets its greatest stamp; a
key that stands twice in one map is refused (once.py).
"""

from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Annotated, Any, Final, TypeVar

import msgspec

from lastword.crdt.once import check_json, check_msgpack
from lastword.crdt.stamp import is_removed, pack, time_of
from lastword.errors import InvalidElement, InvalidRequest, InvalidTime, LastwordError
from lastword.limits import ELEMENT_BYTES_MAX, TIME_MAX

K = TypeVar("K")
M = TypeVar("M")

Entries = Iterable[tuple[bytes, int]]
"""Elements with their stamps, each element once."""

MESSAGE_CHARS_MAX: Final = 120
"""Of the decoder's message about a wrong shape, which may quote a key of any length."""


BASE64_PATTERN: Final = (
    "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$"
)
"""The one form that bytes have: unused bits are zero."""

# What these say is for who reads the schema; it is checked below, with errors of its own.
Text = Annotated[str, msgspec.Meta(extra_json_schema={"maxLength": ELEMENT_BYTES_MAX})]
Base64 = Annotated[str, msgspec.Meta(extra_json_schema={"pattern": BASE64_PATTERN})]
StateTime = Annotated[int, msgspec.Meta(extra_json_schema={"minimum": 0, "maximum": TIME_MAX})]


class JsonState(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """A state in JSON: the times of its elements."""

    lww_added: dict[Text, StateTime] = {}
    lww_removed: dict[Text, StateTime] = {}
    lww_added_base64: dict[Base64, StateTime] = {}
    lww_removed_base64: dict[Base64, StateTime] = {}


class MsgpackState(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """A state in msgpack; its keys are text or bytes."""

    lww_added: dict[Any, StateTime] = {}
    lww_removed: dict[Any, StateTime] = {}


_JSON: Final = msgspec.json.Decoder(JsonState)
_MSGPACK: Final = msgspec.msgpack.Decoder(MsgpackState)


def encode_json(entries: Entries) -> bytes:
    """Return the JSON of a state."""
    return msgspec.json.encode({"lwwAdded": {}, "lwwRemoved": {}} | json_maps(entries))


def json_maps(entries: Entries) -> dict[str, dict[str, int]]:
    """Return the maps of a state in JSON, those that are not empty."""
    maps: dict[str, dict[str, int]] = {}
    for element, stamp in entries:
        name = "lwwRemoved" if is_removed(stamp) else "lwwAdded"
        try:
            key = element.decode()
        except UnicodeDecodeError:
            name += "Base64"
            key = b64encode(element).decode()
        maps.setdefault(name, {})[key] = time_of(stamp)
    return maps


def decode_json(data: bytes) -> dict[bytes, int]:
    """Return the greatest stamp of each element of a state in JSON.

    Raises InvalidRequest, InvalidTime, InvalidElement.
    """
    state = _decoded(_JSON.decode, data)
    check_state_once(data, state)
    return stamps_of(state)


def check_state_once(data: bytes, state: JsonState, others: int = 0) -> None:
    """Refuse a state in JSON in which a key stands twice; `others` are names with a text each."""
    maps = _maps_of(state)
    check_json(data, sum(map(len, maps)) + others, sum(map(bool, maps)) + others)


def _maps_of(state: JsonState) -> tuple[dict[str, int], ...]:
    return state.lww_added, state.lww_removed, state.lww_added_base64, state.lww_removed_base64


def stamps_of(state: JsonState) -> dict[bytes, int]:
    """Return the greatest stamp of each element of a state.

    Raises InvalidRequest, InvalidTime, InvalidElement.
    """
    return _greatest(
        chain(
            _entries(state.lww_added, element_bytes, removed=False),
            _entries(state.lww_removed, element_bytes, removed=True),
            _entries(state.lww_added_base64, element_of_base64, removed=False),
            _entries(state.lww_removed_base64, element_of_base64, removed=True),
        )
    )


def encode_msgpack(entries: Iterable[tuple[str | bytes, int]]) -> bytes:
    """Return the msgpack of a state: text stays text, and bytes stay bytes."""
    return msgspec.msgpack.encode({"lwwAdded": {}, "lwwRemoved": {}} | msgpack_maps(entries))


def msgpack_maps(
    entries: Iterable[tuple[str | bytes, int]],
) -> dict[str, dict[str | bytes, int]]:
    """Return the maps of a state in msgpack, those that are not empty."""
    maps: dict[str, dict[str | bytes, int]] = {}
    for element, stamp in entries:
        name = "lwwRemoved" if is_removed(stamp) else "lwwAdded"
        maps.setdefault(name, {})[element] = time_of(stamp)
    return maps


def text_or_bytes(element: bytes) -> str | bytes:
    """Return an element as msgpack shows it: text where its bytes are UTF-8, else the bytes."""
    try:
        return element.decode()
    except UnicodeDecodeError:
        return element


def decode_msgpack(data: bytes) -> dict[bytes, int]:
    """Return the greatest stamp of each element of a state in msgpack, text as its UTF-8.

    Raises InvalidRequest, InvalidTime, InvalidElement.
    """
    return _greatest((element_bytes(key), at) for key, at in decode_msgpack_keys(data).items())


def decode_msgpack_keys(data: bytes) -> dict[str | bytes, int]:
    """Do as `decode_msgpack`, but tell text from bytes: `"a"` and `b"a"` are two elements."""
    state = _decoded(_MSGPACK.decode, data)
    check_msgpack(data, {"lwwAdded": state.lww_added, "lwwRemoved": state.lww_removed})
    return _greatest(
        chain(
            _entries(state.lww_added, _checked_key, removed=False),
            _entries(state.lww_removed, _checked_key, removed=True),
        )
    )


def element_bytes(element: str | bytes) -> bytes:
    """Return the bytes of an element, text as its UTF-8.

    Raises InvalidElement if it is over its limit, or text that has no UTF-8 form.
    """
    try:
        encoded = element.encode() if isinstance(element, str) else element
    except UnicodeEncodeError as error:
        raise InvalidElement(
            "the element has a lone surrogate, so it is no text",
            hint="Elements that are not text are bytes.",
        ) from error
    if len(encoded) > ELEMENT_BYTES_MAX:
        raise InvalidElement(f"an element of {len(encoded)} bytes is over {ELEMENT_BYTES_MAX}")
    return encoded


def _greatest(entries: Iterable[tuple[K, int]]) -> dict[K, int]:
    stamps: dict[K, int] = {}
    for key, stamp in entries:
        stamps[key] = max(stamp, stamps.get(key, stamp))
    return stamps


def _entries(
    times: dict[Any, int], element_of: Callable[[Any], K], *, removed: bool
) -> Iterator[tuple[K, int]]:
    for key, time in times.items():
        yield element_of(key), pack(time, removed=removed)


def element_of_base64(text: str) -> bytes:
    """Return the element that stands in Base64 (RFC 4648, section 4), in the one form it has.

    Raises InvalidRequest, or InvalidElement if it is over its limit.
    """
    try:
        element = b64decode(text)
    except ValueError as error:
        raise InvalidRequest("an element beside the text ones is not Base64") from error
    if b64encode(element).decode() != text:
        raise InvalidRequest("an element in Base64 is not in the one form that its bytes have")
    return element_bytes(element)


def _checked_key(key: object) -> str | bytes:
    if not isinstance(key, str | bytes):
        raise InvalidRequest(f"a key is text or bytes, not {type(key).__name__}")
    element_bytes(key)
    return key


def _decoded(decode: Callable[[bytes], M], data: bytes) -> M:
    try:
        return decode(data)
    except msgspec.ValidationError as error:
        raise _refusal(str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidRequest(str(error)) from error
    except RecursionError as error:
        raise InvalidRequest("the state is nested too deeply") from error


def _refusal(message: str) -> LastwordError:
    """Return the error for a value of the wrong type; the values of the inner maps are times."""
    if message.endswith("[...]`") and not message.startswith("Object contains unknown field"):
        return InvalidTime(f"a time is not a whole number in range: {message}")
    return InvalidRequest(message[:MESSAGE_CHARS_MAX])
