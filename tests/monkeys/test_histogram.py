"""Latencies, counted in buckets that are right to a sixteenth; and operations that are due."""

import math
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastword.client.node import AsyncNode
from lastword.monkeys.histogram import Histogram, shown_latency
from lastword.monkeys.pace import Rate
from lastword.monkeys.setting import Setting

LATENCIES = st.lists(st.integers(0, 10**10), min_size=1, max_size=200)


@given(LATENCIES, st.sampled_from([0.01, 0.5, 0.9, 0.99, 1.0]))
def test_quantiles_are_right_to_a_sixteenth(latencies: list[int], share: float) -> None:
    histogram = Histogram()
    for latency in latencies:
        histogram.note(latency)
    exact = sorted(latencies)[max(0, math.ceil(share * len(latencies)) - 1)]
    assert exact <= histogram.quantile_us(share) <= exact * 17 / 16 + 1


@given(LATENCIES)
def test_each_is_counted_once_below_the_bound_of_its_doubling(latencies: list[int]) -> None:
    histogram = Histogram()
    for latency in latencies:
        histogram.note(latency)
    rows = histogram.doublings()
    assert sum(count for _, count in rows) == len(latencies) == histogram.count
    assert all(2 * low == high for (low, _), (high, _) in pairwise(rows))
    assert rows[-1][0] >= max(latencies)
    assert len(histogram.lines(20)) == len(rows)


def test_nothing_and_the_absurd_are_counted() -> None:
    histogram = Histogram()
    assert histogram.quantile_us(0.5) == 0
    assert histogram.doublings() == []
    histogram.note(-5)
    histogram.note(1 << 80)
    assert histogram.count == 2


@pytest.mark.parametrize(
    ("us", "shown"), [(0, "0 us"), (999, "999 us"), (1_500, "1.5 ms"), (2_000_000, "2 s")]
)
def test_latencies_as_people_read_them(us: int, shown: str) -> None:
    assert shown_latency(us) == shown


async def test_a_stall_delays_all_that_was_due_in_it() -> None:
    now_us, slept_s = [0], list[float]()

    async def sleep(delay_s: float) -> None:
        slept_s.append(delay_s)
        now_us[0] += round(delay_s * 1_000_000)

    setting = Setting(
        AsyncNode("localhost:1"), "s", Random(1), sleep, lambda: now_us[0], say=print, warn=print
    )
    rate = Rate(10)
    due = [await rate.wait(setting) for _ in range(3)]
    now_us[0] += 1_000_000
    due += [await rate.wait(setting) for _ in range(3)]
    assert due == [0, 100_000, 200_000, 300_000, 400_000, 500_000]
    assert slept_s == [0.1, 0.1]
