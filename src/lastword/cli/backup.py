"""`lastword backup`: the file of a node that runs, as one moment has it."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from lastword.cli.drafts import draft_of
from lastword.cli.reach import node_at
from lastword.client.node import AsyncNode
from lastword.client.paths import base_url
from lastword.errors import FileUnusable, Unreachable

POLL_S = 0.5
"""How often the node is asked how far it is."""

PAGE_BYTES = 4_096
"""Of SQLite, where nothing else is asked for: it asks for nothing else."""

OWN_MODE = 0o600
"""A backup holds all that tokens guard."""

SUFFIXES = ("", "-wal", "-journal")


class Made(msgspec.Struct):
    """What `--json` says of a backup."""

    file: str
    bytes: int
    seconds: float


def backup(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Where to; not there yet.")],
    address: Annotated[
        str, typer.Option("-a", "--address", metavar="HOST:PORT", help="The node's address.")
    ] = "localhost:3000",
    as_json: Annotated[
        bool, typer.Option("--json", help="Say the outcome as one line of JSON.")
    ] = False,
) -> None:
    """Write a backup of a node's whole file, while the node goes on.

    A node that is started on it (lastword serve -d FILE) is only late: it gets what the cluster
    has written since. The backup is made beside the node's own file, and needs as much room there.

    Exit code 0. 1: the node has no room, or makes a backup already. 2: the address is wrong. 3:
    FILE is there, or cannot be written. 5: the node did not answer.
    """
    base_url(address)
    for name in (f"{file}{suffix}" for suffix in SUFFIXES):
        if Path(name).exists():
            raise FileUnusable(f"{name} is there already", hint="Name another file, or remove it.")
    began_s = time.perf_counter()
    with draft_of(file, OWN_MODE) as draft, _progress() as bar:
        size = asyncio.run(_fetch(address, draft, bar))
    made = Made(file, size, round(time.perf_counter() - began_s, 3))
    if as_json:
        typer.echo(msgspec.json.encode(made))
    else:
        typer.echo(f"{size:,} bytes of {address} are in {file}, in {made.seconds:.1f} s")


async def _fetch(address: str, draft: BinaryIO, bar: Progress) -> int:
    """Write the backup; return how long it is."""
    try:
        async with node_at(address) as node, asyncio.TaskGroup() as group:
            watching, received = group.create_task(_watch(node, bar)), None
            async for size, part in node.backup():
                if received is None:
                    watching.cancel()
                    received = bar.add_task("received", total=size)
                draft.write(part)
                bar.advance(received, len(part))
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    if draft.tell() != size:
        raise Unreachable(f"{address} sent {draft.tell()} bytes of a backup of {size}")
    return size


async def _watch(node: AsyncNode, bar: Progress) -> None:
    """Show how far the node is with making it; raise what asking does."""
    task = bar.add_task("made by the node", total=None)
    try:
        while True:
            await asyncio.sleep(POLL_S)
            found = await node.backing_up()
            if found is not None and found.pages:
                done, total = found.done * PAGE_BYTES, found.pages * PAGE_BYTES
                bar.update(task, completed=done, total=total)
    finally:
        bar.remove_task(task)


@contextmanager
def _progress() -> Iterator[Progress]:
    """Give what shows how far it is on standard error, where that is a terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as it:
        yield it
