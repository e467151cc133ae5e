"""The same seed is the same run, everywhere, and leaving out a fault changes little else."""

import os
import subprocess
import sys
from dataclasses import replace
from typing import Final

from lastword.simulation.campaign import CAMPAIGN
from lastword.simulation.chance import Chance
from lastword.simulation.cluster import Cluster
from lastword.simulation.faults import Burst, planned
from lastword.simulation.outcome import Outcome

SMALL: Final = replace(
    CAMPAIGN, nodes=4, writes=60, duration_us=40_000_000, loss=0.1, duplicate=0.1
)
PROGRAM: Final = """
from tests.simulation.test_determinism import outcome
print(outcome(5).trace_hash)
"""


def outcome(seed: int) -> Outcome:
    return Cluster(SMALL, seed).run()


def test_a_seed_replays_to_the_same_trace_and_figures() -> None:
    assert outcome(5) == outcome(5)


def test_seeds_differ() -> None:
    assert outcome(5).trace_hash != outcome(6).trace_hash


def test_processes_with_other_string_hashes_print_the_same_trace() -> None:
    traces = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env=os.environ | {"PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for hash_seed in ("0", "1", "4711")
    }
    assert traces == {outcome(5).trace_hash}


def test_randomness_is_what_it_always_was() -> None:
    rng = Chance(7, "golden", 1)
    assert [rng.below(1_000) for _ in range(5)] == [424, 247, 47, 630, 596]
    assert rng.sample(range(10), 4) == [0, 3, 7, 8]
    assert rng.run_id() == 7557170509812033632


def test_a_fault_that_is_left_out_leaves_the_luck_of_early_messages() -> None:
    plan = planned(SMALL, 5)
    last = max(range(len(plan)), key=lambda at: plan[at].at_us)
    whole = Cluster(SMALL, 5)
    part = Cluster(SMALL, 5, only=set(range(len(plan))) - {last})
    for cluster in (whole, part):
        for node in cluster.nodes:
            node.meet(cluster.nodes)
            node.start()
        cluster.world.timeline.play_until(plan[0].at_us - 1)
    assert whole.world.trace.hexdigest() == part.world.trace.hexdigest()


def test_a_plan_is_ordered_and_follows_from_the_seed() -> None:
    plan = planned(SMALL, 5)
    assert plan == planned(SMALL, 5) != planned(SMALL, 6)
    assert [fault.at_us for fault in plan] == sorted(fault.at_us for fault in plan)
    assert sum(fault.writes for fault in plan if isinstance(fault, Burst)) == SMALL.writes
