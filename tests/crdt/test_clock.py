"""The hybrid clock: rising, near the wall, after all that it believes."""

import time

from hypothesis import given
from hypothesis import strategies as st

from lastword.crdt.clock import HybridClock
from lastword.limits import MAX_SKEW_US_DEFAULT, TIME_MAX
from lastword.wall import wall_us
from tests.crdt.walls import HandWall

START_US = 1_700_000_000_000_000


@given(st.lists(st.tuples(st.integers(-1_000, 1_000), st.integers(-50_000, 50_000))))
def test_times_rise_strictly_whatever_wall_and_peers_do_within_the_skew(
    steps: list[tuple[int, int]],
) -> None:
    wall = HandWall(START_US)
    clock = HybridClock(wall)
    last = 0
    for move_us, ahead_us in steps:
        wall.now_us += move_us
        clock.observe(wall.now_us + ahead_us)
        now = clock.now()
        assert now > last
        last = now


def test_it_gives_the_wall_time_when_the_wall_is_ahead() -> None:
    assert HybridClock(HandWall(START_US), last=START_US - 5).now() == START_US


def test_it_counts_on_when_the_wall_stands_still() -> None:
    clock = HybridClock(HandWall(START_US))
    assert [clock.now() for _ in range(3)] == [START_US, START_US + 1, START_US + 2]


def test_it_counts_on_when_the_wall_goes_back_a_little() -> None:
    wall = HandWall(START_US)
    clock = HybridClock(wall)
    clock.now()
    wall.now_us -= 10
    assert clock.now() == START_US + 1


def test_it_tracks_the_wall_again_once_the_wall_has_caught_up() -> None:
    wall = HandWall(START_US)
    clock = HybridClock(wall)
    clock.observe(START_US + 1_000)
    assert clock.now() == START_US + 1_001
    wall.now_us += 2_000
    assert clock.now() == START_US + 2_000


def test_it_comes_after_an_observed_time_within_the_skew() -> None:
    clock = HybridClock(HandWall(START_US), max_skew_us=100)
    clock.observe(START_US + 100)
    assert clock.now() == START_US + 101


def test_it_does_not_follow_a_time_beyond_the_skew() -> None:
    clock = HybridClock(HandWall(START_US), max_skew_us=100)
    clock.observe(START_US + 101)
    assert clock.now() == START_US


def test_an_older_time_does_not_set_it_back() -> None:
    clock = HybridClock(HandWall(START_US))
    clock.now()
    clock.observe(START_US - 1)
    assert clock.last == START_US


def test_a_last_within_the_skew_is_gone_on_from() -> None:
    assert HybridClock(HandWall(START_US), last=START_US + 100, max_skew_us=100).now() == (
        START_US + 101
    )


def test_a_last_beyond_the_skew_is_dropped() -> None:
    assert HybridClock(HandWall(START_US), last=START_US + 101, max_skew_us=100).now() == START_US


def test_a_wall_beyond_all_time_is_held_at_the_greatest_time() -> None:
    assert HybridClock(HandWall(1 << 70)).now() == TIME_MAX


def test_the_skew_is_a_minute_by_default() -> None:
    assert HybridClock(HandWall()).max_skew_us == MAX_SKEW_US_DEFAULT == 60_000_000


def test_the_wall_is_microseconds_since_1970() -> None:
    before_s = time.time()
    now_us = wall_us()
    assert before_s - 1 <= now_us / 1_000_000 <= time.time() + 1
