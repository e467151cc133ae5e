"""What travels of vectors is enough, and no more than what changed."""

from hypothesis import given
from hypothesis import strategies as st

from lastword.replication.knowledge import (
    SMALL_VECTOR_ENTRIES,
    TOLD_MAX,
    History,
    Taken,
    Told,
    Vouched,
)
from lastword.replication.vectors import GrowingVector, covers, vector_hash

RUNS = st.integers(1, 5)
VECTORS = st.dictionaries(RUNS, st.integers(1, 5), max_size=4)
LARGE = dict.fromkeys(range(1, SMALL_VECTOR_ENTRIES + 2), 1)


class Pair:
    """A giver and a taker, as walks without entries leave them."""

    def __init__(self) -> None:
        self.giver, self.taker = GrowingVector(), GrowingVector()
        self.told, self.taken = History(), Taken()

    def walk(self) -> Vouched:
        state = self.giver.state
        vouched = self.told.vouch(self.giver, state, self.taken.hash, self.taker.state.hash)
        self.taker.grow(vouched.entries)
        self.taken.take(self.taker, vouched, state.hash)
        return vouched


@given(st.lists(st.tuples(VECTORS, VECTORS, st.sampled_from(["", "giver", "taker"]))))
def test_after_a_walk_the_taker_covers_the_giver_whoever_was_started_anew(
    steps: list[tuple[dict[int, int], dict[int, int], str]],
) -> None:
    pair = Pair()
    for giver, taker, restarted in steps:
        pair.giver.grow(giver)
        pair.taker.grow(taker)
        if restarted == "giver":
            pair.told, pair.giver = History(), GrowingVector(pair.giver)
        elif restarted == "taker":
            pair.taken, pair.taker = Taken(), GrowingVector(pair.taker)
        pair.walk()
        assert all(covers(pair.taker, *dot) for dot in pair.giver.items())
        assert pair.taken.hash == vector_hash(pair.giver)


@given(st.lists(st.tuples(VECTORS, VECTORS), min_size=1), VECTORS)
def test_what_an_asker_tells_is_true_and_names_all_in_which_it_is_ahead(
    steps: list[tuple[dict[int, int], dict[int, int]]], last: dict[int, int]
) -> None:
    pair = Pair()
    for giver, taker in steps:
        pair.giver.grow(giver)
        pair.taker.grow(taker)
        pair.walk()
    taken = dict(pair.giver)
    pair.taker.grow(last)

    told = pair.taken.to_tell(pair.taker, SMALL_VECTOR_ENTRIES)

    assert told.is_enough
    assert all(pair.taker[run] == number for run, number in told.entries.items())
    ahead = {run for run, number in pair.taker.items() if number > taken.get(run, 0)}
    assert told.entries.keys() >= ahead


def test_of_a_large_vector_only_what_changed_travels_once_it_was_taken() -> None:
    pair = Pair()
    pair.giver.grow(LARGE)
    assert pair.walk() == Vouched(0, LARGE)
    pair.giver.grow({1: 7})
    assert pair.walk().entries == {1: 7}
    pair.taker.grow({2: 9})
    assert pair.taken.to_tell(pair.taker, SMALL_VECTOR_ENTRIES) == Told({2: 9})


def test_equal_vectors_send_nothing_also_where_nothing_is_known() -> None:
    pair = Pair()
    pair.giver.grow(LARGE)
    pair.taker.grow(LARGE)
    assert pair.walk() == Vouched(vector_hash(LARGE), {})
    assert pair.taken.to_tell(pair.taker, SMALL_VECTOR_ENTRIES) == Told({})


def test_an_asker_that_knows_nothing_tells_a_small_vector_whole_and_of_a_large_one_nothing() -> (
    None
):
    small = GrowingVector({1: 2})
    assert Taken().to_tell(small, SMALL_VECTOR_ENTRIES) == Told({1: 2})
    large, taken = GrowingVector(LARGE), Taken()
    assert taken.to_tell(large, SMALL_VECTOR_ENTRIES) == Told({}, is_enough=False)
    taken.ask([5, 1 << 40])
    assert taken.to_tell(large, SMALL_VECTOR_ENTRIES) == Told({5: 1, 1 << 40: 0}, is_enough=False)


def test_a_part_of_an_unknown_vector_is_not_taken_for_knowledge() -> None:
    own = GrowingVector({1: 5})
    taken = Taken()
    taken.take(own, Vouched(99, {1: 3}), 77)
    assert taken.ahead is None
    assert taken.to_tell(own, SMALL_VECTOR_ENTRIES) == Told({1: 5})


def test_what_was_told_long_ago_is_forgotten_and_travels_whole() -> None:
    pair = Pair()
    pair.giver.grow({1: 1})
    pair.walk()
    for number in range(2, TOLD_MAX + 2):
        pair.giver.grow({2: number})
        pair.told.vouch(pair.giver, pair.giver.state, 0)
    assert len(pair.told.versions) == TOLD_MAX
    assert pair.walk() == Vouched(0, dict(pair.giver))


def test_what_grows_while_it_is_told_is_told_the_next_time() -> None:
    pair = Pair()
    pair.giver.grow(LARGE)
    pair.walk()
    pair.giver.grow({1: 7, 2: 7})
    grown = pair.giver._grown.pop(1)  # another thread is about to grow it once more
    assert pair.walk().entries == {2: 7}
    pair.giver._grown[1] = grown
    pair.giver.grow({1: 8})
    assert pair.walk().entries == {1: 8}
    assert pair.taker == pair.giver
