"""The ring of samples: what was done in each stretch, and how commits were."""

from dataclasses import replace

import pytest

from lastword.node.history import (
    HISTORY_STRETCHES_MAX,
    Recorder,
    Sample,
    quantile_s,
)
from lastword.store.sqlite.durations import BOUNDS_S, Durations

EMPTY = Sample(time_us=0, at_s=0.0, run=1, writes=0, reads=0, sent_bytes=0, received_bytes=0)


class Counters:
    """What a recorder samples, moved by hand."""

    def __init__(self) -> None:
        self.now = EMPTY

    def __call__(self) -> Sample:
        return self.now

    def pass_s(self, seconds: float, **counts: int) -> None:
        more = {name: getattr(self.now, name) + count for name, count in counts.items()}
        at_s = self.now.at_s + seconds
        self.now = replace(self.now, at_s=at_s, time_us=int(at_s * 1e6), **more)


async def test_a_stretch_has_what_was_done_in_it() -> None:
    counters = Counters()
    recorder = Recorder(counters)
    await recorder.tick()
    counters.pass_s(10, writes=5, reads=7, sent_bytes=100, received_bytes=50)
    await recorder.tick()
    counters.pass_s(4, writes=1)
    done, under_way = recorder.shown().stretches
    assert (done.seconds, done.writes, done.reads) == (10, 5, 7)
    assert (done.sent_bytes, done.received_bytes, done.time) == (100, 50, 10_000_000)
    assert (under_way.seconds, under_way.writes, under_way.reads) == (4, 1, 0)
    assert done.commit_p50_seconds is None


async def test_an_hour_is_kept_and_no_more() -> None:
    counters = Counters()
    recorder = Recorder(counters)
    for _ in range(HISTORY_STRETCHES_MAX + 40):
        await recorder.tick()
        counters.pass_s(10, reads=1)
    stretches = recorder.shown().stretches
    assert len(stretches) == HISTORY_STRETCHES_MAX
    assert stretches[-1].time == counters.now.time_us
    assert {stretch.reads for stretch in stretches} == {1}


async def test_what_follows_another_file_is_left_out() -> None:
    counters = Counters()
    recorder = Recorder(counters)
    for run in (1, 1, 2, 2):
        counters.now = replace(counters.now, run=run)
        await recorder.tick()
        counters.pass_s(10, writes=1)
    counters.now = replace(counters.now, run=3)
    assert [stretch.writes for stretch in recorder.shown().stretches] == [1, 1]


def counted(*took_s: float) -> list[int]:
    durations = Durations()
    for each in took_s:
        durations.note(each)
    return [count for _, count in durations.cumulative()]


@pytest.mark.parametrize(
    ("took_s", "share", "least_s", "most_s"),
    [
        ([0.002] * 99 + [0.2], 0.5, 0.001, 0.0025),
        ([0.002] * 98 + [0.2] * 2, 0.99, 0.1, 0.25),
        ([0.0001], 0.5, 0.0, 0.0005),
        ([99.0], 0.5, BOUNDS_S[-1], BOUNDS_S[-1]),
    ],
)
def test_a_quantile_lies_in_the_bucket_that_has_it(
    took_s: list[float], share: float, least_s: float, most_s: float
) -> None:
    found = quantile_s(counted(*took_s), share)
    assert found is not None
    assert least_s <= found <= most_s


def test_of_nothing_there_is_no_quantile() -> None:
    assert quantile_s(counted(), 0.5) is None
