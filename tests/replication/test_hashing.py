"""Positions and digest sums: the same on every node of every version, and linear."""

from hypothesis import given
from hypothesis import strategies as st

from lastword.limits import ELEMENT_BYTES_MAX, SET_NAME_BYTES_MAX, STAMP_MAX
from lastword.replication.hashing import (
    DIGEST_KEY_DEFAULT,
    NO_SUMS,
    POSITION_BYTES,
    PRIME,
    Place,
    Sums,
    element_of,
    place,
)

LANES = st.integers(0, PRIME - 1)
SUMS = st.builds(Sums, LANES, LANES)
STAMPS = st.integers(0, STAMP_MAX)
PLACES = st.builds(place, st.binary(max_size=9), st.binary(max_size=9), st.binary(max_size=64))


def test_places_are_the_published_ones() -> None:
    assert place(b"set", b"element", DIGEST_KEY_DEFAULT) == Place(
        key=bytes.fromhex("0a17612650d40454") + b"element",
        a_first=1192773126927494168,
        b_first=1473698007367726903,
        a_second=1669780630864225067,
        b_second=2000071428114419994,
    )
    assert place("menge-ü".encode(), b"\x00\xff", DIGEST_KEY_DEFAULT) == Place(
        key=bytes.fromhex("e96a775e900d8045") + b"\x00\xff",
        a_first=671641500658288450,
        b_first=1887601748209278007,
        a_second=148267873790020353,
        b_second=1376553563891118065,
    )


def test_another_key_gives_other_places() -> None:
    assert place(b"set", b"element", b"another key") == Place(
        key=bytes.fromhex("c6f2b373d36abc39") + b"element",
        a_first=1744511737594748128,
        b_first=926367424511435035,
        a_second=1395779263241626709,
        b_second=1323449091905086903,
    )


def test_what_an_entry_counts_is_the_published_sum() -> None:
    where = place(b"s", b"", DIGEST_KEY_DEFAULT)
    assert where.change(None, 1_000) == Sums(
        (319137884075657156 * 1_000 + 1469548523739004122) % (2**61 - 1),
        (397420738516567852 * 1_000 + 1965297338524694500) % (2**61 - 1),
    )


@given(st.binary(max_size=300))
def test_the_element_can_be_read_off_its_key(element: bytes) -> None:
    key = place(b"set", element, DIGEST_KEY_DEFAULT).key
    assert element_of(key) == element
    assert len(key) == POSITION_BYTES + len(element)


def test_the_greatest_names_have_a_place() -> None:
    where = place(b"s" * SET_NAME_BYTES_MAX, b"e" * ELEMENT_BYTES_MAX, DIGEST_KEY_DEFAULT)
    assert len(where.key) == POSITION_BYTES + ELEMENT_BYTES_MAX


def test_set_and_element_are_told_apart() -> None:
    assert place(b"a", b"b/c", b"").key[:8] != place(b"ab", b"/c", b"").key[:8]


@given(SUMS, SUMS, SUMS)
def test_sums_add_up_in_any_order(a: Sums, b: Sums, c: Sums) -> None:
    assert a.plus(b) == b.plus(a)
    assert a.plus(b).plus(c) == a.plus(b.plus(c))
    assert a.plus(NO_SUMS) == a


@given(SUMS, SUMS)
def test_what_was_added_can_be_taken_away(a: Sums, b: Sums) -> None:
    assert a.plus(b).minus(b) == a
    assert a.minus(a) == NO_SUMS


@given(SUMS, SUMS)
def test_every_lane_stays_below_the_prime(a: Sums, b: Sums) -> None:
    for sums in (a.plus(b), a.minus(b)):
        assert all(0 <= lane < PRIME for lane in sums)


@given(PLACES, st.lists(STAMPS, min_size=1, max_size=8))
def test_all_steps_to_a_stamp_together_are_the_one_step_to_it(
    where: Place, stamps: list[int]
) -> None:
    total, held = NO_SUMS, None
    for stamp in stamps:
        total, held = total.plus(where.change(held, stamp)), stamp
    assert total == where.change(None, stamps[-1])


@given(PLACES, STAMPS, STAMPS)
def test_another_stamp_gives_another_sum(where: Place, old: int, new: int) -> None:
    assert (where.change(old, new) == NO_SUMS) == (old == new)
