"""The judgement of the play: nothing is lost, and the cut was one."""

from collections import Counter
from collections.abc import Iterable
from typing import Final

from tools.verdict import States, Write, bounded, differing, missing

PHASES: Final = ("before", "during", "after")
"""Of the cut."""


def problems(states: States, writes: Iterable[Write]) -> list[str]:
    """Return all that is wrong, in sentences; nothing if all is well."""
    writes = list(writes)
    return [*unexamined(writes), *bounded(missing(states, writes)), *bounded(differing(states))]


def unexamined(writes: Iterable[Write]) -> list[str]:
    """Return from which phase no write of a writer's own was noted: it would prove nothing."""
    counts = Counter(write.phase for write in writes if write.own)
    return [f"no write from {phase} the cut was examined" for phase in PHASES if not counts[phase]]


def undivided(states: States, writes: Iterable[Write]) -> list[str]:
    """Return whether, at the end of the cut, more than half of what was written in it had crossed.

    All that crosses is the few writes whose frames were under way when the cut came.
    """
    written = [(w.set_name, w.element) for w in writes if w.own and w.phase == PHASES[1]]
    crossed = sum(
        all(element in sets.get(set_name, {}) for sets in states.values())
        for set_name, element in written
    )
    if 2 * crossed <= len(written):
        return []
    return [f"{crossed} of {len(written)} writes crossed the cut, so it was none"]
