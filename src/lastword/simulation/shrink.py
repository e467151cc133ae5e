"""The fewest faults with which a run still fails.

Source: Zeller, Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", IEEE TSE 2002:
ddmin.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

Faults = list[int]


def shrunk(
    faults: Sequence[int],
    fails: Callable[[Faults], bool],
    *,
    may_go_on: Callable[[], bool] = lambda: True,
) -> Faults:
    """Return a part of `faults` that still `fails`, and of which no single one can be left out.

    Where it `may_go_on` no more, it returns the smallest part that was found until then.
    """
    left, parts = list(faults), 2
    if left and may_go_on() and fails([]):
        return []
    while len(left) > 1 and may_go_on():
        smaller = _smaller(left, min(parts, len(left)), fails, may_go_on)
        if smaller is not None:
            left, parts = smaller, max(parts - 1, 2)
        elif parts >= len(left):
            break
        else:
            parts *= 2
    return left


def _smaller(
    faults: Faults,
    parts: int,
    fails: Callable[[Faults], bool],
    may_go_on: Callable[[], bool],
) -> Faults | None:
    """Return one of `parts` parts, or all but one, if one of them still fails."""
    bounds = list(pairwise(len(faults) * part // parts for part in range(parts + 1)))
    chunks = [faults[low:high] for low, high in bounds]
    rests = [faults[:low] + faults[high:] for low, high in bounds]
    for tried in chunks + (rests if parts > 2 else []):
        if not may_go_on():
            return None
        if fails(tried):
            return tried
    return None
