"""What `lastword simulate` shows: the figures of a run, what a campaign met, how a seed failed."""

from collections import Counter
from collections.abc import Iterable

from rich.table import Table

from lastword.simulation.campaign import MUST_MEET
from lastword.simulation.durations import shown
from lastword.simulation.faults import Fault
from lastword.simulation.outcome import Outcome

FAULTS_SHOWN_MAX = 20
"""A failure names so many faults at most; the command that replays it names all."""


def run_table(outcome: Outcome, seed: int, real_s: float) -> Table:
    """Return the figures of one run."""
    settings, met = outcome.settings, outcome.met
    nodes, rounds = settings.nodes, max(1, met["rounds"])
    after = outcome.after_calm_us
    rows = {
        "writes acknowledged": f"{met['writes']:,}",
        "all of them everywhere": f"at {shown(outcome.complete_us)}",
        "after the last write and fault": (
            f"{shown(after)}, {after / settings.interval_us:.1f} rounds"
        ),
        "vectors equal too": f"at {shown(outcome.end_us)}",
        "visible elsewhere after, p50": shown(outcome.delay_us(0.5)),
        "p99": shown(outcome.delay_us(0.99)),
        "max": shown(outcome.delay_us(1.0)),
        "messages per node": f"{met['messages'] / nodes:,.0f}",
        "per node and round": f"{met['messages'] / rounds:,.1f}",
        "bytes per node": f"{outcome.bytes_sent / nodes:,.0f}",
        "bytes per node and round": f"{outcome.bytes_sent / rounds:,.0f}",
        "entries sent": f"{met['entries_sent']:,}",
        "per needed one": f"{outcome.sent_per_needed:.2f}",
        "faults": _faults(met),
        "real time": f"{real_s:.1f} s",
        "trace hash": outcome.trace_hash,
    }
    title = f"seed {seed}: {nodes} nodes, {met['writes']:,} writes"
    table = Table("figure", "value", title=title)
    for name, value in rows.items():
        table.add_row(name, value)
    return table


def _faults(met: Counter[str]) -> str:
    names = (
        "lost",
        "duplicated",
        "cut",
        "crashes",
        "disks wiped",
        "disks rolled back",
        "disks rotten",
    )
    return ", ".join(f"{met[name]:,} {name}" for name in names if met[name]) or "none"


def campaign_table(met: Counter[str], title: str) -> Table:
    """Return how often a campaign met what it must meet."""
    table = Table("met", "times", title=title)
    for name in MUST_MEET:
        table.add_row(name.replace("_", " "), f"{met[name]:,}")
    return table


def fault_lines(faults: Iterable[tuple[int, Fault]]) -> list[str]:
    """Return a line for each fault, its number first."""
    lines = [f"  {index}: {fault}" for index, fault in faults]
    more = len(lines) - FAULTS_SHOWN_MAX
    return lines if more <= 0 else [*lines[:FAULTS_SHOWN_MAX], f"  and {more} more"]
