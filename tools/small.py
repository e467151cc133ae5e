"""Every history of the smallest clusters, up to a number of steps; see simulation/exhaustive.py.

`python -m tools.small` prints how many states that was, and the shortest history that breaks a
check, if one does.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import replace

from lastword.simulation.exhaustive import Bounds, search

BEHIND = (
    *("add 0 x", "exchange 1 0", "save 1", "remove 0 x", "exchange 1 0", "exchange 0 1"),
    *("collect 0", "restore 1"),
)
"""A removal was collected, and a node holds the element, since its disk was put back."""

CLUSTERS = (
    Bounds(2, 4),
    Bounds(2, 3, settles=True),
    Bounds(3, 3),
    Bounds(2, 3, elements=("x", "y")),
    Bounds(2, 2, elements=("x", "y"), begin=BEHIND, settles=True),
)
"""What `make sim` tries: more steps where each state is only checked, fewer where it settles."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Try all; return 1 where a check does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--more", type=int, default=0, help="further steps of each history")
    given = parser.parse_args(arguments)
    for bounds in CLUSTERS:
        steps = bounds.steps + given.more
        began = time.process_time()
        found = search(replace(bounds, steps=steps))
        how = "each settled, " if bounds.settles else ""
        after = f" after {len(bounds.begin)} given ones" if bounds.begin else ""
        print(
            f"{bounds.nodes} nodes, {len(bounds.elements)} elements, {steps} steps{after}: "
            f"{found.states} states, {how}{found.steps} tried, {time.process_time() - began:.0f} s"
        )
        if found.violated is not None:
            print(f"{found.violated}\nafter: {'; '.join(found.history)}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
