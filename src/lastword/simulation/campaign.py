"""Many seeds, one after another, and what they met all together."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, fields, replace
from random import Random

from lastword.errors import LastwordError
from lastword.simulation.cluster import Cluster
from lastword.simulation.oracle import Violated
from lastword.simulation.settings import Met, SimulationSettings


def settings_of(seed: int, base: SimulationSettings) -> SimulationSettings:
    """Return the settings of one seed: 2 to 5 nodes, and faults from mild to harsh."""
    rng = Random(seed)  # noqa: S311 - repeatable on purpose
    return replace(
        base,
        nodes=rng.randint(2, 5),
        loss=rng.choice((0.0, 0.05, 0.1, 0.3)),
        duplicate=rng.choice((0.0, 0.05, 0.3)),
        skew_us=rng.choice((0, base.skew_us, 20 * base.skew_us)),
    )


def run_campaign(
    seeds: Iterable[int],
    *,
    base: SimulationSettings | None = None,
    must_meet_all: bool = True,
    progress: Callable[[int], None] = lambda _: None,
) -> Met:
    """Run every seed and return what all of them met.

    Raises Violated, naming the seed, at the first that breaks a property, and, if it
    `must_meet_all`, where a fault or a branch was never met: then it has tested nothing of it.
    """
    total = Met()
    for seed in seeds:
        cluster = Cluster(settings_of(seed, base or SimulationSettings()), seed)
        try:
            met = cluster.run()
        except (AssertionError, LastwordError) as error:
            raise Violated(f"seed {seed}: {error}; replay: {replay_command(seed)}") from error
        for name, value in asdict(met).items():
            setattr(total, name, getattr(total, name) + value)
        progress(seed)
    never = [at.name for at in fields(total) if getattr(total, at.name) == 0]
    if never and must_meet_all:
        raise Violated(f"the campaign never met: {', '.join(never)}")
    return total


def replay_command(seed: int) -> str:
    """Return the command that plays one seed again."""
    return f"lastword simulate --first-seed {seed} --seeds 1"
