"""What a node says of its clock, and which elements have times of a clock that was wrong."""

from base64 import b64encode

from lastword.access.rights import Right, Rights
from lastword.api.http.forms import wanted_form
from lastword.api.http.messages import Request, Response
from lastword.api.rest.queries import check_no_query, number_after
from lastword.api.rest.replies import value_of
from lastword.client.clock import ClockReport, FutureEntry, FuturePage, MemberSkew
from lastword.crdt.stamp import is_removed, time_of
from lastword.crdt.wire import text_or_bytes
from lastword.limits import LISTED_BYTES_MAX, LOOKED_AT_MAX
from lastword.node.node import Node
from lastword.replication.entries import Entry


class Clocks:
    """Answers the calls that are about clocks."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def clock(self, request: Request) -> Response:
        """Say how far every clock that was heard of is off."""
        check_no_query(request)
        verdict, wall = self._node.replica.verdict, self._node.store.options.wall
        report = ClockReport(
            wall_us=wall(),
            max_skew_us=verdict.max_skew_us,
            off_us=verdict.off_us,
            voices=verdict.voices,
            refuses_writes=verdict.refuses,
            peers=[MemberSkew(*peer) for peer in verdict.peers],
        )
        return value_of(wanted_form(request), report)

    async def future(self, request: Request, rights: Rights) -> Response:
        """Look at a stretch of the log for times further ahead than a client may give.

        It shows elements of all sets that may be read.
        """
        rights.check_node(Right.READ)
        after, form = number_after(request), wanted_form(request)
        return value_of(form, await self._node.read(lambda: self._page(after, rights)))

    def _page(self, after: int, rights: Rights) -> FuturePage:
        store = self._node.store
        wall_us = store.options.wall()
        limit = wall_us + store.options.max_skew_us
        log = store.read_log(after, LOOKED_AT_MAX)
        found, size, looked_at = list[FutureEntry](), 0, 0
        for row in log.rows:
            is_shown = row.entry.set_name not in store.damage.sets
            is_shown &= rights.may_read(row.entry.set_name)
            if time_of(row.entry.stamp) > limit and is_shown:
                size += len(row.entry.element)
                if size > LISTED_BYTES_MAX and found:
                    break
                found.append(_shown(row.entry, wall_us))
            looked_at += 1
        is_last = looked_at == len(log.rows) < LOOKED_AT_MAX
        reached = None if is_last or not log.rows else log.rows[looked_at - 1].arrived
        return FuturePage(found, looked_at, None if reached is None else f"{reached:016x}")


def _shown(entry: Entry, wall_us: int) -> FutureEntry:
    name, time = text_or_bytes(entry.element), time_of(entry.stamp)
    shown = FutureEntry(
        entry.set_name.decode(errors="replace"), time, time - wall_us, is_removed(entry.stamp)
    )
    if isinstance(name, str):
        shown.element = name
    else:
        shown.element_base64 = b64encode(name).decode()
    return shown
