"""The demonstration's judgement is not easily satisfied."""

import pytest

from lastword.crdt.stamp import pack
from tools.demo.verdict import problems, undivided
from tools.verdict import SHOWN_MAX, Write

ADDED = pack(5, removed=False)
REMOVED = pack(5, removed=True)


def own(element: bytes, phase: str) -> Write:
    return Write("s", element, ADDED, phase, own=True)


OWN = [own(b"x", "before"), own(b"y", "during"), own(b"z", "after")]
HELD = {b"x": ADDED, b"y": ADDED, b"z": ADDED}


def test_nodes_that_agree_and_hold_every_write_are_well() -> None:
    overwritten = Write("s", b"o", ADDED, "before", own=False)
    held = {**HELD, b"o": REMOVED, b"never acknowledged": 2}
    assert problems({"a": {"s": held}, "b": {"s": dict(held)}}, [*OWN, overwritten]) == []


@pytest.mark.parametrize("held", [None, ADDED - 2, REMOVED, ADDED + 2])
def test_a_write_of_a_writers_own_that_is_not_held_as_it_was_is_missing(held: int | None) -> None:
    state = {**HELD, b"y": held} if held is not None else {b"x": ADDED, b"z": ADDED}
    found = problems({"a": {"s": state}, "b": {"s": state}}, OWN)
    assert [line[:16] for line in found] == ["a lacks y of s, ", "b lacks y of s, "]


@pytest.mark.parametrize("held", [None, ADDED - 1])
def test_an_older_state_than_an_acknowledged_one_is_missing(held: int | None) -> None:
    state = HELD if held is None else {**HELD, b"m": held}
    found = problems({"a": {"s": state}}, [*OWN, Write("s", b"m", ADDED, "after", own=False)])
    assert len(found) == 1
    assert found[0].startswith("a lacks m of s, acknowledged as added ")


def test_nodes_that_differ_are_named_with_what_they_hold() -> None:
    states = {"a": {"s": HELD}, "b": {"s": {**HELD, b"\x1b": REMOVED}}, "c": {"s": HELD}}
    (line,) = problems(states, OWN)
    assert line.startswith(r"'\x1b' of s differs: a: unknown, b: removed 1970-")


def test_a_set_that_one_node_lacks_altogether_is_a_difference() -> None:
    states = {"a": {"s": HELD, "t": {b"1": 2}}, "b": {"s": HELD}}
    assert [line[:14] for line in problems(states, OWN)] == ["1 of t differs"]


@pytest.mark.parametrize("phase", ["before", "during", "after"])
def test_a_phase_from_which_nothing_was_examined_proves_nothing(phase: str) -> None:
    writes = [write for write in OWN if write.phase != phase]
    writes.append(Write("s", b"x", ADDED, phase, own=False))
    assert problems({"a": {"s": HELD}}, writes) == [f"no write from {phase} the cut was examined"]


def test_nothing_examined_is_a_failure() -> None:
    assert len(problems({"a": {}, "b": {}}, [])) == 3


def test_writes_that_cross_a_cut_are_noticed() -> None:
    writes = [own(b"%d" % number, "during") for number in range(10)]
    all_of_them = {write.element: ADDED for write in writes}
    few = dict(list(all_of_them.items())[:5])
    assert undivided({"a": {"s": all_of_them}, "b": {"s": few}}, writes) == []
    assert len(undivided({"a": {"s": all_of_them}, "b": {"s": all_of_them}}, writes)) == 1
    assert undivided({"a": {}, "b": {}}, [own(b"x", "before")]) == []


def test_many_problems_are_told_in_few_lines() -> None:
    writes = [own(b"%d" % number, "during") for number in range(1_000)]
    found = problems({"a": {"s": HELD}}, [*OWN, *writes])
    assert len(found) == SHOWN_MAX + 1
    assert found[-1] == f"... and {1_000 - SHOWN_MAX} more like these"
