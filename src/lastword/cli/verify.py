"""`lastword verify`: do all nodes hold the same? Where not, which sets, and how many elements."""

import asyncio
import time
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from lastword.address import checked_address, is_address
from lastword.cli import reach
from lastword.cli.surveyor import Surveyor, Verdict, not_surveyed
from lastword.client.text import shown_element
from lastword.crdt.stamp import is_removed
from lastword.errors import CorruptStore, LastwordError
from lastword.store.operations import PEERS_SET

AGAIN_S = 0.5
"""Between two surveys of nodes that differ: what was under way has then arrived, or has not."""

SHOWN_SETS_MAX = 100
"""Sets that are shown by name; the rest are counted."""


def verify(
    nodes: Annotated[
        list[str],
        typer.Argument(metavar="HOST:PORT", help="Nodes of the cluster, at least one."),
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
    except LastwordError as error:  # exit code 1 says that nodes differ, and nothing else
        raise not_surveyed(error) from error
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
        surveyor = Surveyor(transport)
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
        verdict = await Surveyor(transport).survey(addresses)
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
