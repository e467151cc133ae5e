"""What operators ask of a node: how collection is, that it leaves, that it copies another."""

from typing import Annotated, Final

import msgspec

from lastword.address import checked_address
from lastword.api.http.forms import wanted_form
from lastword.api.http.messages import Request, Response
from lastword.api.rest.bodies import decoded, is_packed
from lastword.api.rest.checks import check_no_body
from lastword.api.rest.queries import check_no_query
from lastword.api.rest.replies import value_of
from lastword.errors import Conflict
from lastword.node.node import Node
from lastword.replication.replica import Replica
from lastword.replication.status import Status, status_of


class Copying(msgspec.Struct):
    """A copy under way: of whom, how many entries have arrived, how much of its log was read."""

    source: str
    entries: int
    percent: int


class Member(msgspec.Struct, rename="camel"):
    """Another member, as this node sees it; times are microseconds.

    `standing` says how this node stands to it: clear, unknown, behind, ahead, behind each other.
    """

    address: str
    answers: bool
    silent: int
    standing: str
    blocks_since: int | None


class Tombstones(msgspec.Struct, rename="camel"):
    """How collection is: counts of tombstones, and the members.

    `collectable` are older than the grace period. `heldBack` is of the last round, `collected`
    since the node's start.
    """

    held: int
    collectable: int
    collected: int
    held_back: int
    may_collect: bool
    copying: Copying | None
    members: list[Member]


class Leaves(msgspec.Struct, rename="camel"):
    """How far a leave is: when it has left and waits for nobody, the node may be stopped."""

    has_left: bool
    waits_for: list[str]


ADDRESS_PATTERN: Final = (
    r"^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\.?)"
    r":(?:0{0,4}[1-9]|0{0,3}[1-9][0-9]|0{0,2}[1-9][0-9]{2}|0?[1-9][0-9]{3}"
    r"|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$"
)
"""host:port, as far as a pattern can say it of IPv6."""


MemberAddress = Annotated[str, msgspec.Meta(extra_json_schema={"pattern": ADDRESS_PATTERN})]


class Rejoin(msgspec.Struct, forbid_unknown_fields=True):
    """Whom to copy."""

    address: MemberAddress


_json = msgspec.json.Decoder(Rejoin)
_packed = msgspec.msgpack.Decoder(Rejoin)


class Operating:
    """Answers operators' calls."""

    def __init__(self, node: Node) -> None:
        self._node = node

    async def tombstones(self, request: Request) -> Response:
        """Show how collection is."""
        check_no_query(request)
        form, node = wanted_form(request), self._node
        status = await node.ask(status_of)
        collectable = await node.read(lambda: node.store.tombstones_until(status.old))
        held = sum(totals.tombstones for totals in node.store.totals().values())
        return value_of(form, _shown(status, held, collectable))

    async def leave(self, request: Request) -> Response:
        """Go on with leaving; the caller asks again until it is done."""
        check_no_query(request)
        check_no_body(request)
        left = await self._node.ask(lambda replica, _: _leave(replica))
        return value_of(wanted_form(request), left)

    async def rejoin(self, request: Request) -> Response:
        """Begin to copy another node, although that one is behind this one."""
        check_no_query(request)
        wish = decoded((_packed if is_packed(request) else _json).decode, request.body)
        address = checked_address(wish.address)
        if not await self._node.rejoin(address):
            raise Conflict(f"this node is not behind {address}, or copies it already")
        return value_of(wanted_form(request), None)


def copying_of(status: Status) -> Copying | None:
    """Return the copy under way, if one is."""
    if status.source is None:
        return None
    return Copying(status.source, status.copied, status.copied_percent)


def _leave(replica: Replica) -> Leaves:
    others = replica.state.members() - {replica.membership.address}
    if not replica.membership.has_left and not others:
        raise Conflict("this node has nobody to hand over to", hint="It may be stopped as it is.")
    if replica.state.is_damaged:
        raise Conflict(
            "this node is damaged, and hands over nothing until it is whole",
            hint="It copies a member by itself, where one answers; GET /_/ready tells how far.",
        )
    has_left, waits_for = replica.leaving.go_on()
    return Leaves(has_left, list(waits_for))


def _shown(status: Status, held: int, collectable: int) -> Tombstones:
    return Tombstones(
        held,
        collectable,
        status.collected,
        status.held_back,
        status.may_collect,
        copying_of(status),
        [
            Member(at.address, at.answers, at.silent_us, at.standing.value, at.blocks_since_us)
            for at in status.members
        ],
    )
