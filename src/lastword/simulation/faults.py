"""What is done to a cluster: writes, cuts, crashes, and who comes and goes (turnover.py).

All is planned up front, as values.

A run follows from its settings, its seed and this list; so it can be played again with a part of
the list, and what the other parts do stays the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from lastword.simulation.chance import Chance
from lastword.simulation.durations import shown
from lastword.simulation.settings import SECOND_US, SimulationSettings
from lastword.simulation.turnover import Join, Leave, Vanish, turnover

CRASH_WRITES = 40
"""Written shortly before every second crash, to the node or to another, so that walks go on."""


PART_US = 30 * SECOND_US
"""When the first cut may begin that outlasts the lapse: the cluster has formed by then."""

PULLING_DOWN_US = (1_000, 10_000)
"""How long a node is down that crashed while it pulled: less than most messages take."""


class Disk(Enum):
    """What a crash does to the disk. What was not flushed is lost in any case."""

    KEPT = "kept"
    WIPED = "wiped"
    ROLLED_BACK = "rolled back"
    ROTTEN = "without a third of its rows"
    RAISED = "with stamps that nobody gave"


@dataclass(frozen=True, slots=True)
class Burst:
    """Writes to one node, all at once. `first` numbers them through the whole plan."""

    at_us: int
    node: int
    first: int
    writes: int

    def __str__(self) -> str:
        """Say what it is, and when."""
        return f"at {shown(self.at_us)}: {self.writes} writes to node {self.node}"


@dataclass(frozen=True, slots=True)
class Cut:
    """For a while nothing passes from `side` to the others; nor back, unless it is `one_way`.

    Where it `parts` them, people on each side take the other side's nodes for lost.
    """

    at_us: int
    length_us: int
    side: frozenset[int]
    one_way: bool = False
    parts: bool = False

    @property
    def end_us(self) -> int:
        """When messages pass again."""
        return self.at_us + self.length_us

    def stops(self, source: int, target: int) -> bool:
        """Return whether it stops messages from `source` to `target`."""
        inside = source in self.side
        return inside != (target in self.side) and (inside or not self.one_way)

    def __str__(self) -> str:
        """Say what it is, and when."""
        ways = "one way" if self.one_way else "both ways"
        parted = ", both sides taken out by the other" if self.parts else ""
        nodes = ", ".join(map(str, sorted(self.side)[:8])) + ("..." if len(self.side) > 8 else "")
        span = f"for {shown(self.length_us)}{parted}"
        return f"at {shown(self.at_us)}: node {nodes} cut off {ways} {span}"


@dataclass(frozen=True, slots=True)
class Crash:
    """A node stops, loses what was not flushed, and starts again `down_us` later.

    If its disk is rolled back, it starts on the copy that was made `backup_us` before. If it is
    `while_pulling`, it stops a little later: when it has answered another node with a pull, so
    that the page is under way to it, and is up again before that arrives.
    """

    at_us: int
    node: int
    down_us: int
    disk: Disk
    backup_us: int
    while_pulling: bool = False

    @property
    def end_us(self) -> int:
        """When the node starts again, if it stops at once."""
        return self.at_us + self.down_us

    def __str__(self) -> str:
        """Say what it is, and when."""
        text = f"at {shown(self.at_us)}: node {self.node} down for {shown(self.down_us)}, "
        text += f"its disk {self.disk.value}"
        if self.while_pulling:
            text += ", as soon as it pulls,"
        if self.disk is Disk.ROLLED_BACK:
            text += f" to {shown(self.backup_us)} before"
        return text


@dataclass(frozen=True, slots=True)
class Step:
    """A node's clock steps by `by_us`, and back again `length_us` later."""

    at_us: int
    node: int
    by_us: int
    length_us: int

    @property
    def end_us(self) -> int:
        """When the clock is as before."""
        return self.at_us + self.length_us

    def __str__(self) -> str:
        """Say what it is, and when."""
        by = f"{'-' if self.by_us < 0 else '+'}{shown(abs(self.by_us))}"
        return (
            f"at {shown(self.at_us)}: clock of node {self.node} {by} for {shown(self.length_us)}"
        )


Fault = Burst | Cut | Crash | Step | Join | Leave | Vanish


def planned(settings: SimulationSettings, seed: int) -> tuple[Fault, ...]:
    """Return all that will be done in a run, in order of time. A fault is named by its index."""
    crashes = list(_crashes(settings, Chance(seed, "crashes")))
    faults: list[Fault] = [*crashes, *_cuts(settings, Chance(seed, "cuts"))]
    faults += _steps(settings, Chance(seed, "steps"))
    faults += _partings(settings, Chance(seed, "apart"))
    faults += turnover(settings, Chance(seed, "turnover"))
    faults += _bursts(settings, crashes, Chance(seed, "bursts"))
    return tuple(sorted(faults, key=lambda fault: fault.at_us))


def _bursts(settings: SimulationSettings, crashes: list[Crash], rng: Chance) -> Iterator[Burst]:
    """Spread the writes; a half of the crashes, if there is load for them, get some of it."""
    spread_us = settings.duration_us
    places = [(rng.below(spread_us), rng.below(settings.nodes)) for _ in range(_count(settings))]
    if settings.old_times:  # a cluster under test, not under measurement
        before = [crash for crash in crashes if rng.random() < 0.5]
        width = CRASH_WRITES // settings.burst_writes
        for place, crash in zip(range(0, len(places), width), before, strict=False):
            early_us = crash.backup_us if crash.disk is Disk.ROLLED_BACK else 4 * SECOND_US
            at_us = max(0, crash.at_us - rng.below(early_us))
            node = rng.choice((crash.node, rng.below(settings.nodes)))
            end = min(place + width, len(places))
            places[place:end] = [(at_us, node)] * (end - place)
    first = 0
    for at_us, node in places:
        writes = min(settings.burst_writes, settings.writes - first)
        yield Burst(at_us, node, first, writes)
        first += writes


def _count(settings: SimulationSettings) -> int:
    return -(-settings.writes // settings.burst_writes)


def _crashes(settings: SimulationSettings, rng: Chance) -> Iterator[Crash]:
    for node in range(settings.nodes):
        times = int(settings.crash) + (rng.random() < settings.crash % 1)
        for _ in range(times):
            while_pulling = rng.random() < settings.while_pulling
            downs = PULLING_DOWN_US if while_pulling else rng.choice(settings.down_us)
            yield Crash(
                at_us=rng.below(settings.duration_us),
                node=node,
                down_us=rng.between(downs),
                disk=_disk(settings, rng.random()),
                backup_us=rng.between(rng.choice(settings.backup_us)),
                while_pulling=while_pulling,
            )


def _disk(settings: SimulationSettings, luck: float) -> Disk:
    if luck < settings.wipe:
        return Disk.WIPED
    if luck < settings.wipe + settings.roll_back:
        return Disk.ROLLED_BACK
    if luck < settings.wipe + settings.roll_back + settings.rot:
        return Disk.ROTTEN
    is_raised = luck < settings.wipe + settings.roll_back + settings.rot + settings.raised
    return Disk.RAISED if is_raised else Disk.KEPT


def _steps(settings: SimulationSettings, rng: Chance) -> Iterator[Step]:
    for _ in range(settings.steps):
        yield Step(
            at_us=rng.below(settings.duration_us),
            node=rng.below(settings.nodes),
            by_us=rng.choice(settings.step_us),
            length_us=rng.between(settings.step_length_us),
        )


def _cuts(settings: SimulationSettings, rng: Chance) -> Iterator[Cut]:
    if settings.nodes < 2:
        return
    for _ in range(settings.cuts):
        side = rng.sample(range(settings.nodes), 1 + rng.below(settings.nodes - 1))
        yield Cut(
            at_us=rng.below(max(1, settings.duration_us - settings.cut_us[0])),
            length_us=rng.between(settings.cut_us),
            side=frozenset(side),
            one_way=rng.random() < settings.one_way,
        )


def _partings(settings: SimulationSettings, rng: Chance) -> Iterator[Cut]:
    """Cuts that outlast the lapse: of two halves, or of one node from all others."""
    if settings.nodes < 2:
        return
    for _ in range(settings.apart):
        size = rng.choice((1, settings.nodes // 2, settings.nodes // 2))
        length_us = settings.lapse_us * 2 + rng.between(settings.cut_us)
        yield Cut(
            at_us=PART_US + rng.below(max(1, settings.duration_us - length_us - PART_US)),
            length_us=length_us,
            side=frozenset(rng.sample(range(settings.nodes), size)),
            parts=True,
        )
