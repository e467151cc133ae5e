"""Many small clusters keep every property, and a campaign would notice what it did not test."""

from collections import Counter
from dataclasses import replace

import pytest

from lastword.simulation.campaign import (
    CAMPAIGN,
    MUST_MEET,
    never_met,
    play_seeds,
    run_campaign,
    settings_of,
)

SEEDS = 500
PART = 50


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, SEEDS, PART))
def test_a_campaign_keeps_every_property_and_meets_every_fault(
    first: int, capsys: pytest.CaptureFixture[str]
) -> None:
    played = play_seeds(range(first, first + PART))
    assert played.failure is None
    with capsys.disabled():
        print(f"\nseeds {first} to {first + PART - 1} met {dict(played.met)}")  # noqa: T201 - its report
    assert never_met(played.met) == []


def test_what_was_never_met_is_named() -> None:
    met = Counter(dict.fromkeys(MUST_MEET, 1))
    assert never_met(met) == []
    met["disks rolled back"] = 0
    assert never_met(met) == ["disks rolled back"]


def test_without_crashes_none_is_met() -> None:
    base = replace(CAMPAIGN, crash=0.0, writes=20, cuts=0)
    assert {"crashes", "cuts one way", "disks wiped"} <= set(never_met(play_seeds([3], base).met))


@pytest.mark.slow
def test_a_campaign_is_the_same_on_one_process_and_on_two() -> None:
    seeds = range(12)
    base = replace(CAMPAIGN, writes=40)
    assert run_campaign(seeds, jobs=1, base=base) == run_campaign(seeds, jobs=2, base=base)


def test_seeds_reach_from_two_to_seven_nodes() -> None:
    assert {settings_of(seed).nodes for seed in range(100)} == set(range(2, 8))
