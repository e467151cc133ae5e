"""`lastword rebuild` and `lastword scrub`: what to do about a file that may be damaged."""

import asyncio
from pathlib import Path
from typing import Annotated, Final

import typer

from lastword.address import checked_address
from lastword.cli.reach import node_at
from lastword.client.answers import Damaged, Ready
from lastword.client.node import AsyncNode
from lastword.client.text import printable
from lastword.errors import ConfigError, CorruptStore, Unavailable
from lastword.store.sqlite.rescue import Rescued, rescue
from lastword.wall import wall_us

POLL_S: Final = 0.2
"""How often a node is asked how far it is."""


def rebuild(
    address: Annotated[
        str | None, typer.Argument(metavar="[HOST:PORT]", help="A node that runs.")
    ] = None,
    source: Annotated[
        str | None,
        typer.Option("--from", metavar="MEMBER", help="Whom to copy; else any that answers."),
    ] = None,
    database: Annotated[
        Path | None,
        typer.Option("-d", "--database", metavar="FILE", help="A file on which no node starts."),
    ] = None,
) -> None:
    """Make the file of a node anew: that of a node that runs, from a member; or make way for one.

    With HOST:PORT the node copies a member, whether it is damaged or not, serves on meanwhile, and
    what only it has is offered to the copy. With -d FILE the file is kept under another name, and
    what can be read of it is written into bundles, so that a node can start on a new file.
    Exit code 0: it is done. 1: there is no member that could be copied, or the copy was given up.
    2: an option is wrong. 3: the file is in use, or none of ours. 5: the node did not answer.
    """
    if (address is None) == (database is None):
        raise ConfigError(
            "give either HOST:PORT of a node that runs, or -d FILE of one that cannot"
        )
    if database is not None:
        _tell(database, rescue(database, wall_us()))
        return
    checked_address(address or "")
    if source is not None:
        checked_address(source)
    asyncio.run(_rebuild(address or "", source))


def scrub(
    address: Annotated[str, typer.Argument(metavar="HOST:PORT", help="The node.")],
) -> None:
    """Let a node look for damage in its whole file now, as fast as it can, and say what it found.

    Exit code 0: the file is sound. 2: the address is wrong. 4: something is damaged; it is named.
    5: the node did not answer.
    """
    checked_address(address)
    pages, rows, damage = asyncio.run(_scrub(address))
    shown = f"{address}: {pages:,} pages and {rows:,} elements were gone over"
    if is_damaged(damage):
        typer.echo(shown)
        raise CorruptStore(
            f"{address} is damaged: {described(damage)}",
            hint="It copies a member by itself, where one answers; lastword rebuild does so now.",
        )
    typer.echo(f"{shown}, and all is sound")


def is_damaged(damage: Damaged) -> bool:
    """Return whether anything is."""
    return bool(damage.pages or damage.sets or damage.facts)


def described(damage: Damaged) -> str:
    """Return in words what is damaged."""
    said = [f"{damage.pages:,} pages cannot be read"] if damage.pages else []
    if damage.sets:
        said.append(f"sets do not add up: {', '.join(map(printable, damage.sets))}")
    return "; ".join([*said, *map(printable, damage.facts)])


async def _scrub(address: str) -> tuple[int, int, Damaged]:
    async with node_at(address) as node:
        begun = await node.scrub()
        now = await node.scrubbed()
        while now.scrubs == begun.scrubs or now.under_way:
            await asyncio.sleep(POLL_S)
            now = await node.scrubbed()
        return now.pages - begun.pages, now.rows - begun.rows, (await node.ready()).damage


async def _rebuild(address: str, source: str | None) -> None:
    async with node_at(address) as node:
        before = await node.ready()
        await node.rebuild(source)
        shown = None
        while (now := await node.ready()).copying is not None:
            if shown is None or now.copying.percent >= shown + 10:
                shown = now.copying.percent
                whom = printable(now.copying.source)
                typer.echo(f"copies {whom}: {now.copying.entries:,} entries, {shown} % of its log")
            await asyncio.sleep(POLL_S)
        await _check_ended(node, before)
    typer.echo(f"{address} is whole: its file is a copy of a member now")


async def _check_ended(node: AsyncNode, before: Ready) -> None:
    """Raise Unavailable where the node still is what it was: a copy is another run."""
    deadline_s = asyncio.get_running_loop().time() + 2.0
    while (now := await node.ready()).run == before.run or now.copying is not None:
        if now.copying is None and asyncio.get_running_loop().time() > deadline_s:
            raise Unavailable(
                f"the copy on {node.address} was given up, and nothing has changed",
                hint="Its log says why. Is the member still there, and is it sound itself?",
            )
        await asyncio.sleep(POLL_S)


def _tell(path: Path, done: Rescued) -> None:
    typer.echo(f"{path} is kept as {done.kept}")
    if done.sound is not None:
        typer.echo(f"{done.sound_elements:,} elements that add up are in {done.sound}")
    if done.doubtful is not None:
        typer.echo(
            f"{done.doubtful_elements:,} elements of which nobody knows whether they are true are "
            f"in {done.doubtful}: look at them before you import any"
        )
    if done.sound is None and done.doubtful is None:
        typer.echo("nothing could be read of it: what only this file had is lost")
    if done.unreadable:
        typer.echo(f"{done.unreadable:,} parts of sets could not be read")
    contacts = "".join(f" -i {printable(member)}" for member in done.members)
    typer.echo("What to do next:")
    typer.echo(f"  lastword serve -d {path}{contacts}")
    typer.echo("     (with the node's other options; its own address among -i does no harm)")
    if done.sound is not None:
        typer.echo(f"  lastword import {done.sound} -a HOST:PORT")
        typer.echo("     (when it has caught up with its members: it brings what only it had)")
