"""What was measured, as it is kept in a file of JSON: tables and plots are drawn from that alone.

Every run of every turn is kept; medians, and ratios within a turn, are made when they are read.
"""

import statistics
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec
from msgspec import Struct

from bench.load import Load


class Sample(Struct, frozen=True, omit_defaults=True):
    """One run of a generator. `elements` is the size of the set where that matters, else 0."""

    work: str
    server: str
    turn: int
    connections: int
    load: Load
    pipeline: int = 1
    elements: int = 0


class Reading(Struct, frozen=True):
    """One measured value that is not a rate."""

    what: str
    elements: int
    turn: int
    value: float
    unit: str


class Part(Struct):
    """What one work measured, where, and with which command."""

    machine: str
    command: str
    quick: bool
    took_s: float = 0.0
    samples: list[Sample] = []
    readings: list[Reading] = []


DRAWN = ("connections", "sizes")
"""The parts that are drawn, each into a file of its own."""

Key = tuple[str, str, int, int, int]


def key_of(sample: Sample) -> Key:
    """Return what samples of different turns have in common."""
    return sample.work, sample.server, sample.connections, sample.pipeline, sample.elements


class Results(Struct):
    """The parts, by the names of the works."""

    parts: dict[str, Part] = {}

    def samples(self, part: str, work: str = "", server: str = "") -> list[Sample]:
        """Return the samples of a part: of one work on one server, where these are given."""
        return [
            one
            for one in (self.parts[part].samples if part in self.parts else ())
            if work in {"", one.work} and server in {"", one.server}
        ]

    def drawn(self) -> list[str]:
        """Return the parts that have a figure, as far as they were measured."""
        return [name for name in DRAWN if self.samples(name)]

    def medians(self, part: str) -> dict[Key, Sample]:
        """Return the sample of the median rate of each kind, in the order of their coming."""
        groups: dict[Key, list[Sample]] = {}
        for sample in self.samples(part):
            groups.setdefault(key_of(sample), []).append(sample)
        return {
            key: sorted(group, key=lambda one: one.load.per_s)[len(group) // 2]
            for key, group in groups.items()
        }

    def turns(self, part: str, like: Sample) -> list[float]:
        """Return the rates of all samples of one kind, in the order of turns."""
        return [one.load.per_s for one in self.samples(part) if key_of(one) == key_of(like)]

    def ratio(
        self, part: str, over: Callable[[Sample], bool], under: Callable[[Sample], bool]
    ) -> float | None:
        """Return the median of the turns' ratios of rates, or None where there is none."""
        above, below = (_by_turn(filter(kind, self.samples(part))) for kind in (over, under))
        ratios = [above[turn] / below[turn] for turn in above.keys() & below.keys()]
        return statistics.median(ratios) if ratios else None

    def readings(self, part: str, what: str) -> list[Reading]:
        """Return the readings of one thing."""
        kept = self.parts[part].readings if part in self.parts else []
        return [reading for reading in kept if reading.what == what]


def _by_turn(samples: Iterable[Sample]) -> dict[int, float]:
    return {sample.turn: sample.load.per_s for sample in samples}


def load(path: Path) -> Results:
    """Read a file of results; there are none where there is no file."""
    if not path.exists():
        return Results()
    return msgspec.json.decode(path.read_bytes(), type=Results)


def save(results: Results, path: Path) -> None:
    """Write a file of results, in the place of the one before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = msgspec.json.format(msgspec.json.encode(results), indent=1)
    fresh = path.with_suffix(".new")
    fresh.write_bytes(data + b"\n")
    fresh.rename(path)
