"""The judgement, from nothing but what nodes hold and what was acknowledged."""

from collections.abc import Iterable, Mapping
from itertools import chain, islice
from typing import Final, NamedTuple

from lastword.client.text import shown_element
from lastword.monkeys.shown import shown_stamp

States = Mapping[str, Mapping[str, Mapping[bytes, int]]]
"""Node -> set -> element -> stamp."""

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


def missing(states: States, writes: Iterable[Write]) -> list[str]:
    """Return which node lacks which acknowledged write."""
    found = []
    for write in writes:
        for node, sets in states.items():
            held = sets.get(write.set_name, {}).get(write.element)
            if held is None or held < write.stamp or (write.own and held != write.stamp):
                found.append(
                    f"{node} lacks {named(write.set_name, write.element)}, acknowledged as "
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
            found.append(f"{named(set_name, element)} differs: {told}")
    return found


def named(set_name: str, element: bytes) -> str:
    """Return an element and its set in words."""
    return f"{shown_element(element)} of {shown_element(set_name.encode())}"


def bounded(found: list[str]) -> list[str]:
    """Return the first of many, and how many more there are."""
    if len(found) <= SHOWN_MAX:
        return found
    return [*islice(found, SHOWN_MAX), f"... and {len(found) - SHOWN_MAX} more like these"]
