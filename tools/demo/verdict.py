"""The judgement, from nothing but what nodes hold and what was acknowledged."""

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import chain, islice
from typing import Final, NamedTuple

from lastword.client.text import shown_element
from lastword.monkeys.shown import shown_stamp

States = Mapping[str, Mapping[str, Mapping[bytes, int]]]
"""Node -> set -> element -> stamp."""

PHASES: Final = ("before", "during", "after")
"""Of the cut."""

SHOWN_MAX: Final = 5
"""Of each kind of difference: where to begin to look; the files hold the rest."""


class Write(NamedTuple):
    """A write that was acknowledged with the time in `stamp`.

    `own` says that nobody else writes that element, so that the stamp must be there as it is.
    """

    set_name: str
    element: bytes
    stamp: int
    phase: str
    own: bool


def problems(states: States, writes: Iterable[Write]) -> list[str]:
    """Return all that is wrong, in sentences; nothing if all is well."""
    writes = list(writes)
    return [*unexamined(writes), *_bounded(missing(states, writes)), *_bounded(differing(states))]


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


def missing(states: States, writes: Iterable[Write]) -> list[str]:
    """Return which node lacks which acknowledged write."""
    found = []
    for write in writes:
        for node, sets in states.items():
            held = sets.get(write.set_name, {}).get(write.element)
            if held is None or held < write.stamp or (write.own and held != write.stamp):
                found.append(
                    f"{node} lacks {_named(write.set_name, write.element)}, acknowledged as "
                    f"{shown_stamp(write.stamp)}; it holds {shown_stamp(held)}"
                )
    return found


def differing(states: States) -> list[str]:
    """Return which elements the nodes do not agree about."""
    names = sorted({*chain.from_iterable(states.values())})
    return list(chain.from_iterable(_differing_in(states, name) for name in names))


def _differing_in(states: States, set_name: str) -> list[str]:
    held = {node: sets.get(set_name, {}) for node, sets in states.items()}
    elements = sorted({*chain.from_iterable(held.values())})
    found = []
    for element in elements:
        stamps = {node: state.get(element) for node, state in held.items()}
        if len({*stamps.values()}) > 1:
            told = ", ".join(f"{node}: {shown_stamp(stamp)}" for node, stamp in stamps.items())
            found.append(f"{_named(set_name, element)} differs: {told}")
    return found


def _named(set_name: str, element: bytes) -> str:
    return f"{shown_element(element)} of {shown_element(set_name.encode())}"


def _bounded(found: list[str]) -> list[str]:
    if len(found) <= SHOWN_MAX:
        return found
    return [*islice(found, SHOWN_MAX), f"... and {len(found) - SHOWN_MAX} more like these"]
