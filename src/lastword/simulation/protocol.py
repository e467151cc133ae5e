"""Where the simulation touches the protocol: making a replica, frames as bytes, what is counted.

Everything else of the simulation sees a replica by its four calls, and messages as bytes.
"""

from collections import Counter
from typing import Final

from lastword.crdt.clock import Wall
from lastword.replication import frames
from lastword.replication.membership import Identity
from lastword.replication.port import State
from lastword.replication.replica import Replica
from lastword.replication.settings import LAPSE_US, ReplicaSettings
from lastword.simulation.settings import SimulationSettings

encoded = frames.encode_plain
decoded = frames.decode

BRANCHES: Final = (
    "walks_from_start",
    "pages_refused",
    "dots_adopted",
    "dots_renewed",
    "vectors_asked",
    "comparisons_equal",
    "repairs",
    "tombstones_collected",
    "copies_begun",
    "copies_finished",
    "exchanges_fenced",
    "members_lapsed",
)
"""Counters of a replica that a campaign must have seen above zero."""

NEVER_US: Final = 1 << 62
"""An interval that is longer than any run."""

_TOTALS: Final = (
    "refused_entries",
    "rounds",
    "entries_sent",
    "entries_changed",
    "copied_entries",
)


def replica_of(
    store: State, address: str, contact: str, settings: SimulationSettings, wall: Wall
) -> Replica:
    """Return the replica of a node that starts, as `lastword serve` would make it."""
    return Replica(
        store,
        Identity(
            default=address,
            advertise=address if settings.is_formed else None,
            contacts=(contact,) if contact else (),
        ),
        ReplicaSettings(
            fanout=settings.fanout,
            full_interval_us=settings.full_interval_us,
            orphan_us=settings.orphan_us,
            slow_us=max(500_000, settings.interval_us),
            redot_interval_us=settings.interval_us * 10,
            small_vector_entries=settings.small_vector_entries,
            grace_us=settings.grace_us,
            collect_interval_us=settings.collect_interval_us or NEVER_US,
            lapse_us=settings.lapse_us or LAPSE_US,
        ),
        wall,
    )


def counted(replica: Replica) -> Counter[str]:
    """Return what a replica came to."""
    return Counter({name: getattr(replica.counters, name) for name in (*BRANCHES, *_TOTALS)})
