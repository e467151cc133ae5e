"""`lastword peers`: who belongs to a cluster, and how each member stands, as one node sees it."""

from contextlib import suppress
from typing import Any

import msgspec

from lastword.cli.addresses import Addresses, AsJson, client_of
from lastword.cli.ending import ending
from lastword.cli.periods import shown
from lastword.cli.screen import say, say_json, table
from lastword.client.answers import Answer, Tombstones
from lastword.client.caller import Caller, Steps
from lastword.client.clock import ClockReport
from lastword.client.health import Converged, MemberHealth
from lastword.client.requests import PAGE_BYTES_MAX, Request
from lastword.client.text import printable
from lastword.errors import UnknownPath

COLUMNS = ("member", "answers", "standing", ">lag s", ">its lag s", ">ahead s", ">version")


class Peer(msgspec.Struct, rename="camel"):
    """A member as the asked node sees it; what it does not know is null.

    `lag_seconds` is how far the node is behind the member, `their_lag_seconds` how far the member
    is behind it.
    """

    address: str
    answers: bool
    silent_seconds: float
    standing: str
    skew_seconds: float | None = None
    lag_seconds: float | None = None
    their_lag_seconds: float | None = None
    version: int | None = None


class Peers(msgspec.Struct):
    """What `--json` says: who was asked, whether all have the same, and its members."""

    node: str
    converged: bool | None
    members: list[Peer]


def peers(addresses: Addresses = None, as_json: AsJson = False) -> None:
    """List the other members of a cluster, as one node sees them.

    Whether each answers, how the node stands to it (clear, behind, ahead), how far each of the two
    is behind the other, how far its clock is ahead, and the version of the protocol. Exit code 0.
    1: the node refused it. 2: an option is wrong. 5: no node answered.
    """
    with ending(as_json), client_of(addresses) as client:
        found = client.run(_ask(client.caller))
    if as_json:
        say_json(found)
        return
    if not found.members:
        say(f"{found.node} knows no other member", err=True)
    else:
        table(COLUMNS, map(_row, found.members))


def _ask(caller: Caller) -> Steps[Peers]:
    node, tombstones = yield from caller.call(
        _request("tombstones"), lambda told: (told.address, told.shaped(Tombstones))
    )
    clock = yield from caller.call(_request("clock"), lambda told: told.shaped(ClockReport))
    converged = yield from _converged(caller)
    skews = {peer.address: peer.skew_us / 1e6 for peer in clock.peers}
    health = {} if converged is None else {one.address: one for one in converged.members}
    return Peers(
        node,
        None if converged is None else converged.converged,
        [
            Peer(
                at.address,
                at.answers,
                at.silent / 1e6,
                at.standing,
                skews.get(at.address),
                **_health(health.get(at.address)),
            )
            for at in tombstones.members
        ],
    )


def _request(call: str) -> Request:
    return Request("GET", f"/_/{call}", bytes_max=PAGE_BYTES_MAX)


def _converged(caller: Caller) -> Steps[Converged | None]:
    """Ask for lags, too; a node of a version before has that call not, and None stands for it."""
    try:
        return (yield from caller.call(_request("converged"), read_converged))
    except UnknownPath:
        return None


def read_converged(answer: Answer) -> Converged:
    """Return what is said of lags; a node whose members are not converged says it as a 503."""
    if answer.status == 503:
        with suppress(msgspec.DecodeError, UnicodeDecodeError):
            return msgspec.json.decode(answer.body, type=Converged)
    return answer.shaped(Converged)


def _health(found: MemberHealth | None) -> dict[str, Any]:
    if found is None:
        return {}
    lags = {"lag_seconds": found.lag_seconds, "their_lag_seconds": found.their_lag_seconds}
    return {**lags, "version": found.version}


def _row(peer: Peer) -> tuple[str, ...]:
    return (
        printable(peer.address),
        "yes" if peer.answers else f"silent for {shown(peer.silent_seconds)}",
        printable(peer.standing),
        _seconds(peer.lag_seconds),
        _seconds(peer.their_lag_seconds),
        _seconds(peer.skew_seconds),
        "?" if peer.version is None else str(peer.version),
    )


def _seconds(seconds: float | None) -> str:
    return "?" if seconds is None else f"{round(seconds, 3) + 0.0:.3f}"  # no -0.000
