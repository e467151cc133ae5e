"""What is seen: a line for each event, a bar while it plays on a terminal, a table at the end."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Final

from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from lastword import LWWSet
from lastword.client.text import printable, shown_element
from lastword.crdt.stamp import time_of
from lastword.monkeys.shown import shown_members, shown_time
from tools.verdict import States

BEAT_S: Final = 0.1
MEMBERS_CHARS_MAX: Final = 20


class Screen:
    """Prints on a console, and counts time from its making."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began_s = time.monotonic()

    def tell(self, line: str, style: str = "") -> None:
        """Print what happened, and when."""
        at = f"{time.monotonic() - self._began_s:5.1f} s  "
        told = Text.assemble((at, "dim"), (printable(line), style))
        self._console.print(told, soft_wrap=True)

    def conclude(self, line: str, *, good: bool) -> None:
        """Print what it all comes to."""
        self._console.print(Text(line, style="bold green" if good else "red"), soft_wrap=True)

    async def watch(self, seconds: float, what: str, count: Callable[[], int]) -> None:
        """Let time pass; on a terminal, with a bar and the number of acknowledged writes."""
        until_s = time.monotonic() + seconds
        columns = (
            TextColumn("         {task.description}"),
            BarColumn(),
            TextColumn("{task.fields[n]}"),
        )
        with Progress(
            *columns, console=self._console, transient=True, disable=not self._console.is_terminal
        ) as progress:
            task = progress.add_task(what, total=seconds, n="")
            while (left_s := until_s - time.monotonic()) > 0:
                await asyncio.sleep(min(BEAT_S, left_s))
                progress.update(task, completed=seconds - left_s, n=f"{count()} writes")

    def show(self, states: States) -> None:
        """Print the members and the newest time, today in UTC, of each set on each node."""
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for heading in ("set", "node", "members", "newest time", "elements"):
            table.add_column(
                heading, no_wrap=True, justify="right" if heading == "members" else "left"
            )
        for set_name in sorted(next(iter(states.values()))):
            for node, sets in states.items():
                table.add_row(*_row(node, set_name, sets[set_name]))
            table.add_section()
        self._console.print(table)


def _row(node: str, set_name: str, state: Mapping[bytes, int]) -> tuple[str | Text, ...]:
    local = LWWSet[bytes]()
    local.merge_entries(state.items())
    newest = max(map(time_of, state.values()), default=0)
    return (
        Text(shown_element(set_name.encode())),
        node,
        str(len(local)),
        shown_time(newest).rpartition("T")[2],
        Text(shown_members(local, chars_max=MEMBERS_CHARS_MAX)),
    )
