"""How a run failed, as a value: it is reported, compared with others, and shrunk."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from lastword.simulation.cluster import Cluster, Progress
from lastword.simulation.outcome import Outcome
from lastword.simulation.settings import SimulationSettings
from lastword.simulation.shrink import shrunk
from lastword.simulation.violated import Violated


@dataclass(frozen=True, slots=True)
class Failure:
    """A run that broke a check; `check` may be an error of the code under test."""

    seed: int
    check: str
    what: str


def played(
    settings: SimulationSettings,
    seed: int,
    *,
    only: Iterable[int] | None = None,
    progress: Progress = lambda _: None,
) -> Outcome | Failure:
    """Play one run, with `only` some of its planned faults; return what came of it."""
    try:
        return Cluster(settings, seed, only=only).run(progress)
    except Violated as error:
        return Failure(seed, error.check, str(error))
    except Exception as error:  # noqa: BLE001 - whatever the code under test raises is a finding
        check = type(error).__name__
        return Failure(seed, check, f"{check}: {error}")


def fewest_faults(
    failure: Failure,
    settings: SimulationSettings,
    faults: Sequence[int],
    may_go_on: Callable[[], bool],
) -> list[int]:
    """Return a small part of `faults` that breaks the same check, tried while it `may_go_on`."""

    def fails_too(part: list[int]) -> bool:
        other = played(settings, failure.seed, only=part)
        return isinstance(other, Failure) and other.check == failure.check

    return shrunk(faults, fails_too, may_go_on=may_go_on)
