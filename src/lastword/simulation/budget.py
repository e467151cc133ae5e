"""Finally: what went over the network is within a budget, which a cascade of entries breaks.

An entry is needed where it changes what a node holds, carries a new dot to others, or is a part of
a copy. It is sent
more than once where walks run side by side, are broken off, or where digests send what differs;
each lost or repeated message makes it more. A round costs its messages, and each of them may carry
some of the sender's vector. Of 3,600 seeds the worst takes seven eighths of its entries; a node
that sends what the asker has seen takes twice as many as it may.
"""

from lastword.simulation.outcome import Outcome
from lastword.simulation.violated import Violated

SENT_PER_NEEDED = 3.5
SENT_ANYWAY = 200
"""Entries that a run may send beside, so that the smallest runs are no exception."""

ENTRY_BYTES = 64
"""An entry with its share of the frame, without its element beyond 16 bytes."""

MESSAGES_PER_WALK = 4
MESSAGE_BYTES = 100
RUN_BYTES = 12
"""A vector's entry for one run."""


def entries_budget(outcome: Outcome) -> int:
    """Return how many entries a run may send."""
    met, settings = outcome.met, outcome.settings
    needed = met["entries_changed"] + met["dots_renewed"] * (settings.nodes - 1)
    needed += met["copied_entries"]
    return int(SENT_PER_NEEDED * _repeated(outcome) * needed) + SENT_ANYWAY


def bytes_budget(outcome: Outcome) -> int:
    """Return how many bytes a run may send."""
    met, settings = outcome.met, outcome.settings
    message = MESSAGE_BYTES + RUN_BYTES * (settings.nodes + met["crashes"])
    per_round = settings.fanout * MESSAGES_PER_WALK * message * _repeated(outcome)
    return ENTRY_BYTES * entries_budget(outcome) + int(per_round * met["rounds"])


def check_budget(outcome: Outcome) -> None:
    """Raise Violated where more was sent than is honest for what was needed."""
    sent, may = outcome.met["entries_sent"], entries_budget(outcome)
    if sent > may:
        raise Violated("bytes within budget", f"{sent} entries were sent, {may} are the budget")
    sent, may = outcome.bytes_sent, bytes_budget(outcome)
    if sent > may:
        raise Violated("bytes within budget", f"{sent} bytes were sent, {may} are the budget")


def _repeated(outcome: Outcome) -> float:
    """Return how many times each message is sent for one that arrives, and its answers."""
    settings = outcome.settings
    return (1 + settings.duplicate) ** 2 / max(0.1, 1 - settings.loss)
