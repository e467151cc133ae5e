"""Claims as bytes: in order, whole again on the other side, and refused where they are none."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastword.errors import InvalidFrame
from lastword.limits import CLAIMS_MAX
from lastword.replication.claims import (
    DIRECTORY,
    ITEMS_BYTES_MAX,
    STEP_MAX,
    Children,
    Claim,
    Claims,
    Listing,
    Range,
    Want,
    in_order,
    pack_claims,
    size_of,
    unpack_claims,
)
from tests.replication.test_frames import RANGES, _claims_about

CLAIMS = st.lists(RANGES.flatmap(_claims_about), max_size=30)
LAST = 2**64 - 1


def group(
    kind: int = 1,
    set_position: int | None = 1,
    bits: int = 0,
    step: int = 0,
    prefixes: bytes = b"\0",
    counts: bytes = b"\0",
    items: bytes = b"",
) -> Claims:
    return Claims(kind, set_position, bits, step, prefixes, counts, items)


# -- ranges


def test_the_children_of_a_range_are_it_in_order_without_gaps() -> None:
    for at in (DIRECTORY, Range(7, 3, 5), Range(7, 58, 2**58 - 1)):
        for step in range(STEP_MAX + 1):
            parts = [at.child(step, index) for index in range(1 << step)]
            assert (parts[0].low, parts[-1].high) == (at.low, at.high)
            assert all(one.high == other.low for one, other in itertools.pairwise(parts))
            assert {part.set_position for part in parts} == {at.set_position}


def test_keys_of_a_range_are_those_of_its_positions_and_no_others() -> None:
    assert DIRECTORY.keys() == (bytes(8), None)
    assert Range(7, 8, 3).keys() == (b"\x03" + bytes(7), b"\x04" + bytes(7))
    assert Range(7, 8, 255).keys() == (b"\xff" + bytes(7), None)
    assert Range(7, 64, LAST).keys() == (b"\xff" * 8, None)


# -- on the wire


@pytest.mark.slow
@given(CLAIMS)
def test_claims_in_order_are_themselves_again(claims: list[Claim]) -> None:
    ordered = in_order(claims)
    assert unpack_claims(pack_claims(ordered)) == ordered
    assert sorted(map(repr, ordered)) == sorted(map(repr, claims))


@pytest.mark.slow
@given(CLAIMS)
def test_claims_of_one_kind_about_ranges_of_one_length_stand_together(claims: list[Claim]) -> None:
    packed = pack_claims(in_order(claims))
    kinds = [(at.kind, at.set_position, at.bits, at.step) for at in packed]
    assert len(set(kinds)) == len(kinds)


@pytest.mark.slow
@given(CLAIMS)
def test_the_size_of_a_claim_is_about_what_it_takes(claims: list[Claim]) -> None:
    packed = pack_claims(in_order(claims))
    taken = sum(len(at.prefixes) + len(at.counts) + len(at.items) for at in packed)
    assert taken <= sum(map(size_of, claims)) + 7 * len(claims)


@pytest.mark.parametrize("prefix", [0, 1, 127, 128, 2**14, 2**63, LAST])
def test_every_prefix_survives_its_way(prefix: int) -> None:
    claims: list[Claim] = [Listing(Range(LAST, 64, prefix)), Want(Range(None, 64, prefix), b"ab")]
    assert unpack_claims(pack_claims(in_order(claims))) == in_order(claims)


def test_equal_ranges_may_be_claimed_twice() -> None:
    claims: list[Claim] = [Want(Range(1, 3, 2), b"ab"), Want(Range(1, 3, 2), b"cd")]
    assert unpack_claims(pack_claims(claims)) == claims


def test_as_many_claims_as_may_be_are_taken() -> None:
    claims: list[Claim] = [Children(Range(1, 12, n), 0, b"ab") for n in range(CLAIMS_MAX)]
    assert unpack_claims(pack_claims(claims)) == claims


# -- what is refused


REFUSED = {
    "children without items": group(kind=0, counts=b""),
    "children with items of another step": group(kind=0, step=2, counts=b"", items=b"abcd"),
    "children with half an item": group(kind=0, counts=b"", items=b"abc"),
    "a list without its count": group(counts=b""),
    "a list with one count too many": group(counts=b"\0\0"),
    "a list with fewer items than it says": group(counts=b"\2", items=b"ab"),
    "a list with more items than it says": group(counts=b"\1", items=b"abcd"),
    "a list of sets by two bytes": group(set_position=None, counts=b"\1", items=b"ab"),
    "a want of sets by ten bytes": group(2, None, counts=b"\1", items=b"0123456789"),
    "a range beyond the last": group(bits=3, prefixes=b"\x08"),
    "ranges that go on beyond the last": group(bits=3, prefixes=b"\x07\1", counts=b"\0\0"),
    "a prefix where there are no bits": group(prefixes=b"\1"),
    "children below the last bit": group(kind=0, bits=60, step=6, counts=b"", items=bytes(128)),
    "a list below the last bit": group(bits=64, step=1),
    "a prefix cut short": group(prefixes=b"\x80"),
    "a count cut short": group(counts=b"\xff"),
    "a prefix of 65 bits": group(bits=64, prefixes=b"\x80" * 9 + b"\2"),
    "a prefix of 11 bytes": group(bits=64, prefixes=b"\x80" * 10 + b"\0"),
    "a count of 64 bits": group(counts=b"\xff" * 9 + b"\1"),
}


@pytest.mark.parametrize("claims", REFUSED.values(), ids=REFUSED.keys())
def test_what_does_not_fit_together_is_refused(claims: Claims) -> None:
    with pytest.raises(InvalidFrame):
        unpack_claims([claims])


def test_one_claim_too_many_is_refused_also_over_several_groups() -> None:
    half = CLAIMS_MAX // 2
    some = group(bits=12, prefixes=bytes(half), counts=bytes(half))
    unpack_claims([some, some])
    with pytest.raises(InvalidFrame, match="more than 4096 claims"):
        unpack_claims([some, some, group()])


@pytest.mark.parametrize("where", ["prefixes", "counts"])
def test_numbers_of_a_whole_frame_are_refused_before_they_are_held(where: str) -> None:
    many = bytes(50_000_000)
    claims = group(prefixes=many) if where == "prefixes" else group(counts=many)
    with pytest.raises(InvalidFrame, match="more than 4096 claims"):
        unpack_claims([claims])


def test_items_of_a_whole_frame_are_refused() -> None:
    most = ITEMS_BYTES_MAX // 2
    count = bytes([most % 128 | 128, most // 128 % 128 | 128, most // 128**2])
    unpack_claims([group(kind=2, counts=count, items=bytes(2 * most))])
    with pytest.raises(InvalidFrame, match="bytes of items"):
        unpack_claims([group(kind=2, counts=count, items=bytes(2 * most)), group(items=b"ab")])
