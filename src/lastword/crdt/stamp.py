"""The one order that decides everything: a time and whether it removes, in one integer.

A stamp is `time << 1 | removed`. Merge is max. At equal times remove wins, since its stamp is
greater. No other place of this package compares times.

Source: the LWW-Element-Set of Shapiro, Preguiça, Baquero, Zawirski, "A comprehensive study of
Convergent and Commutative Replicated Data Types", INRIA RR-7506 (2011), section 3.3.3; the tie
rule is ours to choose there, and is: remove wins.
"""

from lastword.errors import InvalidTime
from lastword.limits import STAMP_MAX, TIME_MAX


def pack(time: int, *, removed: bool) -> int:
    """Return the stamp of an add or a remove at `time`, in microseconds since 1970.

    Raises InvalidTime unless 0 <= time <= TIME_MAX.
    """
    return checked_time(time) << 1 | removed


def time_of(stamp: int) -> int:
    """Return the time of `stamp`, in microseconds since 1970."""
    return stamp >> 1


def is_removed(stamp: int) -> bool:
    """Return whether `stamp` is a tombstone."""
    return bool(stamp & 1)


def next_above(held: int | None, time: int, *, removed: bool) -> int:
    """Return the stamp of a local operation at `time` or, if `held` is not below that, just above.

    So an operation that is acknowledged is seen, whatever the clocks did before.
    Raises InvalidTime where `time` is none, or `held` is the greatest stamp that there is.
    """
    stamp = pack(time, removed=removed)
    if held is None or stamp > held:
        return stamp
    above = held + 1 + ((held + 1) & 1 ^ removed)
    if above > STAMP_MAX:
        raise InvalidTime(
            "the element has the greatest time that there is, so nothing can come after it",
            hint="The element was written with an absurd time; use another element.",
        )
    return above


def checked_time(time: int) -> int:
    """Return `time` if it is one; raise InvalidTime unless 0 <= time <= TIME_MAX."""
    if isinstance(time, bool) or not isinstance(time, int):
        raise InvalidTime(f"a time is an integer, not {type(time).__name__}")
    if not 0 <= time <= TIME_MAX:
        raise InvalidTime(f"a time is between 0 and {TIME_MAX}, and this one is not")
    return time
