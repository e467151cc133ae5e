"""The judgement of the chaos is not easily satisfied."""

from pathlib import Path
from random import Random

import pytest

from lastword.crdt.stamp import pack
from tests.stores import S, SqliteStores, add, checksummed
from tools.chaos.verdict import damages, idle, newest, problems, traces
from tools.verdict import Write


def stamp(time: int, *, removed: bool = False) -> int:
    return pack(time, removed=removed)


def write(element: bytes, time: int, *, removed: bool = False) -> Write:
    return Write("s", element, stamp(time, removed=removed), "", own=False)


WRITES = [write(b"x", 1), write(b"x", 3), write(b"x", 2), write(b"y", 5, removed=True)]
HELD = {b"x": stamp(3), b"y": stamp(5, removed=True)}


def test_nodes_that_hold_the_greatest_of_each_are_well() -> None:
    assert problems({"a": {"s": HELD}, "b": {"s": dict(HELD)}}, WRITES, set()) == []


@pytest.mark.parametrize("held", [None, stamp(2)])
def test_a_write_that_is_lost_everywhere_is_found(held: int | None) -> None:
    state = {**HELD, b"x": held} if held is not None else {b"y": HELD[b"y"]}
    found = problems({"a": {"s": state}, "b": {"s": state}}, WRITES, set())
    assert [line[:14] for line in found] == ["a lacks x of s", "b lacks x of s"]


def test_a_write_that_is_lost_on_one_node_is_found_and_a_difference() -> None:
    found = problems({"a": {"s": HELD}, "b": {"s": {b"x": stamp(3)}}}, WRITES, set())
    assert [line[:14] for line in found] == ["b lacks y of s", "y of s differs"]


def test_what_nobody_wrote_is_found() -> None:
    for element, held in ((b"x", stamp(4)), (b"z", stamp(1))):
        (line,) = problems({"a": {"s": {**HELD, element: held}}}, WRITES, set())
        assert line.startswith(f"a holds {element.decode()} of s as added 1970-")


def test_a_write_without_an_answer_may_be_there_or_not() -> None:
    doubtful = {("s", b"x"), ("s", b"z")}
    for held in (HELD, {**HELD, b"x": stamp(4)}, {**HELD, b"z": stamp(1)}):
        assert problems({"a": {"s": held}}, WRITES, doubtful) == []
    older = problems({"a": {"s": {**HELD, b"x": stamp(2)}}}, WRITES, doubtful)
    assert [line[:14] for line in older] == ["a lacks x of s"]


def test_the_greatest_write_of_an_element_supersedes_the_others() -> None:
    assert newest(WRITES) == [WRITES[1], WRITES[3]]
    assert newest([write(b"x", 1), write(b"x", 1, removed=True)]) == [write(b"x", 1, removed=True)]


def test_a_node_that_takes_no_writes_is_named_unless_it_was_away() -> None:
    assert idle({"a": 3, "b": 0, "c": 0}, {"c"}) == ["b"]


def test_a_traceback_is_found(tmp_path: Path) -> None:
    good, bad = tmp_path / "good", tmp_path / "bad"
    good.write_text("a warning\n")
    bad.write_text("Traceback (most recent call last):\n")
    assert traces([good, bad]) == ["bad has a traceback"]


def test_a_damaged_file_is_found(tmp_path: Path) -> None:
    stores = SqliteStores(tmp_path)
    for name in ("good", "bad"):
        add(stores.open(name), *(b"%d" % Random(0).getrandbits(9) for _ in range(9)))
        stores.close(name)
    with checksummed(stores.path("bad")) as connection:
        connection.execute("UPDATE entries SET stamp = stamp + 2")
    connection.close()
    (line,) = damages([stores.path("good"), stores.path("bad")])
    assert line.startswith("bad.lastword: set")
    assert repr(S) in line
