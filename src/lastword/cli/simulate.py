"""`lastword simulate`: clusters under faults, on virtual time, one seed after another."""

from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from lastword.simulation.campaign import run_campaign
from lastword.simulation.oracle import Violated

CAMPAIGN_SEEDS = 40
"""From so many seeds on, a run that never met a fault has missed it for a reason."""


def simulate(
    seeds: Annotated[int, typer.Option(help="How many seeds to run.", min=1)] = 40,
    first_seed: Annotated[int, typer.Option(help="The first of them.", min=0)] = 0,
) -> None:
    """Run clusters of 2 to 5 nodes with lost, repeated and late messages, cuts and crashes.

    Each seed is one cluster and always the same one. Exit code 1, naming the seed, where a
    property of replication does not hold; and, from 40 seeds on, where a fault was never met.
    """
    console = Console(stderr=True)
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("seeds", total=seeds)
        try:
            met = run_campaign(
                range(first_seed, first_seed + seeds),
                must_meet_all=seeds >= CAMPAIGN_SEEDS,
                progress=lambda _: progress.advance(task),
            )
        except Violated as error:
            console.print(f"lastword: {error}", style="red", markup=False)
            raise typer.Exit(1) from error
    table = Table("met", "times", title=f"seeds {first_seed} to {first_seed + seeds - 1}")
    for name, times in asdict(met).items():
        table.add_row(name.replace("_", " "), str(times))
    Console().print(table)
