"""What replication costs a node as a cluster grows, from 10 to 1,000 nodes, on virtual time.

    python -m bench.scaling [--sizes 10,30,100,300,1000] [--figure FILE]

A formed cluster takes two writes a node, spread over 20 s, without faults. How long the slowest of
them takes to be everywhere should grow with the logarithm of the nodes, since each tells news on;
messages per node and round should stay flat. It prints a Markdown table and draws the two.
"""

import argparse
import gc
import time
from collections.abc import Sequence
from math import log2
from pathlib import Path
from typing import NamedTuple

from matplotlib.figure import Figure

from lastword.simulation.cluster import Cluster
from lastword.simulation.outcome import Outcome
from lastword.simulation.settings import SECOND_US, SimulationSettings

SIZES = "10,30,100,300,1000"
SEED = 7
FIGURE = Path(__file__).parent.parent / "docs" / "figures" / "scaling.svg"
HEAD = """\
| nodes | rounds until everywhere: p50 | p99 | max | messages per node and round | bytes | \
entries sent per needed one | real time, s |
| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"""


class Point(NamedTuple):
    """The figures of one size. Rounds are virtual time over the interval."""

    nodes: int
    p50: float
    p99: float
    slowest: float
    messages: float
    sent_bytes: float
    sent_per_needed: float
    real_s: float

    @classmethod
    def of(cls, outcome: Outcome, real_s: float) -> "Point":
        """Return the figures of a run."""
        settings = outcome.settings
        node_rounds = settings.nodes * outcome.end_us / settings.interval_us
        return cls(
            settings.nodes,
            outcome.delay_us(0.5) / settings.interval_us,
            outcome.delay_us(0.99) / settings.interval_us,
            outcome.delay_us(1.0) / settings.interval_us,
            outcome.met["messages"] / node_rounds,
            outcome.bytes_sent / node_rounds,
            outcome.sent_per_needed,
            real_s,
        )

    def row(self) -> str:
        """Return its row of the table."""
        rounds = f"{self.p50:.1f} | {self.p99:.1f} | {self.slowest:.1f}"
        sent = f"{self.messages:.1f} | {self.sent_bytes:,.0f} | {self.sent_per_needed:.2f}"
        return f"| {self.nodes:,} | {rounds} | {sent} | {self.real_s:.0f} |"


def main() -> None:
    """Play every size; print the table and draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default=SIZES, help="numbers of nodes")
    parser.add_argument("--figure", type=Path, default=FIGURE, help="the SVG to draw")
    given = parser.parse_args()
    print(HEAD)
    points = []
    for nodes in map(int, given.sizes.split(",")):
        points.append(measured(nodes))
        print(points[-1].row(), flush=True)
    given.figure.parent.mkdir(parents=True, exist_ok=True)
    draw(points, given.figure)


def measured(nodes: int) -> Point:
    """Play one size."""
    settings = SimulationSettings(
        nodes=nodes,
        writes=2 * nodes,
        burst_writes=1,
        duration_us=20 * SECOND_US,
        delay_us=(1_000, 50_000),
    )
    gc.collect()
    gc.set_threshold(200_000, 20, 50)
    began = time.monotonic()
    outcome = Cluster(settings, SEED).run()
    return Point.of(outcome, time.monotonic() - began)


def draw(points: Sequence[Point], path: Path) -> None:
    """Draw rounds and messages over the number of nodes."""
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    nodes = [point.nodes for point in points]
    left.plot(nodes, [point.slowest for point in points], "o-", label="slowest write")
    left.plot(nodes, [point.p50 for point in points], "s-", label="half of the writes")
    left.plot(nodes, [log2(count) for count in nodes], ":", color="grey", label="log2(nodes)")
    left.set_ylabel("rounds until everywhere")
    right.plot(nodes, [point.messages for point in points], "o-")
    right.set_ylabel("messages per node and round")
    for axes in (left, right):
        axes.set_xscale("log")
        axes.set_xticks(nodes, [f"{count:,}" for count in nodes])
        axes.minorticks_off()
        axes.set_xlabel("nodes")
        axes.set_ylim(bottom=0)
        axes.spines[["top", "right"]].set_visible(False)
    left.legend(frameon=False)
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    main()
