"""The fence: who may exchange with whom, told by two vectors that grow and may be forgotten."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from lastword.replication.fence import NO_FENCE, Fence, Standing, Theirs
from lastword.replication.frames import FenceBody, VouchedBody
from lastword.replication.vectors import GrowingVector, covers_all

RUNS = st.integers(1, 3)
VECTORS = st.dictionaries(RUNS, st.integers(1, 6), max_size=3)


@dataclass
class Node:
    """What the fence needs of a state, and what one node knows of the other."""

    seen: GrowingVector = field(default_factory=GrowingVector)
    collected: GrowingVector = field(default_factory=GrowingVector)
    may_collect: bool = False
    collected_time: int = 0

    def __post_init__(self) -> None:
        self.fence = Fence(self)
        self.theirs = Theirs()

    def collect(self, vector: dict[int, int]) -> None:
        self.seen.grow(vector)
        self.collected.grow(vector)

    def says(self) -> FenceBody:
        covers = self.fence.covers(self.theirs)
        return self.fence.body(self.theirs, covers=covers)

    def hears(self, body: FenceBody | None) -> Standing:
        return self.fence.hear(self.theirs, body)

    def restart(self) -> None:
        self.__post_init__()

    def forget(self) -> None:
        self.theirs = Theirs()


def nodes(one: dict[int, int], other: dict[int, int]) -> tuple[Node, Node]:
    """Return two nodes that have collected so much, and nothing else is known of."""
    a, b = Node(), Node()
    a.collect(one)
    b.collect(other)
    return a, b


def exchanged(a: Node, b: Node) -> tuple[Standing, Standing]:
    """Let `a` send a frame and `b` answer it; return how they stand to each other then."""
    at_b = b.hears(a.says())
    return a.hears(b.says()), at_b


def told(a: Node, b: Node) -> tuple[Standing, Standing]:
    """Exchange until both know; return how they stand."""
    for _ in range(3):
        standings = exchanged(a, b)
    return standings


EXPECTED = {
    (True, True): Standing.CLEAR,
    (False, True): Standing.BEHIND,
    (True, False): Standing.AHEAD,
    (False, False): Standing.APART,
}


def expected(a: Node, b: Node) -> tuple[Standing, Standing]:
    """Return how two nodes stand who know all of each other."""
    mine, yours = covers_all(a.seen, b.collected), covers_all(b.seen, a.collected)
    return EXPECTED[mine, yours], EXPECTED[yours, mine]


def is_safe(a: Node, b: Node, standing: Standing) -> bool:
    """Return whether who may exchange covers what the other has collected."""
    covered = covers_all(a.seen, b.collected) and covers_all(b.seen, a.collected)
    return covered or not standing.is_clear


def test_nodes_that_have_collected_nothing_exchange_from_the_first_frame() -> None:
    assert exchanged(Node(), Node()) == (Standing.CLEAR, Standing.CLEAR)
    assert Node().hears(None) is Standing.CLEAR
    assert Node().says() == NO_FENCE


@pytest.mark.parametrize(
    ("one", "other"), [({1: 1}, {}), ({}, {1: 1}), ({1: 1}, {2: 1}), ({1: 2}, {1: 1})]
)
def test_both_sides_know_how_they_stand_within_two_exchanges(
    one: dict[int, int], other: dict[int, int]
) -> None:
    a, b = nodes(one, other)
    exchanged(a, b)
    at_a, _ = exchanged(a, b)
    assert at_a is expected(a, b)[0]
    assert exchanged(a, b) == expected(a, b)


@given(VECTORS, VECTORS, VECTORS, VECTORS)
def test_what_is_known_of_each_other_is_judged_alike_on_both_sides(
    one: dict[int, int], other: dict[int, int], seen: dict[int, int], too: dict[int, int]
) -> None:
    a, b = nodes(one, other)
    a.seen.grow(seen)
    b.seen.grow(too)
    assert told(a, b) == expected(a, b)


def test_who_lacks_something_that_the_other_collected_is_behind_and_catches_up() -> None:
    a, b = nodes({1: 5}, {})
    assert told(b, a) == (Standing.BEHIND, Standing.AHEAD)
    b.seen.grow({1: 4})
    assert told(b, a) == (Standing.BEHIND, Standing.AHEAD)
    b.seen.grow({1: 5})
    assert told(b, a) == (Standing.CLEAR, Standing.CLEAR)


def test_two_that_each_lack_something_are_apart() -> None:
    a, b = nodes({1: 5}, {2: 5})
    assert told(a, b) == (Standing.APART, Standing.APART)
    assert Standing.APART.is_behind
    assert Standing.APART.is_fenced


def test_while_one_does_not_know_what_the_other_collected_nothing_is_said_to_be_clear() -> None:
    a, b = nodes({1: 5}, {1: 5})
    assert b.hears(a.says()) is Standing.UNKNOWN
    assert not Standing.UNKNOWN.is_clear
    assert not Standing.UNKNOWN.is_fenced
    assert told(a, b) == (Standing.CLEAR, Standing.CLEAR)
    a.collect({1: 6})
    assert b.hears(a.says()) is not Standing.CLEAR


def test_a_vector_that_is_known_travels_as_its_hash() -> None:
    a, b = nodes(dict.fromkeys(range(1, 9), 1), {})
    told(a, b)
    assert a.says().told is None
    assert b.says().told is None


def test_what_changed_travels_as_the_difference() -> None:
    a, b = nodes(dict.fromkeys(range(1, 9), 1), {})
    told(a, b)
    before = a.collected.state.hash
    a.collect({3: 7})
    assert a.says().told == VouchedBody(before, {3: 7})
    told(a, b)
    assert b.theirs.entries == a.collected


def test_a_node_that_started_anew_tells_all_again_and_asks_for_all() -> None:
    a, b = nodes({1: 5}, {2: 5})
    told(a, b)
    a.collect({1: 6})
    a.restart()  # it does not know any more what it told
    assert told(a, b) == expected(a, b)
    assert b.theirs.entries == a.collected
    assert a.theirs.entries == b.collected


def test_another_file_at_the_same_address_is_believed_what_it_says() -> None:
    a, b = nodes({1: 5}, {})
    assert told(b, a) == (Standing.BEHIND, Standing.AHEAD)
    a = Node()
    a.seen.grow({1: 1})
    assert told(b, a) == (Standing.CLEAR, Standing.CLEAR)
    assert b.theirs.entries == {}


def test_a_difference_to_what_is_not_known_is_not_taken() -> None:
    a = Node()
    body = FenceBody(77, 0, told=VouchedBody(76, {1: 5}))
    assert a.hears(body) is Standing.UNKNOWN
    assert (a.theirs.hash, a.theirs.entries) == (0, {})


def test_a_hash_that_nobody_told_is_not_known() -> None:
    a = Node()
    assert a.hears(FenceBody(77, 0)) is Standing.UNKNOWN
    b = Node()
    b.collect({1: 1})
    assert b.hears(FenceBody(0, 78)) is Standing.UNKNOWN
    assert b.hears(replace(NO_FENCE, known=b.collected.state.hash)) is Standing.CLEAR


def test_a_node_of_the_version_before_is_unknown_to_one_that_has_collected() -> None:
    a, _ = nodes({1: 5}, {})
    assert a.hears(None) is Standing.UNKNOWN


def test_what_was_covered_before_the_rows_were_read_is_what_a_frame_says() -> None:
    a, b = nodes({}, {1: 5})
    told(a, b)
    covers = a.fence.covers(a.theirs)
    a.seen.grow({1: 5})
    assert a.fence.body(a.theirs, covers=covers).covers is False
    assert a.says().covers is True


def test_only_a_node_that_spoke_says_that_nobody_may_collect() -> None:
    theirs, a, b = Theirs(), Node(), Node()
    assert not theirs.says_none
    b.fence.has_met_all = True
    a.hears(b.says())
    assert a.theirs.says_none
    b.may_collect = True
    a.hears(b.says())
    assert not a.theirs.says_none
    b.may_collect, b.fence.has_met_all = False, False
    a.hears(b.says())
    assert not a.theirs.says_none


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("collect"), st.booleans(), VECTORS),
        st.tuples(st.just("see"), st.booleans(), VECTORS),
        st.tuples(
            st.sampled_from(["say", "lose", "restart", "forget"]), st.booleans(), st.just({})
        ),
    ),
    max_size=30,
)


@given(STEPS)
def test_nobody_is_clear_who_lacks_what_the_other_collected_whatever_happens(
    steps: list[tuple[str, bool, dict[int, int]]],
) -> None:
    a, b = Node(), Node()
    for step in steps:
        one, other = (a, b) if step[1] else (b, a)
        if step[0] == "say":
            assert is_safe(one, other, other.hears(one.says()))
            assert is_safe(one, other, one.hears(other.says()))
        elif step[0] == "lose":
            other.hears(one.says())
            other.says()
        elif step[0] == "restart":
            one.restart()
        elif step[0] == "forget":
            one.forget()
        elif step[0] == "see":
            one.seen.grow(step[2])
        else:
            one.collect(step[2])
    assert told(a, b) == expected(a, b)
