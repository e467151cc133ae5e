"""Many small clusters, one seed after another, on every core, and what they met all together."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context

from lastword.simulation.chance import Chance
from lastword.simulation.failure import Failure, played
from lastword.simulation.protocol import BRANCHES
from lastword.simulation.settings import SECOND_US, SimulationSettings

CAMPAIGN = SimulationSettings(
    sets=3,
    elements=40,
    writes=400,
    removes=0.4,
    old_times=0.3,
    duration_us=160 * SECOND_US,
    full_interval_us=45 * SECOND_US,
    page_rows=5,
    bucketed_entries=8,
    small_vector_entries=4,
    flush_us=(100, 20_000),
    down_us=(
        (1_000, SECOND_US // 10),
        (SECOND_US, 20 * SECOND_US),
        (80 * SECOND_US, 120 * SECOND_US),
    ),
    crash=1.6,
    wipe=0.1,
    roll_back=0.3,
    while_pulling=0.3,
    backup_us=((100_000, 1_500_000), (SECOND_US, 30 * SECOND_US)),
    cuts=4,
    cut_us=(5 * SECOND_US, 60 * SECOND_US),
    one_way=0.3,
    steps=3,
    join=0.4,
    leave=0.2,
    vanish=0.15,
    is_formed=False,
)
"""What every small cluster has in common: few elements, so that writes meet; pages of few rows,
so that walks have many; buckets in small sets and hashes of small vectors, as if they were
large; clients with old times; disks that are lost or come from a backup; starts
so soon after a crash that messages to the node before it arrive, and others long after it."""

COLLECTING = ((0, 0), (0, 0), (5 * SECOND_US, 10 * SECOND_US), (2 * SECOND_US, 3 * SECOND_US))
"""Grace, and the interval of collection. Half of the clusters collect, soon enough that disks that
are put back are older than that."""

LAPSES = (0, 25 * SECOND_US)
"""The lapse. In half of those that collect it is shorter than many crashes and cuts are long."""

MUST_MEET = (
    "writes",
    "messages",
    "lost",
    "duplicated",
    "delayed",
    "late",
    "cut",
    "cuts both ways",
    "cuts one way",
    "crashes",
    "clocks stepped",
    "refused for its clock",
    "unflushed lost",
    "disks wiped",
    "disks rolled back",
    "disks rotten",
    "disks raised",
    "refused as damaged",
    "walks broken off",
    "crashes while pulling",
    "ghosts remove",
    "ghosts readd",
    "joins",
    "leaves",
    "leaves done",
    "vanished",
    "halves taken for lost",
    "one taken for lost",
    "taken out by hand",
    "rejoined by hand",
    *BRANCHES,
)
"""What a campaign must have met: without it, it has tested nothing of it."""

MUST_MEET_SEEDS = 40
"""From so many seeds on, what was never met was missed for a reason."""

CHUNK_SEEDS = 10
"""Seeds that a process takes at once."""


@dataclass(frozen=True, slots=True)
class Played:
    """What some seeds met, up to the first that failed."""

    seeds: int
    met: Counter[str]
    failure: Failure | None = None


def settings_of(seed: int, base: SimulationSettings = CAMPAIGN) -> SimulationSettings:
    """Return the settings of one seed: 2 to 7 nodes, and faults from mild to harsh."""
    rng = Chance(seed, "settings")
    collecting = Chance(seed, "collecting").choice(COLLECTING)
    lapse_us = Chance(seed, "lapse").choice(LAPSES) if all(collecting) else 0
    return replace(
        base,
        nodes=2 + rng.below(6),
        loss=rng.choice((0.0, 0.05, 0.1, 0.3)),
        duplicate=rng.choice((0.0, 0.05, 0.2, 0.5)),
        late=rng.choice((0.0, 0.02, 0.1)),
        delay_us=rng.choice(((1_000, 100_000), (1_000, 400_000), (1_000, 800_000))),
        skew_us=rng.choice((0, SECOND_US // 2, 10 * SECOND_US, 60 * SECOND_US)),
        rot=rng.choice((0.0, 0.0, 0.0, 0.0, 0.4)),  # rows that were lost excuse a lot
        raised=Chance(seed, "raised").choice((0.0, 0.0, 0.0, 0.2)),
        grace_us=collecting[0],
        collect_interval_us=collecting[1],
        lapse_us=lapse_us,
        apart=1 if lapse_us else 0,
    )


def play_seeds(
    seeds: Iterable[int],
    base: SimulationSettings = CAMPAIGN,
    only: frozenset[int] | None = None,
) -> Played:
    """Play seeds one after another, up to the first that fails; `only` names faults to keep."""
    total: Counter[str] = Counter()
    count = 0
    for seed in seeds:
        outcome = played(settings_of(seed, base), seed, only=only)
        count += 1
        if isinstance(outcome, Failure):
            return Played(count, total, outcome)
        total += outcome.met
    return Played(count, total)


def run_campaign(
    seeds: Sequence[int],
    *,
    jobs: int = 1,
    base: SimulationSettings = CAMPAIGN,
    only: frozenset[int] | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Played:
    """Play all seeds on `jobs` processes; the result does not depend on how many they are.

    `progress` is told how many more seeds are done. It ends at the first seed that fails.
    """
    total: Counter[str] = Counter()
    count = 0
    for part in _parts(seeds, jobs, partial(play_seeds, base=base, only=only)):
        total += part.met
        count += part.seeds
        progress(part.seeds)
        if part.failure is not None:
            return Played(count, total, part.failure)
    return Played(count, total)


def never_met(met: Counter[str]) -> list[str]:
    """Return what a campaign must meet and did not."""
    return [name for name in MUST_MEET if not met[name]]


def _parts(
    seeds: Sequence[int], jobs: int, play: Callable[[Sequence[int]], Played]
) -> Iterator[Played]:
    chunks = [seeds[first : first + CHUNK_SEEDS] for first in range(0, len(seeds), CHUNK_SEEDS)]
    if jobs < 2 or len(chunks) < 2:
        yield from map(play, chunks)
        return
    pool = ProcessPoolExecutor(min(jobs, len(chunks)), mp_context=get_context("spawn"))
    try:
        yield from pool.map(play, chunks)
    finally:
        pool.shutdown(cancel_futures=True)
