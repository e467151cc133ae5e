"""What operators ask of a file that may be damaged: that it is scrubbed, and made anew."""

import msgspec

from lastword.address import checked_address
from lastword.api.http.forms import wanted_form
from lastword.api.http.messages import Request, Response
from lastword.api.rest.bodies import decoded, is_packed
from lastword.api.rest.checks import check_no_body
from lastword.api.rest.operating import MemberAddress
from lastword.api.rest.queries import check_no_query
from lastword.api.rest.replies import value_of
from lastword.errors import Conflict
from lastword.node.node import Node


class Scrubbed(msgspec.Struct, rename="camel"):
    """Scrubs since the start: how many ended, and how many pages and rows they went over."""

    scrubs: int
    under_way: bool
    pages: int
    rows: int


class Rebuild(msgspec.Struct, forbid_unknown_fields=True):
    """Whom to copy; without it any member that answers."""

    source: MemberAddress | None = None


_json = msgspec.json.Decoder(Rebuild)
_packed = msgspec.msgpack.Decoder(Rebuild)


class Mending:
    """Answers these calls."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def scrub(self, request: Request) -> Response:
        """Begin a scrub that does not rest, or let the one under way rest no more."""
        check_no_query(request)
        check_no_body(request)
        self._node.scrubbing.hurry()
        return value_of(wanted_form(request), self._scrubbed())

    def scrubbed(self, request: Request) -> Response:
        """Say how far scrubs are."""
        check_no_query(request)
        return value_of(wanted_form(request), self._scrubbed())

    async def rebuild(self, request: Request) -> Response:
        """Begin to copy a member, which then takes the place of what is held."""
        check_no_query(request)
        wish = decoded((_packed if is_packed(request) else _json).decode, request.body)
        source = None if wish.source is None else checked_address(wish.source)
        if not await self._node.rebuild(source):
            whom = source or "no member"
            raise Conflict(
                f"{whom} answers and can be copied"
                if source is None
                else f"{whom} cannot be copied now",
                hint="It has to be a member that answers and is not behind this node. Where there "
                "is none: stop the node, and lastword rebuild -d FILE.",
            )
        return value_of(wanted_form(request), None)

    def _scrubbed(self) -> Scrubbed:
        at = self._node.scrubbing
        return Scrubbed(at.scrubs, at.is_under_way or at.is_wanted, at.pages, at.rows)
