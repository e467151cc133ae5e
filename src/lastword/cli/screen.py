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
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

FLUSHED_BYTES: Final = 1 << 16
"""Lines are written in pieces of about this size."""

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

    A column whose name begins with `>` has numbers, which stand at its right.
    """
    shown = console()
    if not shown.is_terminal:
        lines("\t".join(row).encode() for row in rows)
        return
    drawn = Table()
    for name in columns:
        right = name.startswith(">")
        drawn.add_column(name.lstrip(">"), justify="right" if right else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*map(Text, row))
    shown.print(drawn)


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


class _Counts(ProgressColumn):
    """Elements, and the bytes that they take."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.fields['elements']:,} elements, {shown_bytes(task.fields['size'])}")


@contextmanager
def gauge(what: str) -> Iterator[Gauge]:
    """Give what shows how far it is on standard error, where that is a terminal."""
    shown = console(err=True)
    columns = (
        TextColumn(what), _Counts(), _Rate(), BarColumn(bar_width=20), TimeRemainingColumn(),
    )  # fmt: skip
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
