"""`lastword simulate`: one large run with figures and a plot, or many small ones."""

import gc
import os
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from lastword.cli import simulate_options as options
from lastword.cli.simulated import campaign_table, fault_lines, run_table
from lastword.simulation import plot as plots
from lastword.simulation.campaign import (
    MUST_MEET_SEEDS,
    never_met,
    run_campaign,
    settings_of,
)
from lastword.simulation.durations import Range
from lastword.simulation.failure import Failure, fewest_faults, played
from lastword.simulation.faults import planned
from lastword.simulation.settings import SimulationSettings

OF_SEEDS = frozenset({"seeds", "first_seed", "jobs", "only_faults", "shrink"})
"""The parameters that go with --seeds; all others are about the one large run."""

NOT_REPLAYED = frozenset({"only_faults", "shrink", "plot"})
"""The parameters that a replayed run gets anew."""

GC_THRESHOLDS = (200_000, 20, 50)
"""A large run makes millions of objects that stay: looking for garbage among them so seldom saves
a quarter of its time."""

_errors = Console(stderr=True)


@dataclass(frozen=True, slots=True)
class _Replay:
    """How a run is played again: its options, the faults to keep, the time to look for fewer."""

    words: list[str]
    only: frozenset[int] | None
    shrink_s: float


def simulate(  # noqa: PLR0917 - the options of the command; nobody calls it by position
    context: typer.Context,
    nodes: options.Nodes = 30,
    writes: options.Writes = 2_000,
    sets: options.Sets = 50,
    elements: options.Elements = 0,
    seed: options.Seed = 0,
    duration: options.Duration = 60_000_000,
    interval: options.Interval = 1_000_000,
    full: options.Full = 60_000_000,
    fanout: options.Fanout = 3,
    loss: options.Loss = 0.05,
    duplicate: options.Duplicate = 0.02,
    delay: options.Delay = Range(5_000, 200_000),  # noqa: B008 - a constant
    partition: options.Partition = 20_000_000,
    cuts: options.Cuts = 1,
    crash: options.Crash = 0.1,
    wipe: options.Wipe = 0.01,
    rollback: options.RollBack = 0.01,
    rot: options.Rot = 0.01,
    skew: options.Skew = 500_000,
    plot: options.Plot = None,
    seeds: options.Seeds = None,
    first_seed: options.FirstSeed = None,
    jobs: options.Jobs = 0,
    only_faults: options.OnlyFaults = None,
    shrink: options.Shrink = 60_000_000,
) -> None:
    """Play a cluster under faults, on virtual time, and check that it loses nothing and agrees.

    The same seed and options are the same run on every machine, with the same trace hash. With
    --seeds, play many small clusters instead and count what they met. Times are written 500us,
    5ms, 2s or 1.5m. Exit code 1 where a check does not hold: with the fewest faults that break
    it, and the command that plays them again.
    """
    replay = _Replay(_given(context), only_faults, shrink / 1e6)
    if seeds is not None or first_seed is not None:
        _refuse_options_of_one_run(context)
        first = first_seed or 0
        _run_seeds(range(first, first + (seeds or 1)), jobs or os.cpu_count() or 1, replay)
        return
    settings = SimulationSettings(
        nodes=nodes,
        writes=writes,
        sets=sets,
        elements=elements,
        duration_us=duration,
        interval_us=interval,
        full_interval_us=full,
        fanout=fanout,
        loss=loss,
        duplicate=duplicate,
        delay_us=delay,
        cut_us=(partition, partition),
        cuts=cuts if partition else 0,
        crash=crash,
        wipe=wipe,
        roll_back=rollback,
        rot=rot,
        skew_us=skew,
    )
    _run_one(settings, seed, plot, replay)


def _run_one(settings: SimulationSettings, seed: int, plot: Path | None, replay: _Replay) -> None:
    """Play one run; show its figures, draw it, or say how it failed."""
    if plot is not None:
        _check_plot(plot)
    gc.set_threshold(*GC_THRESHOLDS)
    began = time.monotonic()
    with _progress() as progress:
        task = progress.add_task("virtual time", total=settings.duration_us)
        outcome = played(
            settings,
            seed,
            only=replay.only,
            progress=lambda now_us: progress.update(task, completed=now_us),
        )
    if isinstance(outcome, Failure):
        _fail(outcome, settings, replay)
    Console().print(run_table(outcome, seed, time.monotonic() - began))
    if plot is not None:
        plots.draw(outcome, seed, plot)


def _run_seeds(seeds: range, jobs: int, replay: _Replay) -> None:
    """Play a campaign; show what it met, or how a seed failed."""
    with _progress() as progress:
        task = progress.add_task("seeds", total=len(seeds))
        done = run_campaign(
            seeds,
            jobs=jobs,
            only=replay.only,
            progress=lambda count: progress.advance(task, count),
        )
    if done.failure is not None:
        failed = done.failure.seed
        words = ["--seeds", "1", "--first-seed", str(failed)]
        _fail(done.failure, settings_of(failed), replace(replay, words=words))
    Console().print(campaign_table(done.met, f"seeds {seeds[0]} to {seeds[-1]}"))
    never = never_met(done.met) if len(seeds) >= MUST_MEET_SEEDS else []
    if never:
        _say(f"the campaign never met: {', '.join(never)}")
        raise typer.Exit(1)


def _fail(failure: Failure, settings: SimulationSettings, replay: _Replay) -> NoReturn:
    """Say what does not hold, with the fewest faults that break it, and how to play them again."""
    _say(f"seed {failure.seed}: {failure.what}")
    plan = planned(settings, failure.seed)
    faults = [at for at in range(len(plan)) if replay.only is None or at in replay.only]
    deadline = time.monotonic() + replay.shrink_s
    faults = fewest_faults(failure, settings, faults, lambda: time.monotonic() < deadline)
    _say(f"{len(faults)} of {len(plan)} faults are left:")
    for line in fault_lines((index, plan[index]) for index in faults):
        _say(line)
    numbers = ",".join(map(str, faults))
    words = ["lastword", "simulate", *replay.words, "--only-faults", numbers]
    _say(f"replay: {shlex.join(words)}")
    raise typer.Exit(1)


def _options_given(context: typer.Context) -> Iterator[tuple[str, str]]:
    """Yield each parameter that this call gave, and the option that it is written as."""
    for parameter in context.command.params:
        name = str(parameter.name)
        source = context.get_parameter_source(name)
        if source is not None and source.name != "DEFAULT":
            yield name, max(parameter.opts, key=len)


def _given(context: typer.Context) -> list[str]:
    """Return the options of this call that make a run what it is, as they are written."""
    words: list[str] = []
    for name, option in _options_given(context):
        if name not in NOT_REPLAYED:
            words += [option, _written(name, context.params[name])]
    return words


def _written(name: str, value: Any) -> str:
    if isinstance(value, Range):
        return f"{value.low_us}us..{value.high_us}us"
    return f"{value}us" if name in options.TIMES else str(value)


def _refuse_options_of_one_run(context: typer.Context) -> None:
    for name, option in _options_given(context):
        if name not in OF_SEEDS:
            raise typer.BadParameter(
                f"{option} is of one large run; the clusters of --seeds follow from their seed"
            )


def _check_plot(plot: Path) -> None:
    """Refuse before the run what could not be drawn after it."""
    if plot.suffix not in plots.SUFFIXES:
        raise typer.BadParameter(f"--plot draws {' and '.join(plots.SUFFIXES)} only, not {plot}")
    if find_spec("matplotlib") is None:
        raise typer.BadParameter("--plot needs matplotlib: pip install 'lastword[plot]'")


@contextmanager
def _progress() -> Iterator[Progress]:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=_errors, transient=True) as progress:
        yield progress


def _say(line: str) -> None:
    _errors.print(f"lastword: {line}", style="red", markup=False, highlight=False, soft_wrap=True)
