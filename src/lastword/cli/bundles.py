"""`lastword export` and `lastword import`: sets of a node into a bundle, and back into a node."""

import asyncio
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Annotated, Any, BinaryIO, Final, cast

import msgspec
import typer
from rich.console import Console
from rich.progress import Progress, TextColumn

from lastword.cli.drafts import draft_of
from lastword.cli.reach import node_at
from lastword.client.text import printable, shown_element
from lastword.crdt.bundle import BundleReader, BundleWriter, Counts, bundle_lines
from lastword.crdt.wire import text_or_bytes
from lastword.errors import ConfigError, FileUnusable, GhostElements, LastwordError
from lastword.wall import wall_us

STANDARD: Final = "-"
"""Stands for standard output or input."""

SPOOLED_BYTES: Final = 1 << 20
"""Of standard input so much stays in memory, the rest in a file: it is read twice."""


class Choice(StrEnum):
    """What becomes of ghosts."""

    REMOVE = "remove"
    READD = "readd"


Address = Annotated[
    str, typer.Option("-a", "--address", metavar="HOST:PORT", help="The node's address.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Say the outcome as one line of JSON.")]
Shown = Callable[[Counts], None]


def export(
    sets: Annotated[
        list[str] | None, typer.Argument(metavar="[SET]...", help="Default: all, unless reserved.")
    ] = None,
    output: Annotated[
        str, typer.Option("-o", "--output", metavar="FILE", help="- is standard output.")
    ] = STANDARD,
    address: Address = "localhost:3000",
    as_json: AsJson = False,
) -> None:
    """Write the states of sets into a bundle, removed elements too.

    FILE is there when it is whole, and replaces one that was there. Exit code 0. 2: an address or
    an option is wrong, or a named set holds nothing. 3: FILE cannot be written. 5: the node did
    not answer.
    """
    with _ending(as_json), _output(output) as file, _progress("written") as shown:
        counts = asyncio.run(_export(address, sets, file, shown))
    _say(f"{_said(counts)} exported from {address}", counts, as_json, err=output == STANDARD)


def import_(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A bundle; - is standard input.")],
    address: Address = "localhost:3000",
    ghosts: Annotated[
        Choice | None,
        typer.Option(
            help="Elements that may have been removed long ago: leave them out, or add them at a "
            "new time. Without it they are refused.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Merge a bundle into a node. Nothing is overwritten: the later time wins, as always.

    The file is checked whole before anything is merged. It may be merged again, which does no
    harm. Exit code 0. 1: the node refused something. 2: an address or an option is wrong. 3: FILE
    is no bundle, is cut short or is of a newer version, and nothing was merged. 5: the node did
    not answer. 6: elements may have been removed long ago; --ghosts says what becomes of them.
    """
    with _ending(as_json), _input(file) as opened:
        for _ in (reader := BundleReader(bundle_lines(opened))):
            pass
        opened.seek(0)
        with _progress(f"of {reader.counts.elements:,} merged") as shown:
            counts = asyncio.run(_import(address, opened, ghosts, shown))
    _say(f"{_said(counts)} merged into {address}", counts, as_json)


async def _export(address: str, names: list[str] | None, file: BinaryIO, shown: Shown) -> Counts:
    writer = BundleWriter()
    async with node_at(address) as node:
        file.write(writer.begin(address, wall_us()))
        for name in dict.fromkeys(names or [listed.name async for listed in node.sets()]):
            before = writer.counts.sets
            async for entries in node.entries(name):
                if entries:
                    file.writelines(writer.put(name, entries))
                    shown(writer.counts)
            if names and writer.counts.sets == before:
                raise ConfigError(
                    f"{address} holds nothing of a set {shown_element(name.encode())}",
                    hint="GET /_/sets lists the sets; without a name all are exported.",
                )
        file.writelines(writer.end())
    return writer.counts


async def _import(address: str, file: BinaryIO, ghosts: Choice | None, shown: Shown) -> Counts:
    reader = BundleReader(bundle_lines(file))
    merged = 0
    async with node_at(address) as node:
        for part in reader:
            try:
                await node.merge(part.set_name, part.stamps, ghosts=ghosts)
            except GhostElements as error:
                raise _chosen(error, part.set_name, merged) from error
            except LastwordError as error:
                raise error.reworded(f"{error}; {_stands(merged)}") from error
            merged += len(part.stamps)
            shown(reader.counts)
    return reader.counts


def _chosen(error: GhostElements, set_name: str, merged: int) -> GhostElements:
    """Return the error that says which elements, and what the choices mean."""
    named = ", ".join(map(shown_element, error.elements))
    more = f" and {error.more} more" if error.more else ""
    return error.reworded(
        f"of set {shown_element(set_name.encode())}, elements that are not in it may have been "
        f"removed long ago: {named}{more}; {_stands(merged)}",
        hint="Import again with --ghosts=remove to leave out all that are so, or with "
        "--ghosts=readd to add them at a new time.",
    )


def _stands(merged: int) -> str:
    return f"{merged} elements of the bundle before it are merged"


@contextmanager
def _output(path: str) -> Iterator[BinaryIO]:
    """Give a file that takes the place of `path` when it is whole; or standard output."""
    if path == STANDARD:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    with draft_of(path) as file:
        yield file


@contextmanager
def _input(path: str) -> Iterator[BinaryIO]:
    """Give a file that can be read twice."""
    try:
        if path != STANDARD:
            with Path(path).open("rb") as file:
                yield file
            return
        with SpooledTemporaryFile(max_size=SPOOLED_BYTES) as spooled:
            shutil.copyfileobj(sys.stdin.buffer, spooled)
            spooled.seek(0)
            yield cast("BinaryIO", spooled)
    except OSError as error:
        raise FileUnusable(f"{path} cannot be read: {error.strerror}") from error


@contextmanager
def _progress(what: str) -> Iterator[Shown]:
    """Show how far it is on standard error, where that is a terminal."""
    console = Console(stderr=True)
    column = TextColumn("{task.completed:,.0f} elements " + what)
    with Progress(column, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=None)
        yield lambda counts: bar.update(task, completed=counts.elements)


@contextmanager
def _ending(as_json: bool) -> Iterator[None]:
    """Let an error be said as JSON too; it ends the command as any does."""
    try:
        yield
    except LastwordError as error:
        if as_json:
            told: dict[str, Any] = {"code": error.code, "message": printable(str(error))}
            if isinstance(error, GhostElements):
                told |= _elements(error)
            typer.echo(msgspec.json.encode({"error": told}), err=True)
        raise


def _elements(error: GhostElements) -> dict[str, Any]:
    """Return what an error lists, as a node tells of it."""
    listed = list(map(text_or_bytes, error.elements))
    return {
        "elements": [element for element in listed if isinstance(element, str)],
        "elementsBase64": [element for element in listed if isinstance(element, bytes)],
        "more": error.more,
    }


def _said(counts: Counts) -> str:
    return f"{counts.elements:,} elements of {counts.sets:,} sets"


def _say(text: str, counts: Counts, as_json: bool, *, err: bool = False) -> None:
    typer.echo(msgspec.json.encode(counts).decode() if as_json else text, err=err)
