"""Is the cluster, as far as this node can tell, converged? And what speaks against it.

Whoever asks lets members be asked where what is known of them is too old, for one small message
each; however often it is asked, they are no more than every PROBE_PAUSE_S.
"""

import asyncio
import time
from collections.abc import Iterator
from typing import Final

from lastword.client.health import Converged, MemberHealth, Reason
from lastword.client.text import printable
from lastword.node.node import Node
from lastword.replication.fence import Standing
from lastword.replication.replica import Replica
from lastword.replication.status import MemberLag, lags_of

PROBE_PAUSE_S: Final = 0.25
"""Between two rounds of probes: a client that asks without a pause costs four small messages a
second for each member."""

PROBE_PATIENCE_S: Final = 1.0
"""How long answers to probes are waited for: a member that takes longer is as one that is silent
for so long, and the next call tells."""


class Convergence:
    """Judges convergence for one node."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._probing: asyncio.Future[list[BaseException | None]] | None = None
        self._began_s = -PROBE_PAUSE_S

    async def judge(self, max_lag_s: float) -> Converged:
        """Return whether all is within `max_lag_s`, after probes where they are due."""
        lags = await self._node.ask(lags_of)
        due = [lag.address for lag in lags if _is_due(lag, max_lag_s)]
        if due:
            await self._probe(due)
            lags = await self._node.ask(lags_of)
        waits = await self._node.ask(lambda replica, _: _waits_for_contacts(replica))
        source = self._node.notices.status.source
        reasons = [*_own_reasons(waits=waits, source=source), *_reasons(lags, max_lag_s)]
        members = [shown(lag) for lag in lags]
        return Converged(not reasons, reasons, max_lag_s, members)

    async def _probe(self, addresses: list[str]) -> None:
        """Probe members, or wait for the probes that somebody else has begun."""
        running = self._probing
        if running is None or running.done():
            now_s = time.monotonic()
            if now_s - self._began_s < PROBE_PAUSE_S:
                return
            self._began_s = now_s
            probes = (self._node.probe(address) for address in addresses)
            running = self._probing = asyncio.gather(*probes, return_exceptions=True)
        await asyncio.wait((running,), timeout=PROBE_PATIENCE_S)


def shown(lag: MemberLag) -> MemberHealth:
    """Return what is shown of a member."""
    return MemberHealth(
        address=lag.address,
        answers=lag.answers,
        standing=lag.standing.value,
        version=lag.version,
        heard_seconds=_seconds(lag.heard_us),
        lag_seconds=_seconds(lag.lag_us),
        lacks=lag.lacks,
        their_lag_seconds=_seconds(lag.their_lag_us),
        they_lack=lag.they_lack,
        digest_equal=lag.equal,
        compared_seconds=_seconds(lag.compared_us),
        skew_seconds=None if lag.skew_us is None else lag.skew_us / 1e6,
    )


def _seconds(us: int | None) -> float | None:
    return None if us is None else max(0, us) / 1e6


def _is_due(lag: MemberLag, max_lag_s: float) -> bool:
    """Return whether a member that answers is to be asked how it is now."""
    limit_us = max_lag_s * 1e6
    ages = (lag.heard_us, lag.compared_us)
    return lag.answers and (not lag.equal or any(age is None or age > limit_us for age in ages))


def _waits_for_contacts(replica: Replica) -> list[str]:
    """Return the addresses that this node was told of, where it knows no member yet."""
    if replica.state.members() - {replica.membership.address}:
        return []
    contacts = replica.peers.contact_points()
    if any(peer.met for peer in contacts):
        return []
    own = replica.membership.address
    return [peer.address for peer in contacts if not peer.is_self and peer.address != own]


def _own_reasons(*, waits: list[str], source: str | None) -> Iterator[Reason]:
    if waits:
        told = ", ".join(map(printable, waits))
        yield Reason("no_members_yet", f"this node was told of {told}, and has met nobody yet")
    if source is not None:
        yield Reason(
            "copying", f"this node begins afresh as a copy of {printable(source)}", source
        )


def _reasons(lags: tuple[MemberLag, ...], max_lag_s: float) -> Iterator[Reason]:
    for lag in lags:
        found = _reason(lag, max_lag_s)
        if found is not None:
            yield Reason(found[0], f"{printable(lag.address)} {found[1]}", lag.address)


def _reason(lag: MemberLag, max_lag_s: float) -> tuple[str, str] | None:
    """Return what speaks against one member, the first of what there may be."""
    limit_us = max_lag_s * 1e6
    heard_us, lag_us, their_lag_us = (
        -1 if us is None else us for us in (lag.heard_us, lag.lag_us, lag.their_lag_us)
    )
    is_apart = lag.standing not in {Standing.CLEAR, Standing.UNKNOWN}
    found = (
        (not lag.answers, "silent", "does not answer"),
        (
            min(heard_us, lag_us, their_lag_us) < 0,
            "unknown",
            "has not told yet what it has, since this node was started",
        ),
        (is_apart, "apart", f"does not exchange: this node is {lag.standing.value}"),
        (heard_us > limit_us, "silent", f"was last heard {_ago(heard_us)}"),
        (lag_us > limit_us, "lag", f"is ahead: what it had {_ago(lag_us)} may be lacking here"),
        (
            their_lag_us > limit_us,
            "their_lag",
            f"is behind: what this node had {_ago(their_lag_us)} may be lacking there",
        ),
        (
            lag.equal is False,
            "differs",
            "does not hold the same, though both have had the same writes",
        ),
    )
    return next(((code, said) for holds, code, said in found if holds), None)


def _ago(us: int) -> str:
    return f"{us / 1e6:.1f} s ago"
