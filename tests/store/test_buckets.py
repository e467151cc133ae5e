"""Buckets as such: that they partition the positions, and how they are divided."""

import threading
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastword.replication.entries import Bucket, Held
from lastword.replication.hashing import DIGEST_KEY_DEFAULT, POSITION_BITS, PRIME, Sums
from lastword.store.buckets import (
    POSITIONS_END,
    Buckets,
    depth_for,
    stretches,
    width,
)
from lastword.store.census import Census

POSITIONS = st.integers(0, POSITIONS_END - 1)
CROWDED = st.one_of(
    POSITIONS, st.integers(0, 7), st.integers(POSITIONS_END - 7, POSITIONS_END - 1)
)
"""Anywhere, and again and again in the same places at both ends."""


def bucket(low: int, bits: int, entries: int = 0) -> Bucket:
    return Bucket(low, bits, entries, Sums(entries, 2 * entries % PRIME))


def halves() -> Buckets:
    return Buckets.of([bucket(0, 1, 5), bucket(1 << 63, 1, 7)])


def census(positions: Iterable[int], bucketed_entries: int) -> Census:
    """Return the census of a set whose elements lie as they never would, at `positions`."""
    keys = sorted(at.to_bytes(8) + b"%d" % index for index, at in enumerate(positions))

    def stored(_: bytes, low: bytes, high: bytes | None) -> Iterable[Held]:
        return [Held(k, 2, 1, 1) for k in keys if k >= low and (high is None or k < high)]

    return Census(
        b"set", DIGEST_KEY_DEFAULT, stored=stored, changed={}, bucketed_entries=bucketed_entries
    )


# -- a partition


@given(st.lists(POSITIONS, max_size=30))
def test_every_position_lies_in_one_bucket_however_often_buckets_are_divided(
    divided_at: list[int],
) -> None:
    buckets = Buckets.of([bucket(0, 0)])
    for position in divided_at:
        parent = buckets[buckets.index_of(position)]
        depth = min(parent.bits + 2, POSITION_BITS)
        parts = {low: bucket(low, depth) for low in stretches(parent.low, parent.bits, depth)}
        buckets.change(parts)
        assert buckets.is_partition()
    for position in [*divided_at, 0, POSITIONS_END - 1]:
        found = buckets[buckets.index_of(position)]
        assert found.low <= position < found.low + width(found.bits)


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        [bucket(0, 1)],
        [bucket(1 << 63, 1)],
        [bucket(0, 1), bucket(0, 1), bucket(1 << 63, 1)],
        [bucket(0, 0), bucket(1 << 63, 1)],
        [bucket(0, 2), bucket(1 << 62, 1), bucket(3 << 62, 2)],
        [bucket(0, 65)],
    ],
    ids=["none", "an end open", "a start open", "twice", "over another", "off its bits", "bits"],
)
def test_what_is_no_partition_is_told(wrong: list[Bucket]) -> None:
    assert halves().is_partition()
    assert not Buckets.of(wrong).is_partition()


# -- changes


def test_one_change_sets_values_and_divides_buckets() -> None:
    buckets = halves()
    last = {low: bucket(low, 3, 2) for low in stretches(1 << 63, 1, 3)}

    buckets.change({0: bucket(0, 1, 6)} | last)
    assert list(buckets) == [bucket(0, 1, 6), *last.values()]
    assert buckets.totals() == (14, Sums(14, 28))

    first = {low: bucket(low, 3, 1) for low in stretches(0, 0, 3)[:4]}
    deeper = {low: bucket(low, 5, 1) for low in stretches(5 << 61, 3, 5)}
    buckets.change(deeper | first)
    assert buckets.is_partition()
    assert buckets.totals() == (4 + 4 + 6, Sums(14, 28))


def test_a_copy_and_an_emptied_one_are_left_alone_by_later_changes() -> None:
    buckets = halves()
    copy, emptied = buckets.copy(), buckets.emptied()
    buckets.change({0: bucket(0, 1, 9)})
    assert copy == halves() != buckets
    assert list(emptied) == [bucket(0, 1), bucket(1 << 63, 1)]


def test_a_reader_meets_buckets_as_they_were_before_a_change_or_after_it() -> None:
    buckets = Buckets.of([bucket(0, 0, 9)])

    def divide_on_and_on() -> None:
        for depth in range(2, 2 * 31, 2):
            lows = stretches(0, depth - 2, depth)
            buckets.change({low: bucket(low, depth, 9 * (low == 0)) for low in lows})

    writer = threading.Thread(target=divide_on_and_on)
    writer.start()
    while writer.is_alive():
        found = buckets.between(0, POSITIONS_END)
        assert sum(width(at.bits) for at in found) == POSITIONS_END
        assert sum(at.entries for at in found) == 9
    writer.join()


@pytest.mark.parametrize(
    ("low", "high", "indices"),
    [
        (0, POSITIONS_END, [0, 1]),
        (0, 1 << 63, [0]),
        (0, (1 << 63) + 1, [0, 1]),
        (5, 6, [0]),
        ((1 << 63) - 1, 1 << 63, [0]),
        (POSITIONS_END - 1, POSITIONS_END, [1]),
        (5, 5, []),
    ],
)
def test_buckets_are_found_by_the_stretch_that_they_overlap(
    low: int, high: int, indices: list[int]
) -> None:
    assert halves().between(low, high) == [halves()[index] for index in indices]


# -- made of rows


@given(st.lists(CROWDED, max_size=80), st.integers(1, 16))
def test_buckets_hold_every_row_and_no_more_than_they_may(
    positions: list[int], bucketed_entries: int
) -> None:
    totals, buckets = census(positions, bucketed_entries).recount(None)
    assert totals.entries == len(positions)
    if buckets is None:
        assert len(positions) <= bucketed_entries
        return
    assert buckets.is_partition()
    assert buckets.totals() == (len(positions), totals.sums)
    for low, bits, entries, _ in buckets:
        assert entries == sum(low <= position < low + width(bits) for position in positions)
        assert entries <= max(bucketed_entries // 4, 1) or bits == POSITION_BITS


@pytest.mark.parametrize("bits", [0, 2, 62, 63])
def test_elements_of_one_position_are_divided_no_further_than_that(bits: int) -> None:
    low = 5 - 5 % width(bits)
    parts = list(census([5] * 9, bucketed_entries=4).divided(bucket(low, bits, 9)))
    assert [(part.low, part.bits) for part in parts if part.entries] == [(5, POSITION_BITS)]
    assert sum(width(part.bits) for part in parts) == width(bits)


@pytest.mark.parametrize("entries", [513, 1_000, 10_000, 1_000_000, 30_000_000])
def test_buckets_that_are_made_at_once_have_about_64_entries(entries: int) -> None:
    assert 48 <= entries >> depth_for(entries, 128) <= 96
