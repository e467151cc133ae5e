"""`POST /_/entries`: the entries of a set at named positions; it changes nothing.

A position is where an element's keyed hash lies, as cursors of pages and surveys have it. Who
knows from a survey where two nodes differ gets from here what one has there, and no more.
"""

from typing import Annotated, Final, NamedTuple

import msgspec

from lastword.access.rights import Right, Rights
from lastword.api.http.forms import Form, wanted_form
from lastword.api.http.messages import Request, Response
from lastword.api.paths import checked_set_name
from lastword.api.rest.bodies import decoded, is_packed
from lastword.api.rest.lines import SetName
from lastword.api.rest.replies import value_of
from lastword.api.rest.routes import Answer
from lastword.crdt.once import check_json, check_msgpack
from lastword.crdt.wire import (
    Entries,
    JsonState,
    MsgpackState,
    element_bytes,
    json_maps,
    msgpack_maps,
    text_or_bytes,
)
from lastword.errors import InvalidRequest
from lastword.limits import LISTED_BYTES_MAX, LOOKED_AT_MAX, POSITIONS_MAX
from lastword.node.node import Node
from lastword.replication.hashing import element_of, first_key
from lastword.store.base import BaseStore

Position = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{16}$")]
Positions = Annotated[
    list[Position],
    msgspec.Meta(max_length=POSITIONS_MAX, extra_json_schema={"uniqueItems": True}),
]


class AskedAt(msgspec.Struct, forbid_unknown_fields=True):
    """A set, and positions in it: 16 digits in base 16, as the cursors of its pages."""

    positions: Positions
    set_name: SetName = msgspec.field(name="set")


class EntriesAt(JsonState, frozen=True, kw_only=True, rename="camel"):
    """A part of a state; of the positions that were asked for, `looked_at` are in it."""

    looked_at: int


class PackedEntriesAt(MsgpackState, frozen=True, kw_only=True, rename="camel"):
    """A part of a state; of the positions that were asked for, `looked_at` are in it."""

    looked_at: int


class Found(NamedTuple):
    """The entries at the first `looked_at` of some positions."""

    entries: Entries
    looked_at: int


_asked: Final = msgspec.json.Decoder(AskedAt)
_packed: Final = msgspec.msgpack.Decoder(AskedAt)


class Entering:
    """Reads entries by where they lie, beside the loop."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def post(self, request: Request, rights: Rights) -> Answer:
        """Answer with the entries at the positions, or at the first of them where it is much."""
        asked = _read(request)
        set_name = checked_set_name(element_bytes(asked.set_name))
        rights.check(Right.READ, set_name)
        form = wanted_form(request)
        return self._node.read(lambda: _shown(self._node.store, set_name, asked.positions, form))


def _read(request: Request) -> AskedAt:
    if is_packed(request):
        asked = decoded(_packed.decode, request.body)
        check_msgpack(request.body, {})
    else:
        asked = decoded(_asked.decode, request.body)
        check_json(request.body, 1 + len(asked.positions), 2)
    if len(set(asked.positions)) < len(asked.positions):
        raise InvalidRequest("a position stands twice", hint="Ask for each once.")
    return asked


def _shown(store: BaseStore, set_name: bytes, positions: list[str], form: Form) -> Response:
    found = entries_at(store, set_name, [int(position, 16) for position in positions])
    told = {"lookedAt": found.looked_at}
    if form.is_msgpack:
        maps = msgpack_maps((text_or_bytes(key), stamp) for key, stamp in found.entries)
        return value_of(form, told | maps)
    return value_of(form, told | json_maps(found.entries))


def entries_at(store: BaseStore, set_name: bytes, positions: list[int]) -> Found:
    """Return what is held at positions, up to about a mebibyte; one position always goes.

    Raises CorruptStore for a set that is damaged, or may be missing.
    """
    if set_name not in store.totals():
        store.damage.check_absent(set_name)
    entries: list[tuple[bytes, int]] = []
    size = 0
    with store.reading():
        for looked_at, position in enumerate(positions):
            if size >= LISTED_BYTES_MAX:
                return Found(entries, looked_at)
            low = position.to_bytes(8)
            for held in store.rows_between(set_name, low, first_key(position + 1), LOOKED_AT_MAX):
                element = element_of(held.key)
                entries.append((element, held.stamp))
                size += len(element)
    return Found(entries, len(positions))
