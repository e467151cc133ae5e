"""Version vectors: what is covered, what grew since when, and what a hash stands for."""

from hypothesis import given
from hypothesis import strategies as st

from lastword.replication.vectors import GrowingVector, covers, vector_hash

VECTORS = st.dictionaries(st.integers(1, 6), st.integers(1, 5), max_size=6)


def joined(*vectors: dict[int, int]) -> dict[int, int]:
    runs = {run for vector in vectors for run in vector}
    return {run: max(vector.get(run, 0) for vector in vectors) for run in runs}


def test_a_run_is_covered_up_to_its_number() -> None:
    assert [covers({7: 2}, 7, number) for number in (1, 2, 3)] == [True, True, False]
    assert not covers({7: 2}, 8, 1)


@given(st.lists(VECTORS, max_size=5))
def test_growing_takes_the_maximum_and_keeps_the_hash_of_all(steps: list[dict[int, int]]) -> None:
    vector = GrowingVector()
    for step in steps:
        vector.grow(step)
    assert vector == joined(*steps)
    assert vector.state.hash == vector_hash(vector) == GrowingVector(vector).state.hash


@given(VECTORS, st.lists(VECTORS, max_size=4))
def test_what_grew_since_a_version_makes_the_vector_of_then_that_of_now(
    first: dict[int, int], steps: list[dict[int, int]]
) -> None:
    vector = GrowingVector(first)
    version = vector.state.version
    for step in steps:
        vector.grow(step)
    since = vector.since(version)
    assert joined(first, since) == vector
    assert all(first.get(run, 0) < number for run, number in since.items())


def test_equal_vectors_have_one_hash_and_others_have_others() -> None:
    some = [{}, {1: 1}, {1: 2}, {2: 1}, {1: 1, 2: 1}, {1: 2, 2: 1}, {1 << 62: 1 << 40}]
    assert len({vector_hash(vector) for vector in some}) == len(some)
    assert vector_hash({}) == 0
    assert vector_hash({1: 2, 3: 4}) == vector_hash({3: 4, 1: 2})


def test_a_hash_is_the_published_one() -> None:
    assert vector_hash({1: 2, 3: 4}) == 7037513121487433385


def test_a_copy_is_left_alone_by_what_the_other_does() -> None:
    vector = GrowingVector({1: 1})
    twin = vector.copy()
    vector.grow({1: 2, 2: 2})
    assert twin == {1: 1}
    assert twin.state.hash == vector_hash({1: 1})
    twin.grow({3: 3})
    assert twin.since(1) == {3: 3}
