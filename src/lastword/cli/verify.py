"""`lastword verify`: do all nodes hold the same? Where not, which sets, and how many elements."""

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from secrets import randbits
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from lastword.address import checked_address, is_address
from lastword.api.transport import HttpTransport
from lastword.cli import reach
from lastword.client.text import printable, shown_element
from lastword.crdt.stamp import is_removed
from lastword.errors import CorruptStore, LastwordError, Unproven, Unreachable
from lastword.replication import frames
from lastword.replication.comparison import NONCE_BITS
from lastword.replication.frames import Frame, Surveyed, survey_body
from lastword.replication.survey import Look, Survey, View
from lastword.store.operations import PEERS_SET
from lastword.wall import wall_us

AGAIN_S = 0.5
"""Between two surveys of nodes that differ: what was under way has then arrived, or has not."""

SHOWN_SETS_MAX = 100
"""Sets that are shown by name; the rest are counted."""


@dataclass(slots=True)
class Verdict:
    """What a survey came to: the roots of all nodes, and where they differ."""

    roots: dict[str, int] = field(default_factory=dict)
    damaged: list[str] = field(default_factory=list)
    survey: Survey = field(default_factory=Survey)

    @property
    def agrees(self) -> bool:
        """Whether all nodes hold the same."""
        return len(set(self.roots.values())) == 1


def verify(
    nodes: Annotated[
        list[str],
        typer.Argument(metavar="HOST:PORT...", help="Nodes of the cluster, at least one."),
    ],
    only: Annotated[
        bool, typer.Option("--only", help="Compare these nodes alone, not all that they list.")
    ] = False,
    timeout: Annotated[
        float,
        typer.Option(
            metavar="SECONDS",
            min=0,
            help="How long nodes that differ are looked at again: writes need a moment to arrive.",
        ),
    ] = 10.0,
) -> None:
    """Compare what nodes hold, by digests, changing nothing.

    All members that the given nodes list are compared. Exit code 0: all hold the same. 1: they
    differ; the sets that do are named, with how many elements. 4: a node is damaged, and shows
    nothing; the others are compared. 5: a node did not answer.
    """
    for address in nodes:
        checked_address(address)
    try:
        addresses, verdict = asyncio.run(_verify(nodes, only=only, timeout_s=timeout))
    except CorruptStore:
        raise
    except LastwordError as error:  # exit code 1 says that nodes differ, and nothing else
        hint = _PROVE if isinstance(error, Unproven) else error.hint
        raise Unreachable(printable(str(error)), hint=hint) from error
    # What strangers wrote may look like the markup of Rich, and so do addresses of IPv6.
    console = Console(soft_wrap=True, markup=False, emoji=False, highlight=False)
    if verdict.agrees:
        console.print(f"{len(addresses)} nodes agree: {', '.join(addresses)}")
        _end_damaged(verdict)
        return
    console.print(_table(verdict))
    console.print(_summary(verdict))
    _end_damaged(verdict)
    raise typer.Exit(1)


_PROVE: Final = (
    "Nodes are compared as one of them: lastword --cluster-secret-file FILE verify, with the same "
    "file that they have."
)


def _end_damaged(verdict: Verdict) -> None:
    if verdict.damaged:
        raise CorruptStore(
            f"damaged, and compared with nobody: {', '.join(verdict.damaged)}",
            hint="GET /_/ready says what is damaged there; the node copies a member by itself.",
        )


async def _verify(
    nodes: Sequence[str], *, only: bool, timeout_s: float
) -> tuple[list[str], Verdict]:
    transport = reach.transport()
    deadline_s = time.monotonic() + timeout_s
    try:
        surveyor = _Surveyor(transport, randbits(NONCE_BITS))
        addresses = await surveyor.distinct(nodes if only else await _with_members(nodes))
        while True:
            verdict = await surveyor.survey(addresses)
            verdict.damaged = surveyor.damaged
            if verdict.agrees or time.monotonic() >= deadline_s:
                return addresses, verdict
            await asyncio.sleep(AGAIN_S)
    finally:
        await transport.close()


async def compared(*addresses: str) -> list[bytes]:
    """Return the sets in which nodes differ, the most different first."""
    transport = reach.transport()
    try:
        verdict = await _Surveyor(transport, randbits(NONCE_BITS)).survey(addresses)
        return [name for name, _ in verdict.survey.differing.most_common()]
    finally:
        await transport.close()


async def _with_members(nodes: Sequence[str]) -> list[str]:
    """Return the nodes and all members that any of them lists."""
    listed = dict.fromkeys(nodes)
    for address in nodes:
        async with reach.node_at(address) as node:
            state = await node.state(PEERS_SET.decode())
        present = [element for element, stamp in state.items() if not is_removed(stamp)]
        members = (element.decode(errors="replace") for element in present)
        listed |= dict.fromkeys(sorted(filter(is_address, members)))
    return list(listed)


class _Surveyor:
    """Asks nodes, as one that is no member: its frames say no address."""

    def __init__(self, transport: HttpTransport, run: int) -> None:
        self._transport = transport
        self._run = run
        self.damaged: list[str] = []

    async def distinct(self, addresses: Iterable[str]) -> list[str]:
        """Return the addresses without those that lead to a node that another one leads to."""
        by_run: dict[int, str] = {}
        for address in dict.fromkeys(addresses):
            try:
                reply, _ = await self._ask(address, 0, [])
            except CorruptStore:
                self.damaged.append(address)
            else:
                by_run.setdefault(reply.run, address)
        if not by_run:
            raise CorruptStore(f"damaged, and none is sound: {', '.join(self.damaged)}")
        return list(by_run.values())

    async def survey(self, addresses: Sequence[str]) -> Verdict:
        """Survey all nodes once, under one nonce."""
        verdict, nonce = Verdict(), randbits(NONCE_BITS)
        while not verdict.survey.is_over:
            looks = verdict.survey.next_looks()
            answers = await asyncio.gather(
                *(self._ask(address, nonce, looks) for address in addresses)
            )
            surveyed = [found for _, found in answers]
            verdict.roots = dict(zip(addresses, (found.root for found in surveyed), strict=True))
            if verdict.agrees:
                break
            verdict.survey.take([[View(*view) for view in found.views] for found in surveyed])
        return verdict

    async def _ask(
        self, address: str, nonce: int, looks: Sequence[Look]
    ) -> tuple[Frame, Surveyed]:
        frame = Frame(wall_us(), self._run, survey=survey_body(nonce, looks))
        reply = frames.decode(await self._transport.send(address, frames.encode(frame)))
        if reply.surveyed is None:
            raise CorruptStore(f"{address} shows nothing, since it is damaged")
        if not bool(looks) <= len(reply.surveyed.views) <= len(looks):
            raise Unreachable(f"{address} did not answer as a node does")
        return reply, reply.surveyed


def _table(verdict: Verdict) -> Table:
    table = Table("set", "elements that differ")
    differing = verdict.survey.differing.most_common()
    for name, count in differing[:SHOWN_SETS_MAX]:
        table.add_row(shown_element(name), f"{count:,}")
    if len(differing) > SHOWN_SETS_MAX:
        table.add_row(f"and {len(differing) - SHOWN_SETS_MAX:,} sets more", "")
    return table


def _summary(verdict: Verdict) -> str:
    by_root: dict[int, list[str]] = {}
    for address, root in verdict.roots.items():
        by_root.setdefault(root, []).append(address)
    groups = " | ".join(", ".join(group) for group in by_root.values())
    return f"{len(verdict.roots)} nodes hold {len(by_root)} different states: {groups}"
