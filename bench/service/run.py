"""What the works share: files of sets, new elements, one turn after another, and what is kept."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.harness import NodeUnderTest, Server, node
from bench.load import Load
from bench.service.results import Part, Reading, Sample
from bench.stores import copy, digits, fill, opened
from lastword.store.sqlite.schema import FORMAT_VERSION

SET = "bench"
TURNS = 3
"""The set that is measured, in files and in redis-server."""

TURNS = 3


@dataclass
class Run:
    """One run of one work. Files that are made are kept in `folder`, work is done in `scratch`."""

    folder: Path
    scratch: Path
    part: Part
    seconds: float
    quick: bool
    large: bool
    _prefixes: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _names: Iterator[int] = field(default_factory=itertools.count)

    def turns(self) -> range:
        """Return the numbers of the turns: everything is measured once in each."""
        return range(1 if self.quick else TURNS)

    def sizes(self, small: int, default: int, large: int) -> int:
        """Choose the size of a set by how much time there is."""
        return small if self.quick else large if self.large else default

    def fresh_prefix(self) -> str:
        """Return 8 digits that begin no element yet: those of files begin with zeros."""
        return f"{next(self._prefixes):08}"

    def file(self, elements: int) -> Path:
        """Return a new copy of a file whose set SET has so many elements, made at first use."""
        kept = self.folder / f"{elements}.v{FORMAT_VERSION}.db"
        if not kept.exists():
            made = self.scratch / "made.db"
            with opened(made) as store:
                fill(store, SET.encode(), elements, digits)
            made.rename(kept)
        return copy(kept, self.scratch / f"{next(self._names)}.db")

    @contextmanager
    def node(self, elements: int, *options: str) -> Iterator[NodeUnderTest]:
        """Run a node on a new copy of a file of so many elements; remove that at the end.

        It goes by the name of its command with the options.
        """
        path = self.file(elements)
        try:
            with node(path, "--redis-port", "0", *options) as target:
                yield replace(target, name=" ".join((target.name, *options)))
        finally:
            for left in path.parent.glob(f"{path.name}*"):
                left.unlink()

    def keep(
        self,
        work: str,
        server: Server,
        turn: int,
        connections: int,
        load: Load,
        *,
        pipeline: int = 1,
        elements: int = 0,
    ) -> None:
        """Keep what one run came to, and print it."""
        sample = Sample(work, server.name, turn, connections, load, pipeline, elements)
        self.part.samples.append(sample)
        print(
            f"  turn {turn + 1}: {work}, {sample.server}, {connections} connections, pipeline "
            f"{pipeline}, {elements:,} elements: {load.per_s:,.0f}/s, p50 {load.p50_ms:.2f} ms, "
            f"p99 {load.p99_ms:.2f} ms, server {load.server_us:.1f} us, generator "
            f"{load.generator_us:.1f} us",
            flush=True,
        )

    def note(self, what: str, elements: int, turn: int, value: float, unit: str) -> None:
        """Keep a value that is not a rate, and print it."""
        self.part.readings.append(Reading(what, elements, turn, value, unit))
        print(f"  turn {turn + 1}: {what}, {elements:,} elements: {value:.2f} {unit}", flush=True)
