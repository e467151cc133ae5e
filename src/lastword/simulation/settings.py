"""What a simulated run is like: its size, its load, its faults. Times are virtual microseconds."""

from dataclasses import dataclass

from lastword.replication.knowledge import SMALL_VECTOR_ENTRIES
from lastword.store.buckets import BUCKETED_ENTRIES

SECOND_US = 1_000_000
EPOCH_US = 1_700_000_000_000_000
"""The wall's time, without skew, at which every run begins."""


@dataclass(frozen=True, slots=True)
class SimulationSettings:
    """One run. Chances are from 0 to 1, delays uniform in their range.

    `elements`: how many different elements of each set are written to; 0 gives every write one
    of its own. `old_times`: the share of writes that bring a time of their own, as merges do.
    `late`: the share of messages that take ten times as long as the others.
    `crash`: crashes of each node in the run; the part behind the point is a chance.
    `wipe`, `roll_back`, `rot`: chances that a crash loses the disk; that it is put back to an
    older copy; that a third of its rows are gone while its vector says that they are there.
    `raised`: the chance that a crash leaves a disk with stamps that nobody gave, behind its sums.
    `down_us`, `backup_us`: ranges of how long a node is down, and how old a copy of its disk is;
    each crash takes one of the ranges.
    `while_pulling`: the share of crashes that come when a page is under way to the node.
    `collect_interval_us`: between two rounds of collection, 0 for none; `grace_us`: how long a
    tombstone is held at least.
    `steps`: how often some clock steps by one of `step_us`, for `step_length_us`.
    `lapse_us`: after so long a silence a member is taken out of the list; 0 is a month, as the
    service's.
    `apart`: cuts that outlast the lapse, during which each side takes the other out by hand.
    `join`, `leave`, `vanish`: chances that a node starts late; that it leaves as planned and
    comes back; that it stops for ever.
    `is_formed`: every disk begins with a list of all members; else they find each other.
    """

    nodes: int = 100
    sets: int = 50
    elements: int = 0
    writes: int = 2_000
    burst_writes: int = 10
    removes: float = 0.1
    old_times: float = 0.0
    duration_us: int = 60 * SECOND_US
    settle_us: int = 900 * SECOND_US
    interval_us: int = SECOND_US
    full_interval_us: int = 60 * SECOND_US
    fanout: int = 3
    orphan_us: int = 30 * SECOND_US
    page_rows: int = 2_000
    bucketed_entries: int = BUCKETED_ENTRIES
    small_vector_entries: int = SMALL_VECTOR_ENTRIES
    loss: float = 0.0
    duplicate: float = 0.0
    late: float = 0.0
    delay_us: tuple[int, int] = (5_000, 200_000)
    flush_us: tuple[int, int] = (100, 5_000)
    timeout_us: int = 2 * SECOND_US
    skew_us: int = SECOND_US // 2
    crash: float = 0.0
    down_us: tuple[tuple[int, int], ...] = ((SECOND_US, 20 * SECOND_US),)
    wipe: float = 0.0
    roll_back: float = 0.0
    rot: float = 0.0
    raised: float = 0.0
    backup_us: tuple[tuple[int, int], ...] = ((SECOND_US, 10 * SECOND_US),)
    while_pulling: float = 0.0
    cuts: int = 0
    cut_us: tuple[int, int] = (20 * SECOND_US, 20 * SECOND_US)
    one_way: float = 0.0
    steps: int = 0
    step_us: tuple[int, ...] = (-3_600 * SECOND_US, 3_600 * SECOND_US, 315_576_000 * SECOND_US)
    step_length_us: tuple[int, int] = (5 * SECOND_US, 60 * SECOND_US)
    is_formed: bool = True
    grace_us: int = 0
    collect_interval_us: int = 0
    lapse_us: int = 0
    apart: int = 0
    join: float = 0.0
    leave: float = 0.0
    vanish: float = 0.0
