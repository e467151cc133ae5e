"""The judgement of a run: nothing lost, nothing invented, all agree, every file is sound."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from pathlib import Path

from lastword.errors import LastwordError
from lastword.monkeys.shown import shown_stamp
from tools.files import check_file
from tools.verdict import States, Write, bounded, differing, missing, named

Doubtful = Collection[tuple[str, bytes]]


def problems(states: States, writes: Collection[Write], doubtful: Doubtful) -> list[str]:
    """Return all that is wrong with what nodes hold, in sentences; nothing if all is well.

    `doubtful` are the elements of writes that got no answer.
    """
    return [
        *bounded(missing(states, newest(writes))),
        *bounded(invented(states, writes, doubtful)),
        *bounded(differing(states)),
    ]


def newest(writes: Iterable[Write]) -> list[Write]:
    """Return the greatest write of each element: it supersedes all others."""
    found: dict[tuple[str, bytes], Write] = {}
    for write in writes:
        key = write.set_name, write.element
        if key not in found or found[key].stamp < write.stamp:
            found[key] = write
    return list(found.values())


def invented(states: States, writes: Iterable[Write], doubtful: Doubtful) -> list[str]:
    """Return what nodes hold that nobody was acknowledged."""
    given: defaultdict[tuple[str, bytes], set[int]] = defaultdict(set)
    for write in writes:
        given[write.set_name, write.element].add(write.stamp)
    return [
        f"{node} holds {named(set_name, element)} as {shown_stamp(stamp)}, which nobody wrote"
        for node, sets in states.items()
        for set_name, state in sets.items()
        for element, stamp in state.items()
        if stamp not in given[set_name, element] and (set_name, element) not in doubtful
    ]


def idle(counts: dict[str, int], away: Collection[str]) -> list[str]:
    """Return which nodes took no write although they were there."""
    return [name for name, count in counts.items() if count == 0 and name not in away]


def traces(stderr: Iterable[Path]) -> list[str]:
    """Return which nodes wrote of faults of their own to standard error."""
    return [
        f"{path.name} has a traceback"
        for path in stderr
        if "Traceback" in path.read_text(errors="replace")
    ]


def damages(databases: Iterable[Path]) -> list[str]:
    """Return which files of stopped nodes break an invariant."""
    found = []
    for path in databases:
        try:
            check_file(path)
        except LastwordError as error:
            found.append(f"{path.name}: {error}")
    return found
