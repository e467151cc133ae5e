"""Every history of the smallest clusters, up to a number of steps: each state once.

The checks of the simulation are made in every state; and from every state the nodes are let
exchange until they agree, or two of them are behind each other. A history that breaks a check is
the shortest that does, since they are tried in the order of their lengths.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from lastword.simulation.canonical import digest
from lastword.simulation.small import SmallCluster
from lastword.simulation.violated import Violated

History = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is tried: how many steps, by which words, on how many nodes.

    `settles`: whether every state is let settle, which is most of the work. `begin`: the steps
    before the first that is tried.
    """

    nodes: int
    steps: int
    elements: tuple[str, ...] = ("x",)
    verbs: tuple[str, ...] = (
        "add",
        "remove",
        "exchange",
        "collect",
        "ask",
        "deliver",
        "save",
        "restore",
        "lapse",
        "wipe",
        "crash",
        "compare",
        "old",
        "redot",
    )
    begin: History = ()
    settles: bool = False


@dataclass(frozen=True, slots=True)
class Searched:
    """How many states were found, by how many steps, and the history that broke a check."""

    states: int
    steps: int
    apart: int
    history: History = ()
    violated: Violated | None = None


def words(bounds: Bounds) -> list[str]:
    """Return every step that may be tried."""
    return [step for verb in bounds.verbs for step in _steps(verb, bounds)]


def search(bounds: Bounds, progress: Callable[[int, int], None] = lambda *_: None) -> Searched:
    """Try all; `progress` is told the length of histories and how many states there are."""
    start = SmallCluster(bounds.nodes)
    known, level, tried, apart = {digest(start)}, [bounds.begin], 0, 0
    steps = words(bounds)
    for length in range(bounds.steps):
        longer = []
        for history in level:
            copied = _played(start, history)
            for step in steps:
                tried += 1
                cluster = SmallCluster.of_copy(copied)
                try:
                    cluster.play(step)
                    state = digest(cluster)
                    if state in known:
                        continue
                    known.add(state)
                    longer.append((*history, step))
                    apart += bounds.settles and not cluster.settle()
                except Violated as violated:
                    return Searched(len(known), tried, apart, (*history, step), violated)
        level = longer
        progress(length + 1, len(known))
    return Searched(len(known), tried, apart)


def _played(start: SmallCluster, history: Sequence[str]) -> bytes:
    cluster = SmallCluster.of_copy(start.copy())
    cluster.play(*history)
    return cluster.copy()


def _steps(verb: str, bounds: Bounds) -> Iterator[str]:
    nodes = range(bounds.nodes)
    if verb == "deliver":
        yield verb
    elif verb in {"add", "remove", "old"}:
        yield from (f"{verb} {node} {at}" for node in nodes for at in bounds.elements)
    elif verb in {"exchange", "ask", "compare", "lapse"}:
        pairs = ((one, other) for one in nodes for other in nodes if one != other)
        yield from (f"{verb} {one} {other}" for one, other in pairs)
    else:
        yield from (f"{verb} {node}" for node in nodes)
