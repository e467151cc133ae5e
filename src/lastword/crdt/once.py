"""No key twice: of two, a decoder keeps one in silence, and the other would be lost.

RFC 8259 (section 4) and the specification of msgpack leave open what such a map means, and readers
differ. So bodies with one are refused. In JSON that shows in a count: every string of what was
decoded, and every name, has its two quotes, and a key that was dropped has two more. In msgpack
a map says first how many keys it has.

All of it is asked of what a decoder took already; the cost is that of counting bytes.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from lastword.errors import InvalidRequest
from lastword.limits import SHOWN_BYTES_MAX

_names: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_packed_names: Final = msgspec.msgpack.Decoder(dict[str, msgspec.Raw])
_text: Final = msgspec.json.Decoder(str)
_STRING: Final = re.compile(rb'("(?:[^"\\]++|\\.)*+")(\s*+:(\s*+\{)?+)?+', re.DOTALL)

HINT: Final = "Send each key once: which of two counts, readers of such a body disagree about."

_SHORT_MAP: Final = range(0x80, 0x90)
_MAP_LENGTHS: Final = {0xDE: 2, 0xDF: 4}


def strings_in(data: bytes) -> int:
    """Return how many strings valid JSON has, names included."""
    quotes = data.count(b'"')
    if b"\\" in data:
        quotes -= data.replace(b"\\\\", b"").count(b'\\"')
    return quotes // 2


def names_of(data: bytes) -> dict[str, msgspec.Raw]:
    """Return the names of an object in JSON, each once, with what stands at them."""
    return _names.decode(data)


def check_json(data: bytes, strings: int, names: int) -> None:
    """Refuse an object in which a name or a key stands twice.

    `strings` is how many strings were decoded of it, keys of its maps and values, and `names` how
    many of its names are known to be there; it may have more, with nothing at them.
    """
    spare = strings_in(data) - strings
    if spare != names and spare != len(_names.decode(data)):
        raise InvalidRequest(_told(_first_twice(data)), hint=HINT)


def check_msgpack(data: bytes | msgspec.Raw, maps: dict[str, dict[Any, Any]]) -> None:
    """Refuse a map in which a name stands twice, or a key in one of its `maps`."""
    names = _packed_names.decode(data)
    if length_of_map(data) != len(names):
        raise InvalidRequest("a name stands twice", hint=HINT)
    for name, held in maps.items():
        if name in names and length_of_map(names[name]) != len(held):
            raise InvalidRequest(f"a key stands twice in {name}", hint=HINT)


def length_of_map(data: bytes | msgspec.Raw) -> int:
    """Return how many keys a map in msgpack says that it has; 0 for what is no map."""
    view = memoryview(data)
    if view[0] in _SHORT_MAP:
        return view[0] & 0x0F
    return int.from_bytes(view[1 : 1 + _MAP_LENGTHS.get(view[0], 0)])


def _told(key: str) -> str:
    return f"the key {key[:SHOWN_BYTES_MAX]!r} stands twice"


def _first_twice(data: bytes) -> str:
    """Return the first key that stands twice in one map; it goes on string by string."""
    seen: dict[int, set[str]] = {0: set(), 1: set()}
    for depth, key in _keys(data):
        if key in seen[depth]:
            return key
        seen[depth].add(key)
        if depth == 0:
            seen[1] = set()
    raise AssertionError("no key stands twice")


def _keys(data: bytes) -> Iterator[tuple[int, str]]:
    """Yield the names, as 0, and the keys of their maps, as 1."""
    within = False
    end = 0
    for found in _STRING.finditer(data):
        within = within and b"}" not in data[end : found.start()]
        end = found.end()
        if found[2] is not None:
            yield int(within), _text.decode(found[1])
            within = within or found[3] is not None
