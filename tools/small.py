"""Every history of the smallest clusters, up to a number of steps; see simulation/exhaustive.py.

`python -m tools.small` prints how many states that was, and the shortest history that breaks a
check, if one does.
"""

import argparse
import sys
from collections.abc import Sequence

from lastword.simulation.exhaustive import Bounds, search

CLUSTERS = (
    Bounds(2, 4),
    Bounds(2, 3, settles=True),
    Bounds(3, 3),
)
"""What `make sim` tries: more steps where each state is only checked, fewer where it settles."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Try all; return 1 where a check does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--more", type=int, default=0, help="further steps of each history")
    given = parser.parse_args(arguments)
    for bounds in CLUSTERS:
        steps = bounds.steps + given.more
        longer = Bounds(bounds.nodes, steps, settles=bounds.settles)
        found = search(longer)
        how = "each settled, " if bounds.settles else ""
        print(
            f"{bounds.nodes} nodes, {steps} steps: {found.states} states, {how}{found.steps} tried"
        )
        if found.violated is not None:
            print(f"{found.violated}\nafter: {'; '.join(found.history)}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
