"""Why an element is as it is, in one sentence for somebody who is tired and wants to know."""

from typing import Final

from lastword.client.explanation import Explanation, Lost, Taker
from lastword.client.text import printable, shown_span, shown_time

CLOCK_AHEAD_US: Final = 1_000_000
"""A second: clocks that NTP keeps differ by milliseconds, so that more is somebody's clock."""


def why(explained: Explanation) -> str:
    """Return the sentence; it names times, nodes and what decided."""
    if explained.state == "unknown":
        return f"Nothing is held of it: {_never_or_forgotten(explained)}."
    held, verb = ("in", "add") if explained.present else ("not in", "remove")
    state = (
        f"It is {held} the set: the latest write that is known is the {verb} of "
        f"{explained.time_text}, {_taken(explained.taken_by)}"
    )
    return "; ".join([state, *_rival(explained), *_clock(explained)]) + "."


def _never_or_forgotten(explained: Explanation) -> str:
    if explained.superseded:
        last = explained.superseded[-1]
        return (
            f"it was removed at {last.time_text}, {_taken(last.taken_by)}, and the tombstone was "
            f"forgotten at {shown_time(last.at)}, when every member had it"
        )
    if explained.collected_time is None:
        return "no write to it has ever reached this node"
    return (
        "either no write to it ever reached this node, or it was removed, at "
        f"{shown_time(explained.collected_time)} or before, and the tombstone is forgotten by now"
    )


def _rival(explained: Explanation) -> list[str]:
    """Say what the other intent was, and why it lost: the newest of the opposite kind."""
    other = "removed" if explained.present else "added"
    verb = "remove" if explained.present else "add"
    rivals = [
        (lost.time, is_refused, lost)
        for is_refused, losts in ((False, explained.superseded), (True, explained.refused))
        for lost in losts
        if lost.state == other
    ]
    if not rivals or explained.time is None:
        return []
    time, is_refused, rival = max(rivals, key=lambda at: (at[0], at[1]))
    who = f"an {verb}" if verb == "add" else f"a {verb}"
    if time == explained.time:
        return [f"{who} has the very same time, {_by(rival)}, and at equal times the remove wins"]
    older = shown_span(explained.time - time)
    if is_refused:
        arrived = f"{who} of {rival.time_text}, {_by(rival)}, arrived at {shown_time(rival.at)}"
        return [f"{arrived} and changed nothing, since its time is {older} before that"]
    return [f"it took the place of {who} of {rival.time_text}, {_by(rival)}, {older} before"]


def _clock(explained: Explanation) -> list[str]:
    """Say so where the winning time was ahead of the clock here when it came."""
    if explained.time is None or explained.learned is None or explained.learned.to is None:
        return []
    ahead_us = explained.time - explained.learned.to
    if ahead_us <= CLOCK_AHEAD_US:
        return []
    said = (
        f"its time was {shown_span(ahead_us)} ahead of this node's clock when it came, so "
        "whoever gave it has a clock that was ahead"
    )
    if explained.ahead > CLOCK_AHEAD_US:
        said += (
            f", and for another {shown_span(explained.ahead)} what is written elsewhere loses "
            "against it (lastword doctor --add or --remove settles it)"
        )
    return [said]


def _by(lost: Lost) -> str:
    return _taken(lost.taken_by)


def _taken(taker: Taker | None) -> str:
    if taker is None:
        return "given by a client with a time of its own"
    if taker.this_node:
        return "taken by this node"
    if taker.address is None:
        return "taken by a node whose address is not known here"
    return f"taken by {printable(taker.address)}"
