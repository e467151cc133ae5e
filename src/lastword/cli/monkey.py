"""`lastword monkey`: programs that play with a node, as in lww-hs.

They end with exit code 0, after Ctrl-C with 130 (128 + SIGINT, as shells say it); `onoff` ends
with 1 if any round was a Failure, however it ended, and `checker` as `cli/checker.py` says.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from random import SystemRandom
from time import monotonic_ns
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live
from rich.text import Text

from lastword import LWWSet
from lastword.cli.checker import checker
from lastword.cli.latency_screen import LatencyScreen
from lastword.cli.reach import node_at
from lastword.crdt import lww_set
from lastword.errors import ConfigError
from lastword.monkeys.histogram import Histogram
from lastword.monkeys.normal import play_normal
from lastword.monkeys.onoff import Outcome, play_onoff
from lastword.monkeys.pace import Delay, Pace, Rate
from lastword.monkeys.setting import Setting
from lastword.monkeys.viewer import play_viewer, set_line, set_table
from lastword.wall import wall_us

FAILED = 1
INTERRUPTED = 130
TABLE_FRAME_ROWS = 7
"""Rows of a terminal that a table's title, frame and caption take."""

app = typer.Typer(
    help="Monkeys play with a node: random operations, work offline, or a view of a set. "
    "Ctrl-C ends each of them, with exit code 130. A node that does not answer is waited for.",
    no_args_is_help=True,
)

Address = Annotated[
    str,
    typer.Option("-a", "--address", metavar="HOST:PORT", help="The node to play with."),
]
SetName = Annotated[
    str,
    typer.Option("-s", "--setname", metavar="SET", help="The set to play with."),
]
LowDelay = Annotated[
    float,
    typer.Option(
        "-l",
        "--lowdelayms",
        metavar="MS",
        min=0,
        help="The shortest delay before an operation, in milliseconds.",
    ),
]
HighDelay = Annotated[
    float,
    typer.Option(
        "--highdelayms",
        metavar="MS",
        min=0,
        help="The longest delay before an operation, in milliseconds. No short form: -h is help.",
    ),
]
Seconds = Annotated[
    float | None,
    typer.Option(
        "--for", metavar="SECONDS", min=0, help="End after so many seconds. Default: never."
    ),
]
Play = Callable[[Setting], Awaitable[None]]


@app.command()
def normal(  # noqa: PLR0917 - the options of the command; nobody calls it by position
    address: Address = "localhost:3000",
    set_name: SetName = "default",
    low_delay_ms: LowDelay = 100,
    high_delay_ms: HighDelay = 1000,
    number: Annotated[
        int | None,
        typer.Option(
            "-n", metavar="NUMBER", min=1, help="End after so many operations. Default: never."
        ),
    ] = None,
    for_s: Seconds = None,
    rate: Annotated[
        float | None,
        typer.Option(
            "--rate",
            metavar="PER_SECOND",
            min=0.001,
            help="So many operations a second, due whether the node keeps up or not, in place of "
            "random delays. Latencies count from when an operation was due.",
        ),
    ] = None,
    workers: Annotated[
        int,
        typer.Option(
            "--workers", metavar="NUMBER", min=1, max=1000, help="So many operations at once."
        ),
    ] = 1,
) -> None:
    """Get, put or delete a random element from 0 to 100 after each random delay, or at a rate.

    A terminal shows a histogram of latencies as it grows. A pipe gets a line for each operation,
    or with --rate one every five seconds.
    """
    pace: Pace = _delay(low_delay_ms, high_delay_ms) if rate is None else Rate(rate)
    latencies = Histogram()
    screen = LatencyScreen(f"{set_name} on {address}", latencies, _now_us)
    says_each = rate is None and not screen.console.is_terminal

    async def play(setting: Setting) -> None:
        async with screen.shown(lines=not says_each):
            await play_normal(
                setting, pace, operations=number, workers=workers, latencies=latencies
            )

    say = typer.echo if says_each else _hush
    code = _run(address, set_name, for_s, play, say=say, warn=screen.warn)
    typer.echo(screen.summary())
    raise typer.Exit(code)


@app.command()
def onoff(  # noqa: PLR0917 - the options of the command; nobody calls it by position
    address: Address = "localhost:3000",
    set_name: SetName = "default",
    low_delay_ms: LowDelay = 100,
    high_delay_ms: HighDelay = 1000,
    offline_ops: Annotated[
        int,
        typer.Option(
            "-o", "--offlineops", metavar="NUMBER", min=0, help="Operations in a round, offline."
        ),
    ] = 100,
    number: Annotated[
        int | None,
        typer.Option(
            "-n", metavar="NUMBER", min=1, help="End after so many rounds. Default: never."
        ),
    ] = None,
    for_s: Seconds = None,
) -> None:
    """Work on a copy while offline, bring it home, and check that nothing of it was lost.

    Each round is a Success if the node then holds exactly what the merged copy holds, else a
    Failure. Exit code 1 if any round was a Failure.
    """
    failed = False

    def report(outcome: Outcome) -> None:
        nonlocal failed
        failed = failed or not outcome.success
        typer.echo(str(outcome))

    play = partial(
        play_onoff,
        pace=_delay(low_delay_ms, high_delay_ms),
        local=LWWSet[bytes](),
        report=report,
        offline_ops=offline_ops,
        rounds=number,
    )
    code = _run(address, set_name, for_s, play)
    raise typer.Exit(FAILED if failed else code)


@app.command()
def viewer(
    address: Address = "localhost:3000",
    set_name: SetName = "default",
    interval_ms: Annotated[
        float,
        typer.Option(
            "-u",
            "--updateintervalms",
            metavar="MS",
            min=0,
            help="Between two updates, in milliseconds.",
        ),
    ] = 1000,
    number: Annotated[
        int | None,
        typer.Option(
            "-n", metavar="NUMBER", min=1, help="End after so many updates. Default: never."
        ),
    ] = None,
    for_s: Seconds = None,
) -> None:
    """Show a set: as a live table on a terminal, else as one line for each update."""
    with _screen(f"{set_name} on {address}") as (show, warn):
        play = partial(
            play_viewer,
            local=LWWSet[bytes](),
            show=show,
            interval_s=interval_ms / 1000,
            updates=number,
        )
        code = _run(address, set_name, for_s, play, warn=warn)
    raise typer.Exit(code)


app.command()(checker)


def _warn(line: str) -> None:
    typer.echo(line, err=True)


def _hush(_: str) -> None:
    """Say nothing."""


def _now_us() -> int:
    return monotonic_ns() // 1_000


def _run(
    address: str,
    set_name: str,
    for_s: float | None,
    play: Play,
    *,
    say: Callable[[str], None] = typer.echo,
    warn: Callable[[str], None] = _warn,
) -> int:
    """Let a monkey play until it ends, its time is over, or Ctrl-C; return the exit code."""

    async def bounded() -> None:
        async with node_at(address) as node:
            setting = Setting(
                node, set_name, SystemRandom(), asyncio.sleep, _now_us, say=say, warn=warn
            )
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(for_s):
                    await play(setting)

    try:
        asyncio.run(bounded())
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def _delay(low_ms: float, high_ms: float) -> Delay:
    if low_ms > high_ms:
        raise ConfigError(
            f"--lowdelayms {low_ms:g} is above --highdelayms {high_ms:g}",
            hint="The delay before each operation is somewhere between the two.",
        )
    return Delay(low_ms, high_ms)


Show = Callable[[lww_set.LWWSet[bytes]], None]


@contextlib.contextmanager
def _screen(title: str) -> Iterator[tuple[Show, Callable[[str], None]]]:
    """Yield what shows a set and what shows a warning, on a terminal or into a pipe."""
    console = Console()
    if not console.is_terminal:
        yield lambda local: typer.echo(set_line(local, wall_us())), _warn
        return
    with Live(console=console, auto_refresh=False) as live:

        def show(local: lww_set.LWWSet[bytes]) -> None:
            rows_max = max(1, console.height - TABLE_FRAME_ROWS)
            live.update(set_table(local, title, rows_max=rows_max), refresh=True)

        yield show, lambda line: console.print(Text(line))
