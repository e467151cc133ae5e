"""Shrinking finds the faults that matter, and nothing but them."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastword.simulation.campaign import CAMPAIGN
from lastword.simulation.coverage import Coverage
from lastword.simulation.failure import Failure, fewest_faults, played
from lastword.simulation.faults import planned
from lastword.simulation.shrink import shrunk
from lastword.simulation.violated import Violated

PLANTED = frozenset({3, 17, 30})


def needs(planted: frozenset[int]) -> Callable[[list[int]], bool]:
    return lambda faults: planted <= set(faults)


@given(planted=st.frozensets(st.integers(0, 39), max_size=6))
def test_the_planted_faults_are_found_and_no_others(planted: frozenset[int]) -> None:
    assert shrunk(range(40), needs(planted)) == sorted(planted)


def test_a_failure_that_needs_no_fault_shrinks_to_none() -> None:
    assert shrunk(range(40), lambda _: True) == []


def test_where_time_is_over_what_was_found_so_far_is_returned() -> None:
    looks = iter([True] * 6 + [False] * 100)
    found = shrunk(range(40), needs(PLANTED), may_go_on=lambda: next(looks))
    assert set(found) >= PLANTED


def test_a_run_shrinks_to_the_fault_that_breaks_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A planted fault: whoever comes back from a crash with a kept disk covers too much."""
    settings = replace(CAMPAIGN, nodes=3, writes=60, duration_us=40_000_000, wipe=0, roll_back=0)
    check_all = Coverage.check_all

    def mutant(self: Coverage, store: object) -> None:
        check_all(self, store)  # type: ignore[arg-type]  # passed on as it came
        if len(store.ledger.own_runs) > 1:  # type: ignore[attr-defined]  # a store
            raise Violated("coverage", "planted")

    monkeypatch.setattr(Coverage, "check_all", mutant)
    failure = played(settings, 5)
    assert isinstance(failure, Failure)
    plan = planned(settings, 5)
    found = fewest_faults(failure, settings, range(len(plan)), lambda: True)
    assert [type(plan[index]).__name__ for index in found] == ["Crash"]
    again = played(settings, 5, only=found)
    assert isinstance(again, Failure)
    assert again.check == failure.check
