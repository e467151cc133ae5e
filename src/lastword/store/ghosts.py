"""Ghosts: adds with an old time, for elements that may have been removed long ago.

Where tombstones of a set were collected, nobody can say any more whether an element that is not
present was removed after such an add. So an add with a time of its own that would make an element
present, and is no newer than the newest collected tombstone, is the caller's to decide. Times that
a node gives itself are above that one, so they never are such.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Final

from lastword.crdt.stamp import is_removed, time_of
from lastword.errors import GhostElements
from lastword.limits import GHOSTS_TOLD_BYTES_MAX, GHOSTS_TOLD_MAX, SHOWN_BYTES_MAX

_NAMED_MAX: Final = 5
"""Elements that the message names; the error has more of them for programs."""


class Ghosts(StrEnum):
    """What becomes of ghosts: all is refused, they are left out, or added at a new time."""

    REFUSE = "refuse"
    REMOVE = "remove"
    READD = "readd"


def is_ghost(stamp: int, held: int | None, collected_time: int) -> bool:
    """Return whether `stamp` may be of something long removed, where `held` is what is held.

    What counts is whether the element is present: a tombstone that is still held and older says
    nothing of those that are not held any more.
    """
    if is_removed(stamp) or time_of(stamp) > collected_time:
        return False
    return held is None or (is_removed(held) and stamp > held)


def check_ghosts(
    stamps: Mapping[bytes, int], collected_time: int, stamp_of: Callable[[bytes], int | None]
) -> None:
    """Raise GhostElements where a state has ghosts; `stamp_of` tells what is held of an element.

    O(1) where nothing was collected, else what is held is looked up for old adds only.
    """
    if not collected_time:
        return
    old = (at for at, stamp in stamps.items() if is_ghost(stamp, None, collected_time))
    found = [at for at in old if is_ghost(stamps[at], stamp_of(at), collected_time)]
    if found:
        raise refusal(found, collected_time)


def refusal(elements: Sequence[bytes], collected_time: int) -> GhostElements:
    """Return the error that lists ghosts: as many as fit, and how many there are."""
    told: list[bytes] = []
    size = 0
    for element in elements:
        if len(told) < GHOSTS_TOLD_MAX and size + len(element) <= GHOSTS_TOLD_BYTES_MAX:
            told.append(element)
            size += len(element)
    named = ", ".join(
        repr(element[:SHOWN_BYTES_MAX].decode(errors="replace"))
        for element in elements[:_NAMED_MAX]
    )
    more = f" and {len(elements) - _NAMED_MAX} more" if len(elements) > _NAMED_MAX else ""
    return GhostElements(
        f"elements that may have been removed long ago: {named}{more}; they are not in the set, "
        f"and their adds are not after {collected_time}, the time of a delete that is forgotten",
        elements=told,
        more=len(elements) - len(told),
    )
