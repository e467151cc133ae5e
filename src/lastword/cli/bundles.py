"""`lastword export` and `lastword import`: sets of a node into a bundle, and back into a node."""

import asyncio
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Annotated, BinaryIO, Final, cast

import typer

from lastword.address import checked_address
from lastword.cli.addresses import Addresses, AsJson, one_of
from lastword.cli.completion import set_names
from lastword.cli.drafts import draft_of
from lastword.cli.ending import ending
from lastword.cli.exporting import Chosen, Exporting, Written
from lastword.cli.reach import node_at
from lastword.cli.screen import Gauge, gauge, say, say_json
from lastword.cli.writing import Ghosts
from lastword.client.text import shown_element
from lastword.crdt.bundle import BundleReader, Counts, bundle_lines
from lastword.errors import ConfigError, FileUnusable, GhostElements, LastwordError

STANDARD: Final = "-"
"""Stands for standard output or input."""

SPOOLED_BYTES: Final = 1 << 20
"""Of standard input so much stays in memory, the rest in a file: it is read twice."""


def export(
    sets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SET",
            help="Default: all, unless reserved.",
            autocompletion=set_names,
        ),
    ] = None,
    *,
    prefix: Annotated[
        str | None, typer.Option("--prefix", metavar="TEXT", help="All sets that begin so.")
    ] = None,
    lacking: Annotated[
        str | None,
        typer.Option(
            "--lacking",
            metavar="HOST:PORT",
            help="Only what this other node lacks, or has at an earlier time.",
        ),
    ] = None,
    output: Annotated[
        str, typer.Option("-o", "--output", metavar="FILE", help="- is standard output.")
    ] = STANDARD,
    addresses: Addresses = None,
    as_json: AsJson = False,
) -> None:
    """Write the states of sets into a bundle, removed elements too.

    FILE is there when it is whole, and replaces one that was there. Exit code 0. 1: the node
    refused it. 2: an address or an option is wrong, or a named set holds nothing. 3: FILE cannot
    be written. 5: no node answered.
    """
    with ending(as_json):
        if sets and prefix is not None:
            raise ConfigError("sets are named, and a prefix is given", hint="Give one of the two.")
        address = one_of(addresses)
        chosen = Chosen(address, tuple(dict.fromkeys(sets or ())), prefix or "")
        with _output(output) as file, gauge("written") as shown:
            exporting = Exporting(address, Written(file), shown)
            if lacking is None:
                counts = asyncio.run(exporting.all_of(chosen))
            else:
                counts = asyncio.run(exporting.lacked_by(checked_address(lacking), chosen))
    _say(f"{_said(counts)} exported from {address}", counts, as_json, err=output == STANDARD)


def import_(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A bundle; - is standard input.")],
    addresses: Addresses = None,
    ghosts: Annotated[
        Ghosts | None,
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
    is no bundle, is cut short or is of a newer version, and nothing was merged. 5: no node
    answered. 6: elements may have been removed long ago; --ghosts says what becomes of them.
    """
    with ending(as_json), _input(file) as opened:
        with gauge("checked") as shown:
            size = _checked(opened, shown)
        opened.seek(0)
        address = one_of(addresses)
        with gauge("merged") as shown:
            shown.expect(size)
            counts = asyncio.run(_import(address, opened, ghosts, shown))
    _say(f"{_said(counts)} merged into {address}", counts, as_json)


def _checked(file: BinaryIO, shown: Gauge) -> int:
    """Read a bundle to its end; return its size. Raises InvalidBundle where it is not whole."""
    reader = BundleReader(bundle_lines(file))
    for _ in reader:
        at = file.tell()
        shown.at(elements=reader.counts.elements, size=at, done=at)
    return file.tell()


async def _import(address: str, file: BinaryIO, ghosts: Ghosts | None, shown: Gauge) -> Counts:
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
            at = file.tell()
            shown.at(elements=merged, size=at, done=at)
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


def _said(counts: Counts) -> str:
    return f"{counts.elements:,} elements of {counts.sets:,} sets"


def _say(text: str, counts: Counts, as_json: bool, *, err: bool = False) -> None:
    if as_json:
        say_json(counts, err=err)
    else:
        say(text, err=err)
