"""Durations and ranges are read as they are written, and refused in one clear line."""

import pytest

from lastword.simulation.durations import duration_us, range_us, shown


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [
        ("500us", 500),
        ("5ms", 5_000),
        ("2s", 2_000_000),
        ("1m", 60_000_000),
        ("1.5m", 90_000_000),
        ("0.5s", 500_000),
        (" 20s ", 20_000_000),
        ("0s", 0),
    ],
)
def test_a_duration_is_a_number_and_a_unit(text: str, microseconds: int) -> None:
    assert duration_us(text) == microseconds


@pytest.mark.parametrize(
    "text", ["", "5", "ms", "5 ms", "-5ms", "5h", "1e3s", "nan", "5ms..", "٣s"]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration; write 500us, 5ms, 2s or"):
        duration_us(text)


def test_more_than_a_day_is_refused() -> None:
    with pytest.raises(ValueError, match="more than a day"):
        duration_us("1441m")


@pytest.mark.parametrize(
    ("text", "bounds"),
    [("5ms..200ms", (5_000, 200_000)), ("1s", (1_000_000,) * 2), ("0s..1us", (0, 1))],
)
def test_a_range_is_two_durations_or_one(text: str, bounds: tuple[int, int]) -> None:
    assert range_us(text) == bounds


def test_a_range_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(ValueError, match="ends before it begins"):
        range_us("2s..1s")


@pytest.mark.parametrize(
    ("microseconds", "text"),
    [(0, "0 us"), (12, "12 us"), (1_500, "1.5 ms"), (2_345_678, "2.35 s"), (4e9, "4000 s")],
)
def test_a_duration_is_shown_to_three_digits(microseconds: float, text: str) -> None:
    assert shown(microseconds) == text
