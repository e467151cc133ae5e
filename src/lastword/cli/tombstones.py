"""`lastword tombstones`: how collection is on a node, and who holds it back since when."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from lastword.cli.periods import shown
from lastword.cli.reach import node_at
from lastword.client.answers import Member, Tombstones
from lastword.client.text import printable


def tombstones(
    address: Annotated[str, typer.Argument(metavar="HOST:PORT", help="The node.")],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print what the node says, as one line of JSON.")
    ] = False,
) -> None:
    """Show which tombstones a node holds, and which member blocks their collection since when.

    Exit code 0: no member blocks it, and the node is not behind another. 1: one does, or it is. 2:
    the address is wrong. 5: the node did not answer.
    """
    found = asyncio.run(_ask(address))
    if as_json:
        typer.echo(msgspec.json.encode(found).decode())
    else:
        _print(found)
    if any(member.blocks_since is not None or _is_behind(member) for member in found.members):
        raise typer.Exit(1)


async def _ask(address: str) -> Tombstones:
    async with node_at(address) as node:
        return await node.tombstones()


def _print(found: Tombstones) -> None:
    console = Console(soft_wrap=True, markup=False, emoji=False, highlight=False)
    console.print(
        f"{found.held:,} tombstones held, {found.collectable:,} of them older than the grace "
        f"period; {found.collected:,} collected since the start, {found.held_back:,} held back at "
        "the last round"
    )
    if not found.may_collect:
        console.print(
            "collects nothing yet: it does not know what its cluster has collected; it waits for "
            "an answer of each member, and of each address that it was told of by -i"
        )
    if found.copying is not None:
        source = printable(found.copying.source)
        console.print(
            f"behind {source}, copies it: {found.copying.entries:,} entries so far, "
            f"{found.copying.percent} % of its log"
        )
    if found.members:
        console.print(_table(found.members))


def _table(members: list[Member]) -> Table:
    table = Table("member", "answers", "this node is", "blocks collection since")
    for member in members:
        silent = f"silent for {shown(member.silent / 1e6)}"
        table.add_row(
            printable(member.address),
            "yes" if member.answers else silent,
            printable(member.standing),
            "" if member.blocks_since is None else _time(member.blocks_since),
        )
    return table


def _time(wall_us: int) -> str:
    try:
        return f"{datetime.fromtimestamp(wall_us // 1_000_000, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError, OSError):
        return str(wall_us)


def _is_behind(member: Member) -> bool:
    return member.standing.startswith("behind")
