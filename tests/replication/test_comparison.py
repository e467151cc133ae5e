"""Two stores that compare hold the join of both at the end, whatever they held and was written."""

from collections.abc import Iterator
from random import Random
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lastword.crdt.stamp import pack
from lastword.limits import ELEMENT_BYTES_MAX
from lastword.replication import digests
from lastword.replication.comparison import IDLE_PASSES_MAX, PASSES_MAX
from lastword.replication.digests import Salt
from lastword.replication.entries import Entry
from lastword.replication.hashing import Sums
from lastword.store.base import BaseStore
from lastword.store.operations import Merge
from lastword.store.transaction import Transaction
from tests.replication.talk import State, Talk, fill, joined, numbered_state, random_state
from tests.stores import (
    START_US,
    AnyStores,
    MemoryStores,
    S,
    SqliteStores,
    Store,
    Stores,
    add_each,
    in_a_folder,
    remove,
    row_of,
    stamps,
    walk,
)

SOME = settings(max_examples=25, deadline=None)
FEW = settings(max_examples=5, deadline=None)
"""On disk every example waits for its commits."""


class Sides(NamedTuple):
    """Two states, alike as far as `shared` says, and how finely each side keeps sums."""

    shared: State
    first: State
    second: State
    bucketed: tuple[int, int]


def _sides(seed: int, sets: int, counts: tuple[int, int, int], bucketed: tuple[int, int]) -> Sides:
    rng = Random(seed)
    shared, first, second = (random_state(rng, sets, count) for count in counts)
    return Sides(shared, first, second, bucketed)


COUNTS = st.sampled_from([0, 0, 1, 5, 40, 400, 1_500])
SIDES = st.builds(
    _sides,
    st.integers(0, 2**32),
    st.sampled_from([0, 1, 1, 2, 7, 40]),
    st.tuples(COUNTS, COUNTS, COUNTS),
    st.tuples(st.sampled_from([4, 64, 512]), st.sampled_from([4, 64, 512])),
)


def opened(stores: Stores[Store], sides: Sides) -> tuple[BaseStore, BaseStore]:
    both = []
    for name, state, bucketed in zip("ab", sides[1:3], sides.bucketed, strict=True):
        stores.bucketed_entries = bucketed
        store = stores.open(name)
        fill(store, sides.shared)
        fill(store, state)
        both.append(store)
    return both[0], both[1]


def assert_joined(a: BaseStore, b: BaseStore, expected: State) -> None:
    for store in (a, b):
        assert stamps(store) == expected
        store.check()
    assert a.sums() == b.sums()


# -- any two states


@pytest.mark.slow
@given(sides=SIDES, nonce=st.integers(0, 2**62))
@SOME
def test_any_two_states_end_as_their_join_and_raise_neither_cursor_nor_vector(
    sides: Sides, nonce: int
) -> None:
    check_any_two_states(MemoryStores, sides, nonce)


@pytest.mark.slow
@given(sides=SIDES, nonce=st.integers(0, 2**62))
@FEW
def test_any_two_states_on_disk_end_as_their_join_and_raise_neither_cursor_nor_vector(
    sides: Sides, nonce: int
) -> None:
    check_any_two_states(SqliteStores, sides, nonce)


def check_any_two_states(kind: type[Stores[Store]], sides: Sides, nonce: int) -> None:
    with in_a_folder(kind) as stores:
        a, b = opened(stores, sides)
        expected = joined(a, b)
        vectors = [(dict(store.seen), dict(store.ledger.cursors)) for store in (a, b)]

        talk = Talk(a, b, nonce)
        comparison = talk.run()

        assert comparison.is_equal
        assert comparison.passes <= 2 + len(expected) // 500
        assert talk.suspects == [set(), set()]
        assert [(store.seen, store.ledger.cursors) for store in (a, b)] == vectors
        assert_joined(a, b, expected)


class Writes:
    """Writes that land on either side before every message, from a random source."""

    def __init__(self, a: BaseStore, b: BaseStore, seed: int) -> None:
        self.written: State = {}
        self._stores = (a, b)
        self._rng = Random(seed)

    def __call__(self) -> None:
        for store in self._stores:
            if self._rng.random() < 0.7:
                later = 1 + self._rng.randrange(5)
                state = random_state(self._rng, 3, 6)
                fill(store, {name: stamp + 2 * later for name, stamp in state.items()})
                for name, stamp in state.items():
                    self.written[name] = max(stamp + 2 * later, self.written.get(name, -1))


@pytest.mark.slow
@given(sides=SIDES, seed=st.integers(0, 2**32))
@SOME
def test_with_writes_between_all_messages_it_ends_and_a_quiet_one_after_it_ends_equal(
    sides: Sides, seed: int
) -> None:
    check_with_writes(MemoryStores, sides, seed)


@pytest.mark.slow
@given(sides=SIDES, seed=st.integers(0, 2**32))
@FEW
def test_with_writes_on_disk_it_ends_and_a_quiet_one_after_it_ends_equal(
    sides: Sides, seed: int
) -> None:
    check_with_writes(SqliteStores, sides, seed)


def check_with_writes(kind: type[Stores[Store]], sides: Sides, seed: int) -> None:
    with in_a_folder(kind) as stores:
        a, b = opened(stores, sides)
        expected = joined(a, b)
        writes = Writes(a, b, seed)

        assert Talk(a, b, between=writes).run().passes <= PASSES_MAX + 1

        for name, stamp in writes.written.items():
            expected[name] = max(stamp, expected.get(name, -1))
        assert joined(a, b) == expected
        assert Talk(b, a, nonce=seed).run().is_equal
        assert_joined(a, b, expected)


@pytest.mark.slow
@pytest.mark.parametrize("bits", [4, 6])
@given(sides=SIDES)
@settings(SOME, max_examples=15)
def test_fingerprints_of_few_bits_take_more_passes_and_lose_nothing(
    bits: int, sides: Sides
) -> None:
    def shortened(salt: Salt, sums: Sums) -> bytes:
        return (salt.root(sums) % (1 << bits)).to_bytes(2, "little")

    with in_a_folder(MemoryStores) as stores, pytest.MonkeyPatch.context() as patch:
        patch.setattr(digests.Salt, "short", shortened)
        a, b = opened(stores, sides)
        expected = joined(a, b)
        for nonce in range(0, 2_000, 100):
            if Talk(a, b, nonce).run().is_equal:
                break
            assert joined(a, b) == expected
        assert_joined(a, b, expected)


# -- what is special


@pytest.mark.parametrize(
    ("first", "second"), [(0, 0), (0, 300), (300, 0)], ids=["both", "initiator", "responder"]
)
def test_whoever_holds_nothing_gets_everything(stores: AnyStores, first: int, second: int) -> None:
    a, b = stores.open("a"), stores.open("b")
    fill(a, random_state(Random(1), 5, first))
    fill(b, random_state(Random(1), 5, second))
    expected = joined(a, b)
    talk = Talk(a, b)
    assert talk.run().is_equal
    assert talk.comparison.passes == bool(first or second)
    assert talk.comparison.exchanged == len(expected)
    assert_joined(a, b, expected)


def test_one_set_of_many_that_differs_is_found_alone(stores: AnyStores) -> None:
    a, b = stores.open("a"), stores.open("b")
    for store in (a, b):
        fill(store, {(b"set %d" % index, b"e"): 2 * START_US for index in range(150)})
    fill(a, {(b"set 70", b"only here"): 2 * START_US})
    expected = joined(a, b)
    talk = Talk(b, a)
    assert talk.run().exchanged == 1
    assert len(talk.messages) <= 8
    assert_joined(a, b, expected)


@pytest.mark.parametrize("count", [1, 40, 900])
def test_a_set_of_tombstones_alone_goes_over(stores: AnyStores, count: int) -> None:
    a, b = stores.open("a"), stores.open("b")
    fill(a, {(b"gone", b"%d" % index): 2 * START_US + 1 for index in range(count)})
    expected = joined(a, b)
    assert Talk(a, b).run().is_equal
    assert b.totals()[b"gone"][:2] == (0, count)
    assert_joined(a, b, expected)


def test_elements_of_no_and_of_most_bytes_go_over(stores: AnyStores) -> None:
    a, b = stores.open("a"), stores.open("b")
    longest = b"x" * ELEMENT_BYTES_MAX
    for store, elements in ((a, [b"", longest]), (b, [longest[:-1]])):
        store.execute(Merge(S, dict.fromkeys(elements, pack(START_US, removed=False))))
    expected = joined(a, b)
    assert Talk(a, b).run().is_equal
    assert_joined(a, b, expected)


def test_entries_keep_their_dots_on_the_way(stores: AnyStores) -> None:
    a, b = stores.open("a"), stores.open("b")
    a.apply_entries((Entry(S, b"e", 20, run=77, number=5),))
    Talk(b, a).run()
    assert row_of(b, S, b"e")[:3] == (20, 77, 5)


def test_what_was_lost_though_covered_counts_as_repaired_and_what_is_new_does_not(
    stores: AnyStores,
) -> None:
    a, b = stores.open("a"), stores.open("b")
    a.apply_entries(tuple(Entry(S, b"%d" % n, 20, run=77, number=n) for n in range(1, 11)))
    b.execute(Raise({77: 6}))
    talk = Talk(a, b)
    talk.run()
    assert talk.repairs == [0, 6]


class Raise(NamedTuple):
    """Coverage of what is not held, as after a loss."""

    vector: dict[int, int]

    def touches(self) -> tuple[()]:
        return ()

    def run(self, transaction: Transaction) -> None:
        transaction.raise_seen(self.vector)


# -- what it costs


def test_equal_states_cost_one_exchange_of_128_bytes(stores: AnyStores) -> None:
    a, b = stores.open("a"), stores.open("b")
    add_each(a, 30)
    walk(b, a)
    walk(a, b)
    talk = Talk(a, b, nonce=2**62 - 2)
    assert talk.run().is_equal
    assert len(talk.messages) == 2
    assert sum(talk.messages) <= 128


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
def test_one_difference_in_20_000_elements_costs_12_messages_and_1_176_bytes(
    memory_pair: tuple[BaseStore, BaseStore], seed: int
) -> None:
    a, b = memory_pair
    time = START_US + 1 + seed
    (a if seed % 2 else b).execute(Merge(S, {b"%d" % (seed * 999): pack(time, removed=False)}))
    talk = Talk(a, b, nonce=seed << 40)
    assert talk.run().exchanged <= 2
    assert len(talk.messages) <= 12
    assert sum(talk.messages) < 1_176


@pytest.fixture(scope="module")
def memory_pair(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[BaseStore, BaseStore]]:
    stores = MemoryStores(tmp_path_factory.mktemp("stores"))
    a, b = stores.open("a"), stores.open("b")
    for store in (a, b):
        fill(store, numbered_state(20_000))
    yield a, b
    stores.finish()


# -- ends


def test_sums_gone_wrong_on_both_sides_end_it_after_two_passes_for_nothing() -> None:
    with in_a_folder(MemoryStores) as stores:
        a, b = stores.open("a"), stores.open("b")
        fill(a, numbered_state(20))
        fill(b, numbered_state(20))
        a.ledger.sums = a.ledger.sums.plus(Sums(1, 1))
        comparison = Talk(a, b).run()
        assert (comparison.is_equal, comparison.exchanged) == (False, 0)
        assert comparison.passes == 1 + IDLE_PASSES_MAX
        a.ledger.sums = b.ledger.sums
        remove(a, b"0")
