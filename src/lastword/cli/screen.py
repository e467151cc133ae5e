"""What commands print: for people on a terminal, and for programs everywhere else.

On a terminal a table is drawn by Rich, and how far it is shows on standard error. Piped, a table
is lines with a tab between the fields and no heading. What strangers wrote comes here escaped;
nothing of it is read as markup.
"""

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import typer
from rich.cells import cell_len
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

FLUSHED_BYTES: Final = 1 << 16
"""Lines are written in pieces of about this size."""

WIDE_COLUMNS: Final = 80
"""On a narrower terminal only elements and percents stand on the line, so that it is one."""

_ELEMENTS: Final = "{task.fields[elements]:,} elements"

KIB: Final = 1024


def console(*, err: bool = False) -> Console:
    """Return what writes to standard output, or to standard error."""
    return Console(stderr=err, markup=False, emoji=False, highlight=False)


def say(text: str, *, err: bool = False) -> None:
    """Print a sentence; a terminal breaks it where its lines end."""
    typer.echo(text, err=err)


def say_json(value: Any, *, err: bool = False) -> None:
    """Print a value as one line of JSON."""
    say(msgspec.json.encode(value).decode(), err=err)


def lines(found: Iterable[bytes], end: bytes = b"\n") -> None:
    """Write lines to standard output as they come, some of them at once."""
    out, waiting, size = sys.stdout.buffer, list[bytes](), 0
    for line in found:
        waiting += (line, end)
        size += len(line)
        if size >= FLUSHED_BYTES:
            out.writelines(waiting)
            waiting, size = [], 0
    out.writelines(waiting)
    out.flush()


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows: a table on a terminal, else their fields with tabs between.

    A column whose name begins with `>` has numbers, which stand at its right. Where a table is too
    wide for its terminal, each row is a few lines.
    """
    shown = console()
    if not shown.is_terminal:
        lines("\t".join(row).encode() for row in rows)
        return
    names, held = [name.lstrip(">") for name in columns], list(rows)
    if _width(names, held) > shown.width:
        shown.print(Text("\n\n".join(_record(names, row) for row in held), overflow="fold"))
        return
    drawn = Table()
    for name in columns:
        drawn.add_column(name.lstrip(">"), justify="right" if name.startswith(">") else "left")
    for row in held:
        drawn.add_row(*map(Text, row))
    shown.print(drawn)


def _width(names: Sequence[str], rows: Iterable[Sequence[str]]) -> int:
    """Return how many columns of a terminal a table takes, with its lines and spaces."""
    widest = [max(map(cell_len, column)) for column in zip(names, *rows, strict=True)]
    return sum(width + 3 for width in widest) + 1


def _record(names: Sequence[str], row: Sequence[str]) -> str:
    """Return a row of a table that is too wide: a line for each field."""
    longest = max(map(len, names))
    pairs = zip(names, row, strict=True)
    return "\n".join(f"{name:{longest}}  {value}" for name, value in pairs)


@dataclass(frozen=True, slots=True)
class Gauge:
    """Shows how far something is, in elements and in bytes."""

    progress: Progress
    task: Any

    def expect(self, total: int | None) -> None:
        """Say at which `done` it will be at its end."""
        self.progress.update(self.task, total=total)

    def at(self, *, elements: int, size: int, done: int) -> None:
        """Say how many elements and bytes there are, and how much of the total that is."""
        self.progress.update(self.task, completed=done, elements=elements, size=size)


class _Rate(ProgressColumn):
    """Elements a second, since it began."""

    def render(self, task: Task) -> Text:
        elapsed_s = task.elapsed or 0.0
        rate = task.fields["elements"] / elapsed_s if elapsed_s > 0 else 0.0
        return Text(f"{rate:,.0f}/s")


class _Size(ProgressColumn):
    """The bytes that the elements take."""

    def render(self, task: Task) -> Text:
        return Text(shown_bytes(task.fields["size"]))


@contextmanager
def gauge(what: str) -> Iterator[Gauge]:
    """Give what shows how far it is on standard error, where that is a terminal."""
    shown = console(err=True)
    columns: tuple[ProgressColumn, ...] = (TextColumn(what), TextColumn(_ELEMENTS))
    if shown.width >= WIDE_COLUMNS:
        columns += (_Size(), _Rate(), BarColumn(bar_width=20), TimeRemainingColumn())
    else:
        columns += (TaskProgressColumn(),)
    with Progress(
        *columns, console=shown, transient=True, disable=not shown.is_terminal
    ) as progress:
        yield Gauge(progress, progress.add_task(what, total=None, elements=0, size=0))


def shown_bytes(size: int) -> str:
    """Return a size as people read it: `512 B`, `1.5 KiB`, `12.0 MiB`."""
    amount = float(size)
    if size < KIB:
        return f"{size} B"
    for unit in ("KiB", "MiB"):
        amount /= KIB
        if amount < KIB:
            return f"{amount:.1f} {unit}"
    return f"{amount / KIB:.1f} GiB"
