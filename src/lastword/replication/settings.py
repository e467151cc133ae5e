"""The settings of replication. Times are in microseconds."""

from dataclasses import dataclass

from lastword.limits import MAX_SKEW_US_DEFAULT
from lastword.replication.frames import PROTOCOL_VERSION
from lastword.replication.knowledge import SMALL_VECTOR_ENTRIES

GRACE_US = 7 * 86_400_000_000
"""A week: above any request, and above any ordinary absence, which would cost a fresh copy."""

LAPSE_US = 30 * 86_400_000_000
"""A month: a member that is away for longer begins afresh when it is back."""


COLLECT_INTERVAL_US = 3_600_000_000
"""An hour: nodes collect within the same minutes, and compare what one lacks for so long."""


@dataclass(frozen=True, slots=True)
class ReplicaSettings:
    """How a replica replicates.

    `fanout`: members that a round exchanges with. More spread news in fewer rounds and cost as
    many more messages; in a cluster of up to `fanout + 1` nodes each round reaches all.
    `full_interval_us`: between two comparisons of everything with one member, the safety net.
    `slow_us`: after so long without a page, the next walk begins beside the slow one.
    `patience_us`: after so long without an answer, a comparison is given up.
    `orphan_us`: the age at which a row that nobody covers gets a new dot; far above any walk.
    `small_vector_entries`: a vector of no more travels whole before its hash was compared.
    `grace_us`: how long a tombstone is held at least. `collect_interval_us`: between two rounds of
    collection, counted on the wall. `lapse_us`: after so long a silence a member is unlisted.
    `max_skew_us`: how far the wall may be off the median of the members' (skew.py).
    `walks`: without them nodes only compare, so that tests see what comparisons do alone.
    `version`: the newest version of the protocol that is spoken, so that an old node can be had.
    """

    fanout: int = 3
    full_interval_us: int = 60_000_000
    slow_us: int = 500_000
    patience_us: int = 5_000_000
    orphan_us: int = 3_600_000_000
    redot_interval_us: int = 60_000_000
    small_vector_entries: int = SMALL_VECTOR_ENTRIES
    grace_us: int = GRACE_US
    collect_interval_us: int = COLLECT_INTERVAL_US
    lapse_us: int = LAPSE_US
    max_skew_us: int = MAX_SKEW_US_DEFAULT
    walks: bool = True
    version: int = PROTOCOL_VERSION
