"""`POST /_/contains`: of several elements, whether each is in a set; it changes nothing."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import msgspec

from lastword.access.rights import Right, Rights
from lastword.api.http.forms import wanted_form
from lastword.api.http.messages import Request, Response
from lastword.api.paths import checked_set_name
from lastword.api.rest.bodies import (
    Members,
    PackedMembers,
    check_count,
    decoded,
    elements_of_any,
    elements_of_text,
    is_packed,
)
from lastword.api.rest.lines import SetName
from lastword.api.rest.replies import value_of
from lastword.api.rest.routes import Answer
from lastword.api.rest.sets import SMALL_BODY_BYTES
from lastword.crdt.wire import element_bytes
from lastword.node.node import Node


class Asked(Members, kw_only=True, rename="camel"):
    """A set, and elements: texts, and behind them those that stand in Base64."""

    set_name: SetName = msgspec.field(name="set")


class PackedAsked(PackedMembers, kw_only=True):
    """A set, and elements, each text or bytes."""

    set_name: SetName = msgspec.field(name="set")


class Contains(msgspec.Struct):
    """Of each element, in the order in which they were asked for, whether it is in the set."""

    present: list[bool]


LookUp: TypeAlias = Callable[[bytes, Sequence[bytes]], list[bool]]

_asked = msgspec.json.Decoder(Asked)
_packed = msgspec.msgpack.Decoder(PackedAsked)


class Containing:
    """Looks several elements up at once; what may be long runs beside the loop."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def post(self, request: Request, rights: Rights) -> Answer:
        """Answer of each element whether it is present."""
        if len(request.body) > SMALL_BODY_BYTES:
            return self._node.read(
                lambda: self._answer(request, rights, self._node.store.contains_each)
            )
        return self._answer(request, rights, self._node.reads.contains_many)

    @staticmethod
    def _answer(request: Request, rights: Rights, look_up: LookUp) -> Response:
        name, elements = _read(request)
        set_name = checked_set_name(element_bytes(name))
        rights.check(Right.READ, set_name)
        return value_of(wanted_form(request), Contains(look_up(set_name, elements)))


def _read(request: Request) -> tuple[str, tuple[bytes, ...]]:
    if is_packed(request):
        packed = decoded(_packed.decode, request.body)
        check_count(packed.members)
        return packed.set_name, elements_of_any(packed.members)
    asked = decoded(_asked.decode, request.body)
    check_count(asked.members, asked.members_base64)
    return asked.set_name, elements_of_text(asked.members, asked.members_base64)
