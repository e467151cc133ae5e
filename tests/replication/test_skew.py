"""What samples of other clocks say of this one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastword.errors import ClockOff, http_status, resp_code
from lastword.replication.skew import (
    ROUND_TRIP_US_MAX,
    SAMPLE_AGE_US_MAX,
    Skews,
    Verdict,
)

WALL_US = 1_700_000_000_000_000
SKEW_MAX_US = 60_000_000
HOUR_US = 3_600_000_000
OWN_RUN = 1


def told(*skews_us: int) -> tuple[Skews, list[str]]:
    """Return what was noted at time 0, when this wall stood at WALL_US, and the members."""
    skews, members = Skews(SKEW_MAX_US), [f"n{index}:1" for index in range(len(skews_us))]
    for index, (address, skew_us) in enumerate(zip(members, skews_us, strict=True)):
        skews.note(address, 100 + index, WALL_US + skew_us, sent_us=0, now_us=0)
    return skews, members


def judged(*skews_us: int, wall_us: int = WALL_US, now_us: int = 0) -> Verdict:
    skews, members = told(*skews_us)
    return skews.judge(members, OWN_RUN, wall_us, now_us)


@given(st.lists(st.integers(-10 * HOUR_US, 10 * HOUR_US), max_size=9))
def test_a_node_refuses_only_if_more_than_half_of_the_voices_are_that_far_off(
    skews_us: list[int],
) -> None:
    verdict = judged(*skews_us)
    ahead = sum(skew > SKEW_MAX_US for skew in skews_us)
    behind = sum(skew < -SKEW_MAX_US for skew in skews_us)
    voices = len(skews_us) + 1
    assert verdict.voices == voices
    assert verdict.refuses == (voices >= 3 and max(ahead, behind) * 2 > voices)


@pytest.mark.parametrize("off_us", [HOUR_US, -HOUR_US, 10 * 365 * 24 * HOUR_US])
def test_two_others_find_a_wrong_clock_and_the_right_ones_go_on(off_us: int) -> None:
    wrong, right = judged(-off_us, -off_us), judged(0, off_us)
    assert (wrong.off_us, wrong.refuses) == (off_us, True)
    assert (right.off_us, right.refuses) == (0, False)
    with pytest.raises(ClockOff, match=f"{abs(off_us) / 1e6:.1f} s"):
        wrong.check()
    right.check()


def test_the_refusal_is_a_503_and_says_that_writes_are_disabled() -> None:
    with pytest.raises(ClockOff) as refused:
        judged(HOUR_US, HOUR_US).check()
    assert http_status(refused.value) == 503
    assert resp_code(refused.value) == "MISCONF"
    assert "behind the median of 3 nodes" in str(refused.value)
    assert "NTP" in refused.value.hint


def test_of_two_voices_nobody_is_refused() -> None:
    verdict = judged(HOUR_US)
    assert verdict.warns
    assert not verdict.refuses
    assert not judged(SKEW_MAX_US).warns


def test_as_far_off_as_it_may_be_is_not_refused() -> None:
    assert not judged(SKEW_MAX_US, SKEW_MAX_US).refuses
    assert judged(SKEW_MAX_US + 1, SKEW_MAX_US + 1).refuses


def test_half_the_round_trip_is_taken_off() -> None:
    skews = Skews(SKEW_MAX_US)
    skews.note("a:1", 100, WALL_US, sent_us=0, now_us=1_000)  # told at 500, and it is 1,000
    verdict = skews.judge(["a:1"], OWN_RUN, WALL_US + 500, 1_000)
    assert [(peer.skew_us, peer.round_trip_us) for peer in verdict.peers] == [(0, 1_000)]


def test_an_answer_that_took_too_long_is_no_sample() -> None:
    skews = Skews(SKEW_MAX_US)
    skews.note("a:1", 100, WALL_US, sent_us=0, now_us=ROUND_TRIP_US_MAX + 1)
    assert not skews.judge(["a:1"], OWN_RUN, WALL_US, ROUND_TRIP_US_MAX + 1).peers


def test_a_step_of_the_own_wall_shows_before_anyone_answers_again() -> None:
    skews, members = told(0, 0)
    assert not skews.judge(members, OWN_RUN, WALL_US + 1_000, 1_000).refuses
    stepped = skews.judge(members, OWN_RUN, WALL_US + HOUR_US + 2_000, 2_000)
    assert (stepped.refuses, stepped.off_us) == (True, HOUR_US)
    assert not skews.judge(members, OWN_RUN, WALL_US + 3_000, 3_000).refuses


def test_samples_age_out() -> None:
    assert judged(HOUR_US, HOUR_US, now_us=SAMPLE_AGE_US_MAX).refuses
    old = judged(HOUR_US, HOUR_US, now_us=SAMPLE_AGE_US_MAX + 1)
    assert (old.refuses, old.voices, old.peers) == (False, 1, ())


def test_who_is_not_listed_any_more_has_no_voice_nor_later_when_listed_again() -> None:
    skews, members = told(HOUR_US, HOUR_US)
    assert skews.judge(members, OWN_RUN, WALL_US, 0).refuses
    assert skews.judge(members[:1], OWN_RUN, WALL_US, 0).voices == 2
    assert skews.judge(members, OWN_RUN, WALL_US, 0).voices == 2


def test_a_node_under_two_addresses_has_one_voice_and_this_one_its_own() -> None:
    skews = Skews(SKEW_MAX_US)
    for address, run in [("a:1", 7), ("alias:1", 7), ("self:1", OWN_RUN)]:
        skews.note(address, run, WALL_US + HOUR_US, sent_us=0, now_us=0)
    verdict = skews.judge(["a:1", "alias:1", "self:1"], OWN_RUN, WALL_US, 0)
    assert (verdict.voices, verdict.refuses) == (2, False)
