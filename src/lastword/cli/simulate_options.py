"""The options of `lastword simulate`: what each means, and its unit."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from lastword.simulation.durations import Range, duration_us, range_us

TIMES = frozenset({"duration", "interval", "full", "partition", "skew", "shrink"})
"""The parameters whose values are microseconds."""


def _parser(parse: Callable[[str], Any]) -> Callable[[Any], Any]:
    """Return a reader of an option that refuses a value in one line, the one of `parse`."""

    def read(value: Any) -> Any:
        try:
            return parse(value) if isinstance(value, str) else value
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None

    return read


def _time(names: str, text: str, default: str) -> Any:
    """Return an option whose value is a duration."""
    read = _parser(duration_us)
    return typer.Option(
        *names.split(), help=text, parser=read, metavar="TIME", show_default=default
    )


def _share(text: str) -> Any:
    """Return an option whose value is a chance."""
    return typer.Option(help=text, min=0.0, max=1.0)


def _indexes(text: str) -> frozenset[int]:
    parts = text.split(",") if text else []
    if not all(part.strip().isdecimal() for part in parts):
        raise ValueError(f"{text!r} is not a list of faults; write 3,7,12")
    return frozenset(map(int, parts))


Nodes = Annotated[int, typer.Option(help="Nodes of the cluster.", min=1, max=5_000)]
Sets = Annotated[int, typer.Option(help="Sets that the writes go to.", min=1)]
Elements = Annotated[
    int, typer.Option(help="Elements of each set; 0 gives each write one of its own.", min=0)
]
Writes = Annotated[int, typer.Option(help="Writes, at random times to random nodes.", min=0)]
Seed = Annotated[int, typer.Option(help="All that is random follows from it.", min=0)]
Duration = Annotated[
    int, _time("--duration", "Virtual time with writes and faults; then all settles.", "60s")
]
Interval = Annotated[int, _time("-r --interval", "Between two rounds of a node.", "1s")]
Full = Annotated[int, _time("-f --full", "Between two full comparisons of a node.", "60s")]
Fanout = Annotated[int, typer.Option(help="Members that a round exchanges with.", min=1)]
Loss = Annotated[float, _share("Chance that a message is lost.")]
Duplicate = Annotated[float, _share("Chance that a message arrives twice.")]
Delay = Annotated[
    Range,
    typer.Option(
        help="How long a message takes: any time between the two.",
        parser=_parser(range_us),
        metavar="TIME..TIME",
        show_default="5ms..200ms",
    ),
]
Partition = Annotated[
    int, _time("--partition", "How long the cluster is cut in two, each time.", "20s")
]
Cuts = Annotated[int, typer.Option(help="How many times it is cut in two.", min=0)]
Crash = Annotated[
    float,
    typer.Option(
        help="Crashes of each node: 0.1 is one node in ten, once. It loses what it did not "
        "flush, and is down for 1 to 20 s.",
        min=0.0,
        max=100.0,
    ),
]
Wipe = Annotated[float, _share("Chance that a crash loses the whole disk.")]
RollBack = Annotated[
    float, _share("Chance that after a crash an older copy of the disk is restored.")
]
Rot = Annotated[
    float, _share("Chance that after a crash a third of the rows are gone, and nobody is told.")
]
Skew = Annotated[int, _time("--skew", "Each clock is wrong by up to this, either way.", "500ms")]
Plot = Annotated[
    Path | None,
    typer.Option(help="Draw convergence and faults into this .svg or .png.", dir_okay=False),
]
Seeds = Annotated[
    int | None,
    typer.Option(help="Play so many small clusters under harsher faults instead.", min=1),
]
FirstSeed = Annotated[int | None, typer.Option(help="The first of their seeds.", min=0)]
Jobs = Annotated[int, typer.Option(help="Processes for them; 0 is one for each core.", min=0)]
OnlyFaults = Annotated[
    frozenset[int] | None,
    typer.Option(
        help="Do only these of the planned faults, as a failure names them.",
        parser=_parser(_indexes),
        metavar="N,N,...",
    ),
]
Shrink = Annotated[
    int,
    _time("--shrink", "Real time to look for the fewest faults that fail; 0s: not at all.", "60s"),
]
