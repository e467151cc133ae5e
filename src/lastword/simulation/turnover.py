"""Who comes and goes while a cluster runs: nodes that join, leave, vanish; planned, as values."""

from collections.abc import Iterator
from dataclasses import dataclass

from lastword.simulation.chance import Chance
from lastword.simulation.durations import shown
from lastword.simulation.settings import SECOND_US, SimulationSettings

JOIN_US = (20 * SECOND_US, 110 * SECOND_US)
"""When a node joins: others have collected by then, and have still to collect more."""

STAYING_NODES = 2
"""So many nodes never vanish: what is compared in the end is what several hold."""


@dataclass(frozen=True, slots=True)
class Join:
    """A node starts for the first time, on an empty disk, while the others run already."""

    at_us: int
    node: int

    @property
    def end_us(self) -> int:
        """When it is there."""
        return self.at_us

    def __str__(self) -> str:
        """Say what it is, and when."""
        return f"at {shown(self.at_us)}: node {self.node} joins"


@dataclass(frozen=True, slots=True)
class Leave:
    """A node leaves as planned, stops when it has, and starts again `away_us` after it began."""

    at_us: int
    node: int
    away_us: int

    @property
    def end_us(self) -> int:
        """When it is back."""
        return self.at_us + self.away_us

    def __str__(self) -> str:
        """Say what it is, and when."""
        return f"at {shown(self.at_us)}: node {self.node} leaves for {shown(self.away_us)}"


@dataclass(frozen=True, slots=True)
class Vanish:
    """A node stops for ever, and nobody is told."""

    at_us: int
    node: int

    @property
    def end_us(self) -> int:
        """When it is gone."""
        return self.at_us

    def __str__(self) -> str:
        """Say what it is, and when."""
        return f"at {shown(self.at_us)}: node {self.node} vanishes"


def turnover(settings: SimulationSettings, rng: Chance) -> Iterator[Join | Leave | Vanish]:
    """Return who comes and goes.

    The last ones join, since the others are told of one before them: a cluster that waits for a
    contact that was never there collects nothing before.
    """
    may_join = True
    for node in range(settings.nodes - 1, 0, -1):
        joins, leaves, vanishes = rng.random(), rng.random(), rng.random()
        may_join = may_join and joins < settings.join
        join_us, leave_us, vanish_us = rng.between(JOIN_US), rng.random(), rng.random()
        away_us = rng.between(rng.choice(settings.down_us[-2:]))
        left_us = settings.duration_us - join_us
        if may_join:
            yield Join(join_us, node)
        if leaves < settings.leave:
            yield Leave(join_us + int(leave_us * left_us), node, away_us)
        if vanishes < settings.vanish and node >= STAYING_NODES:
            yield Vanish(join_us + int(vanish_us * left_us), node)
