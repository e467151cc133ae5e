"""A round: faults that overlap, their healing, and how long the nodes then take to agree.

While it lasts everybody writes; from the healing on nobody does, so that nodes that hold the same
are nodes that have converged.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from tools.chaos.faults import MAKERS, Fault
from tools.chaos.load import Load
from tools.chaos.verdict import idle
from tools.cluster import Cluster
from tools.waiting import until

CONVERGENCE_S: Final = 60.0
"""How long nodes may take to agree. They take a few seconds; a machine under load takes longer."""

SIZES: Final = (1, 1, 4, 5)
"""Of rounds. A fault that is alone says what it does itself; those that overlap find more."""

SPREAD_S: Final = 2.0
"""Between the first and the last beginning in a round, at most."""

MAKE_TRIES: Final = 100


@dataclass(frozen=True, slots=True)
class Planned:
    """A fault that is to come, that long after its round began."""

    kind: str
    fault: Fault
    starts_s: float
    lasts_s: float


@dataclass(frozen=True, slots=True)
class Seen:
    """A fault that was: when, counted from the start of the run, and the writes taken in it.

    `idle` are the nodes that took none although nothing was done to their process.
    """

    kind: str
    detail: str
    began_s: float
    ended_s: float
    writes: int
    idle: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Round:
    """Faults in the order of their ends, and what came then.

    `apart` is how many different states there were among the nodes when the writing had stopped,
    just after the healing; `converged_s` how long they then took to agree, None is too long.
    """

    faults: tuple[Seen, ...]
    apart: int
    converged_s: float | None


def plan(names: Sequence[str], rng: Random, kinds: Sequence[str]) -> list[Planned]:
    """Return the faults of a round; no two of one group."""
    size = rng.choice(SIZES)
    planned: dict[str, Planned] = {}
    for _ in range(MAKE_TRIES):
        kind = rng.choice(kinds)
        fault = MAKERS[kind](names, rng)
        starts_s = rng.uniform(0, SPREAD_S) if planned else 0.0
        planned.setdefault(
            fault.group, Planned(kind, fault, starts_s, rng.uniform(*fault.lasts_s))
        )
        if len(planned) == size:
            break
    return list(planned.values())


async def play(
    cluster: Cluster, load: Load, planned: Sequence[Planned], *, began_s: float
) -> Round:
    """Let the faults come and go under load, and wait for agreement.

    `began_s` is when the run began.
    """
    away = frozenset[str]().union(*(one.fault.away for one in planned))
    load.begin()
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(_endure(cluster, load, one, away, began_s)) for one in planned
            ]
        healed_s = time.monotonic()
    finally:
        await load.pause()
    apart = len({*(await cluster.digests()).values()})
    agreed = await until(cluster.agrees, CONVERGENCE_S)
    took_s = time.monotonic() - healed_s
    seen = sorted((task.result() for task in tasks), key=lambda one: one.ended_s)
    return Round(tuple(seen), apart, took_s if agreed else None)


async def _endure(
    cluster: Cluster, load: Load, planned: Planned, away: frozenset[str], began_s: float
) -> Seen:
    """Let one fault come and go; it goes whatever happens to the others."""
    await asyncio.sleep(planned.starts_s)
    fault_began_s = time.monotonic()
    try:
        await planned.fault.begin(cluster)
        before = load.counts()
        await asyncio.sleep(planned.lasts_s)
        counts = {name: count - before[name] for name, count in load.counts().items()}
    finally:
        await planned.fault.end(cluster)
    return Seen(
        planned.kind,
        planned.fault.detail,
        fault_began_s - began_s,
        time.monotonic() - began_s,
        sum(counts.values()),
        tuple(idle(counts, away)),
    )
