"""The one order: time first, and at equal times remove above add."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastword.crdt.stamp import is_removed, next_above, pack, time_of
from lastword.errors import InvalidTime
from lastword.limits import STAMP_MAX, TIME_MAX

TIMES = st.integers(0, TIME_MAX)


@given(TIMES, st.booleans())
def test_a_stamp_gives_back_what_it_was_packed_from(time: int, removed: bool) -> None:
    stamp = pack(time, removed=removed)
    assert (time_of(stamp), is_removed(stamp)) == (time, removed)


@given(TIMES, st.booleans(), TIMES, st.booleans())
def test_stamps_are_ordered_by_time_and_then_remove_wins(
    time: int, removed: bool, other: int, other_removed: bool
) -> None:
    by_stamp = pack(time, removed=removed) < pack(other, removed=other_removed)
    assert by_stamp == ((time, removed) < (other, other_removed))


def test_stamps_fit_in_62_bits() -> None:
    assert pack(TIME_MAX, removed=True) == STAMP_MAX < 1 << 62


@pytest.mark.parametrize(
    "time",
    [-1, TIME_MAX + 1, pytest.param(10**5_000, id="5000 digits"), True, 1.0, "1", None],
)
def test_what_is_no_time_is_refused_in_few_words(time: object) -> None:
    with pytest.raises(InvalidTime) as refused:
        pack(time, removed=False)  # type: ignore[arg-type]  # what a caller without mypy may do
    assert len(str(refused.value)) < 100


@given(st.none() | st.integers(0, STAMP_MAX - 2), TIMES, st.booleans())
def test_the_next_stamp_is_above_what_is_held_and_does_what_was_asked(
    held: int | None, time: int, removed: bool
) -> None:
    above = next_above(held, time, removed=removed)
    assert above > (-1 if held is None else held)
    assert above >= pack(time, removed=removed)
    assert is_removed(above) == removed


@given(st.integers(0, STAMP_MAX - 2), st.booleans())
def test_the_next_stamp_is_the_least_that_will_do(held: int, removed: bool) -> None:
    assert next_above(held, 0, removed=removed) in {held + 1, held + 2}


def test_the_greatest_add_can_still_be_removed() -> None:
    assert next_above(STAMP_MAX - 1, 0, removed=True) == STAMP_MAX


@pytest.mark.parametrize("removed", [False, True])
def test_nothing_comes_after_the_greatest_stamp(removed: bool) -> None:
    with pytest.raises(InvalidTime):
        next_above(STAMP_MAX, 0, removed=removed)


@pytest.mark.parametrize("time", [-1, TIME_MAX + 1])
def test_a_clock_out_of_range_makes_no_stamp(time: int) -> None:
    with pytest.raises(InvalidTime):
        next_above(None, time, removed=False)
