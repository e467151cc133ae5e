"""Version vectors: what is covered, and who has seen more."""

from hypothesis import given
from hypothesis import strategies as st

from lastword.replication.vectors import covers, dominates

VECTORS = st.dictionaries(st.integers(1, 4), st.integers(1, 5), max_size=4)
DOTS = [(run, number) for run in range(1, 5) for number in range(1, 6)]


def covered(vector: dict[int, int]) -> set[tuple[int, int]]:
    return {dot for dot in DOTS if covers(vector, *dot)}


def test_a_run_is_covered_up_to_its_number() -> None:
    assert [covers({7: 2}, 7, number) for number in (1, 2, 3)] == [True, True, False]
    assert not covers({7: 2}, 8, 1)


@given(VECTORS, VECTORS)
def test_a_vector_dominates_exactly_those_whose_dots_it_covers(
    vector: dict[int, int], other: dict[int, int]
) -> None:
    assert dominates(vector, other) == (covered(vector) >= covered(other))
