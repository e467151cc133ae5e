"""Anytime: a stamp that nobody gave, which a disk made of another, goes to no other node.

The disk that has it is put in with sums that know nothing of it, as an old or a swapped page is.
"""

from collections import defaultdict
from collections.abc import Iterable

from lastword.simulation.violated import Violated
from lastword.store.ledger import Changes, Key
from lastword.store.memory import MemoryImage

RAISED_BY = 2_002
"""Added to a stamp: a millisecond, so that it wins over whatever was meant to be there."""

ONE_IN = 5
"""Of so many rows one is raised."""


class Untrue:
    """Every stamp that was made up."""

    def __init__(self) -> None:
        self._stamps: defaultdict[Key, set[int]] = defaultdict(set)

    def note(self, name: Key, stamp: int) -> None:
        """Take note of a stamp that a disk made up."""
        self._stamps[name].add(stamp)

    def check(self, node: int, changes: Changes) -> None:
        """Check what a transaction stores on any node."""
        if not self._stamps:
            return
        for name, row in changes.rows.items():
            if row.stamp in self._stamps.get(name, ()):
                raise Violated("nothing untrue spreads", f"node {node} took it up: {name}")


def raised(disk: MemoryImage) -> tuple[MemoryImage, list[Key]]:
    """Return a disk some of whose stamps are raised behind its sums, and which those are."""
    image = disk.copy()
    names = sorted(image.rows)[::ONE_IN]
    for name in names:
        row = image.rows[name]
        image.rows[name] = row._replace(stamp=row.stamp + RAISED_BY)
    return image, names


def beside(disk: MemoryImage, names: Iterable[Key]) -> list[Key]:
    """Return all rows of the sets of `names`: what lies beside such a row may not be kept."""
    sets = {set_name for set_name, _ in names}
    return [name for name in disk.rows if name[0] in sets]
