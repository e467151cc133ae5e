"""Sets, stamps and times as people read them: bounded, and safe to print."""

from datetime import UTC, datetime, timedelta
from heapq import nsmallest
from typing import Final

from lastword.client.text import shown_element
from lastword.crdt.lww_set import LWWSet
from lastword.crdt.stamp import is_removed, time_of

LINE_CHARS_MAX: Final = 200
"""Of the elements in a line; about two lines of a terminal."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DIGITS_MAX: Final = 18


def shown_time(time_us: int) -> str:
    """Return a time in UTC to the millisecond; as a number where no calendar reaches."""
    try:
        moment = _EPOCH + timedelta(microseconds=time_us)
    except OverflowError:
        return f"{time_us} us"
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def shown_stamp(stamp: int | None) -> str:
    """Return in words what a stamp says of its element; None is no stamp."""
    if stamp is None:
        return "unknown"
    return f"{'removed' if is_removed(stamp) else 'added'} {shown_time(time_of(stamp))}"


def shown_count(local: LWWSet[bytes]) -> str:
    """Return how many elements are present."""
    return "1 element" if len(local) == 1 else f"{len(local)} elements"


def shown_members(local: LWWSet[bytes], *, chars_max: int = LINE_CHARS_MAX) -> str:
    """Return the first elements in their order, as many as fit, and how many more there are."""
    shown: list[str] = []
    left = chars_max
    for element in first_members(local, chars_max // 2):
        word = shown_element(element)
        left -= len(word) + 1
        if left < 0 and shown:
            break
        shown.append(word)
    if len(local) > len(shown):
        shown.append(f"... {len(local) - len(shown)} more")
    return " ".join(shown)


def first_members(local: LWWSet[bytes], number: int) -> list[bytes]:
    """Return the first present elements: numbers by their value, then all others by their bytes.

    Costs one pass over the set.
    """
    return nsmallest(number, local, key=_order)


def _order(element: bytes) -> tuple[bool, int, bytes]:
    number = element.isdigit() and len(element) <= _DIGITS_MAX
    return not number, int(element) if number else 0, element
