"""LWWSet as a set, and as something that merges."""

import operator
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastword.crdt.clock import HybridClock
from lastword.crdt.lww_set import LWWSet
from lastword.crdt.stamp import pack, time_of
from lastword.errors import InvalidTime
from lastword.limits import MAX_SKEW_US_DEFAULT, TIME_MAX
from tests.crdt.walls import HandWall

START_US = 1_000_000


def made(*elements: str) -> LWWSet[str]:
    """Return a set whose clock starts at START_US and stands."""
    return LWWSet(elements, clock=HybridClock(HandWall(START_US)))


@pytest.mark.parametrize(
    ("held", "operation", "at", "present"),
    [
        (None, "add", 5, True),
        (None, "remove", 5, False),
        ("add", "add", 4, True),
        ("add", "add", 5, True),
        ("add", "add", 6, True),
        ("add", "remove", 4, True),
        ("add", "remove", 5, False),
        ("add", "remove", 6, False),
        ("remove", "add", 4, False),
        ("remove", "add", 5, False),
        ("remove", "add", 6, True),
        ("remove", "remove", 4, False),
        ("remove", "remove", 5, False),
        ("remove", "remove", 6, False),
    ],
)
def test_the_later_operation_wins_and_remove_wins_a_tie(
    held: str | None, operation: str, at: int, present: bool
) -> None:
    ours = made()
    write: dict[str | None, Callable[[str, int], None]] = {"add": ours.add, "remove": ours.discard}
    if held is not None:
        write[held]("a", 5)
    write[operation]("a", at)
    assert ("a" in ours) is present
    assert len(ours) == present


@pytest.mark.parametrize("at", [-1, TIME_MAX + 1, True, 1.5])
def test_a_time_that_is_none_is_refused_and_changes_nothing(at: Any) -> None:
    ours = made("a")
    for write in (ours.add, ours.discard, ours.remove):
        with pytest.raises(InvalidTime):
            write("a", at)
    assert ours.same_state(made("a"))


def test_a_local_operation_is_seen_even_over_a_stamp_from_the_future() -> None:
    ours = made()
    ours.add("a", at=TIME_MAX - 1)
    ours.discard("a")
    assert "a" not in ours
    ours.add("a")
    assert "a" in ours


def test_local_operations_come_after_every_time_that_was_merged_or_given() -> None:
    theirs = made()
    theirs.add("merged", at=START_US + 700)
    ours = made()
    ours.add("given", at=START_US + 500)
    ours.add("after given")
    ours.merge(theirs)
    ours.add("after merged")
    assert time_of(ours.stamp_of("after given") or 0) == START_US + 501
    assert time_of(ours.stamp_of("after merged") or 0) == START_US + 701


def test_one_time_beyond_the_skew_does_not_hide_another_from_the_clock() -> None:
    ours = made()
    ours.add("far", at=START_US + MAX_SKEW_US_DEFAULT + 1)
    ours.add("near", at=START_US + 9)
    merged = made()
    merged.merge(ours)
    merged.add("local")
    assert time_of(merged.stamp_of("local") or 0) == START_US + 10


def test_remove_raises_key_error_where_the_element_is_not_present() -> None:
    ours = made("a")
    ours.remove("a")
    with pytest.raises(KeyError, match="a"):
        ours.remove("a")
    assert ours.version == 2


def test_discard_of_an_unknown_element_removes_it_from_copies_that_have_it() -> None:
    other = made("a")
    ours = made()
    ours.discard("a", at=START_US + 1)
    assert not other | ours


def test_clear_and_pop_leave_tombstones() -> None:
    original = made("a", "b", "c")
    popped = original.copy()
    taken = {popped.pop() for _ in range(3)}
    cleared = original.copy()
    cleared.clear()
    assert taken == {"a", "b", "c"}
    assert original | popped == original | cleared == set()


def test_pop_of_an_empty_set_raises_key_error() -> None:
    ours = made("a")
    ours.clear()
    with pytest.raises(KeyError, match="empty"):
        ours.pop()


def test_a_pop_that_the_clock_fails_changes_nothing() -> None:
    class FailingWall(HandWall):
        def __call__(self) -> int:
            if self.now_us < 0:
                raise OSError("no clock")
            return self.now_us

    wall = FailingWall()
    ours = LWWSet(["a"], clock=HybridClock(wall))
    wall.now_us = -1
    with pytest.raises(OSError, match="no clock"):
        ours.pop()
    assert ours == {"a"}


BUILTIN = st.sets(st.integers(0, 5))


def lww(elements: set[int]) -> LWWSet[int]:
    return LWWSet(elements, clock=HybridClock(HandWall()))


@given(BUILTIN, BUILTIN)
def test_operators_do_as_those_of_builtin_sets(mine: set[int], theirs: set[int]) -> None:
    ours = lww(mine)
    for other in (theirs, frozenset(theirs), lww(theirs)):
        assert (ours & other, other & ours) == (mine & theirs, mine & theirs)
        assert (ours - other, other - ours) == (mine - theirs, theirs - mine)
        assert (ours ^ other, other ^ ours) == (mine ^ theirs, mine ^ theirs)
        assert (ours | other, other | ours) == (mine | theirs, mine | theirs)
        assert (ours <= other, ours < other) == (mine <= theirs, mine < theirs)
        assert (ours >= other, ours > other) == (mine >= theirs, mine > theirs)
        assert (ours == other, ours != other) == (mine == theirs, mine != theirs)
        assert ours.isdisjoint(other) == mine.isdisjoint(theirs)


@pytest.mark.parametrize(
    "change", [operator.iand, operator.ior, operator.isub, operator.ixor], ids=lambda o: o.__name__
)
@given(mine=BUILTIN, theirs=BUILTIN)
def test_in_place_operators_do_as_those_of_builtin_sets(
    change: Callable[[Any, Any], Any], mine: set[int], theirs: set[int]
) -> None:
    ours = lww(mine)
    assert change(ours, theirs) is ours
    assert ours == change(mine.copy(), theirs)
    assert change(ours, ours) is ours
    builtin = change(mine, theirs)
    assert ours == change(builtin, builtin)


def test_only_the_union_of_two_lwwsets_has_a_history() -> None:
    a, b = made("a"), made("b")
    assert type(a | b) is LWWSet
    for plain in (a & b, a - b, a ^ b, a | {"c"}, {"c"} | a, {"c"} - a, {"a"} & a, {"c"} ^ a):
        assert type(plain) is set


def test_a_union_changes_neither_side() -> None:
    a, b = made("a"), made("b")
    assert a | b == {"a", "b"}
    assert a == {"a"}
    assert b == {"b"}


def test_union_in_place_merges_an_lwwset_and_adds_anything_else() -> None:
    removed = made("a")
    removed.clear()
    ours = made("a")
    ours |= removed
    assert ours == set()
    ours |= {"a"}
    assert ours == {"a"}


def test_a_set_made_of_an_lwwset_has_its_state() -> None:
    original = made("a", "b")
    original.remove("a")
    assert LWWSet(original, clock=HybridClock(HandWall())).same_state(original)


def test_members_that_are_equal_are_not_yet_the_same_state() -> None:
    a, b = made("a"), made("a", "b")
    b.remove("b")
    assert a == b
    assert not a.same_state(b)


def test_it_is_not_hashable_and_takes_only_what_is() -> None:
    with pytest.raises(TypeError):
        hash(made())
    with pytest.raises(TypeError):
        made().add(["list"])  # type: ignore[arg-type]  # the very fault that is tested


def test_the_version_grows_by_one_with_each_changed_element() -> None:
    ours = made("a", "b")
    assert ours.version == 2
    ours.discard("a")
    ours.add("b", at=0)
    ours.merge(ours.copy())
    assert ours.version == 3


def test_a_delta_has_old_stamps_that_were_merged_late() -> None:
    ours = made("a")
    since = ours.version
    old = made()
    old.add("b", at=1)
    ours.merge(old)
    assert dict(ours.delta(since).entries()) == {"b": pack(1, removed=False)}


def test_a_delta_since_now_or_later_is_empty_and_one_since_the_start_is_all() -> None:
    ours = made("a", "b")
    ours.remove("a")
    assert not ours.delta(ours.version).entries()
    assert not ours.delta(ours.version + 1).entries()
    assert ours.delta(0).same_state(ours)


def test_stamp_of_tells_a_removed_element_from_an_unknown_one() -> None:
    ours = made()
    ours.discard("a", at=7)
    assert ours.stamp_of("a") == pack(7, removed=True)
    assert ours.stamp_of("b") is None


@pytest.mark.parametrize("stamp", [-1, 1 << 62])
def test_entries_that_are_no_stamps_are_refused(stamp: int) -> None:
    with pytest.raises(InvalidTime):
        made().merge_entries([("a", stamp)])
