"""What a monkey shows of its latencies while it plays: a live panel on a terminal, else lines."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Final

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.text import Text

from lastword.monkeys.histogram import Histogram

REFRESH_S: Final = 0.25
LINE_S: Final = 5.0
BAR_CHARS: Final = 40

Facts = Callable[[], list[str]]
"""Further lines, of the moment: what else is known of the run."""


class LatencyScreen:
    """Shows a histogram as it grows, and says at the end what it came to."""

    def __init__(
        self, title: str, latencies: Histogram, now_us: Callable[[], int], facts: Facts = list
    ) -> None:
        self.console = Console()
        self._title = title
        self._latencies = latencies
        self._now_us = now_us
        self._facts = facts
        self._began_us = now_us()

    def warn(self, line: str) -> None:
        """Show a line about trouble, above the panel or on standard error."""
        console = self.console if self.console.is_terminal else Console(stderr=True)
        console.print(Text(line), soft_wrap=True)

    @contextlib.asynccontextmanager
    async def shown(self, *, lines: bool = True) -> AsyncIterator[None]:
        """Show it while the block runs; `lines` says whether a pipe gets a line now and then."""
        showing = self._draw() if self.console.is_terminal else self._tell() if lines else None
        task = None if showing is None else asyncio.create_task(showing)
        try:
            yield
        finally:
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    def summary(self) -> str:
        """Return what it came to, in one line."""
        seconds = max((self._now_us() - self._began_us) / 1e6, 1e-6)
        count = self._latencies.count
        told = f"{count:,} operations in {seconds:.1f} s, {count / seconds:,.1f}/s"
        return f"{told}; {self._latencies.summary()}" if count else told

    async def _draw(self) -> None:
        with Live(console=self.console, auto_refresh=False) as live:
            while True:
                live.update(self._panel(), refresh=True)
                try:
                    await asyncio.sleep(REFRESH_S)
                except asyncio.CancelledError:
                    live.update(self._panel(), refresh=True)
                    raise

    async def _tell(self) -> None:
        while True:
            await asyncio.sleep(LINE_S)
            self.console.print(Text("; ".join([self.summary(), *self._facts()])), soft_wrap=True)

    def _panel(self) -> Panel:
        width = max(8, min(BAR_CHARS, self.console.width - 30))
        bars = Text("\n".join(self._latencies.lines(width)), no_wrap=True)
        facts = map(Text, [*self._facts(), self.summary()])
        return Panel(Group(bars, *facts), title=Text(self._title))
