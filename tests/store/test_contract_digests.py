"""What every store promises of the sums of sets and their stretches, over each of them."""

from collections import defaultdict
from functools import reduce
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lastword.crdt.stamp import pack
from lastword.replication.entries import Entry, SetDigest
from lastword.replication.hashing import (
    DIGEST_KEY_DEFAULT,
    NO_SUMS,
    Sums,
    element_of,
    place,
    set_position,
)
from lastword.store.base import BaseStore
from lastword.store.buckets import (
    BUCKETED_ENTRIES,
    POSITIONS_END,
    bucket_entries_max,
    divided_at_once,
    width,
)
from lastword.store.operations import PEERS_SET, Merge, Recount, Write
from lastword.store.transaction import Name, Transaction
from tests.stores import (
    START_US,
    AnyStores,
    MemoryStores,
    S,
    SqliteStores,
    Stores,
    add,
    add_each,
    in_a_folder,
    made_up,
    numbered,
    remove,
    row_of,
    walk,
)

EVERYWHERE = (0, POSITIONS_END)


def assert_buckets_add_up(store: BaseStore) -> None:
    """Check that the buckets of large sets partition them and are what their rows say."""
    rows: defaultdict[bytes, list[tuple[int, Sums]]] = defaultdict(list)
    for (name, key), row in store.all_rows():
        where = place(name, element_of(key), store.ledger.digest_key)
        rows[name].append((int.from_bytes(key[:8]), where.change(None, row.stamp)))
    for name, changes in rows.items():
        buckets = store.buckets_between(name, *EVERYWHERE)
        assert bool(buckets) == (len(changes) > store.options.bucketed_entries)
        reached = 0
        for bucket in buckets:
            assert bucket.low == reached
            reached += width(bucket.bits)
            held = [sums for position, sums in changes if bucket.low <= position < reached]
            assert bucket[2:] == (len(held), reduce(Sums.plus, held, NO_SUMS))
        assert reached == (POSITIONS_END if buckets else 0)


# -- buckets


class Change(NamedTuple):
    how: str
    set_name: bytes
    elements: list[bytes]
    time: int
    removed: bool


CHANGES = st.builds(
    Change,
    st.sampled_from(["write", "merge", "apply", "compare"]),
    st.sampled_from([S, b"other"]),
    st.lists(st.sampled_from(numbered(60)), min_size=1, max_size=12, unique=True),
    st.integers(1, 5),
    st.booleans(),
)
UPKEEP = st.sampled_from(["reopen", "copy", "recount", "redot"])


@pytest.mark.slow
@pytest.mark.parametrize("kind", [MemoryStores, SqliteStores], ids=["memory", "sqlite"])
@given(
    steps=st.lists(st.one_of(CHANGES, CHANGES, CHANGES, UPKEEP), max_size=20),
    bucketed_entries=st.sampled_from([1, 4, 8, 20]),
)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_buckets_are_always_what_the_rows_say(
    kind: type[Stores[BaseStore]], steps: list[Change | str], bucketed_entries: int
) -> None:
    with in_a_folder(kind) as stores:
        stores.bucketed_entries = bucketed_entries
        store = stores.open()
        for step in steps:
            if isinstance(step, Change):
                change(store, step)
            elif step == "recount":
                assert not store.recount(S)
            elif step == "redot":
                store.redot(age_us=0)
            elif step == "reopen":
                store = stores.reopen()
            else:
                stores.copy("a", "b")
                store = stores.open("b")
                stores.copy("b", "a")
                store = stores.open()
            assert_buckets_add_up(store)


def change(store: BaseStore, step: Change) -> None:
    how, set_name, elements, time, removed = step
    stamp = pack(time, removed=removed)
    entries = tuple(Entry(set_name, element, stamp, run=9, number=time) for element in elements)
    if how == "merge":
        store.execute(Merge(set_name, dict.fromkeys(elements, stamp)))
    elif how == "apply":
        page = made_up(store, *entries, cursor=store.cursor("p:1"))
        assert store.apply(page, "p:1") is not None
    elif how == "compare":
        store.apply_entries(entries)
    elif removed:
        store.execute(Write(set_name, remove=tuple(elements)))
    else:
        store.execute(Write(set_name, add=tuple(elements), time=time))


def test_a_set_gets_buckets_when_it_has_more_entries_than_one_comparison_reads(
    stores: AnyStores,
) -> None:
    store = stores.open()
    add(store, *numbered(500))
    remove(store, *numbered(12, b"removed"))
    assert store.buckets_between(S, *EVERYWHERE) == []

    add(store, b"one more")

    assert 4 <= len(store.buckets_between(S, *EVERYWHERE)) <= 16
    assert_buckets_add_up(store)


def test_buckets_grow_in_number_with_their_set(stores: AnyStores) -> None:
    store = stores.open()
    for part in range(8):
        add(store, *numbered(1_000, b"%d-" % part))
    assert_buckets_add_up(store)
    buckets = store.buckets_between(S, *EVERYWHERE)
    assert max(bucket.entries for bucket in buckets) <= 128
    assert 8_000 / 128 <= len(buckets) <= 8_000 / 24


def test_buckets_of_a_stretch_are_those_that_overlap_it(stores: AnyStores) -> None:
    stores.bucketed_entries = 8
    store = stores.open()
    add_each(store, 50)
    every = store.buckets_between(S, *EVERYWHERE)

    found = store.buckets_between(S, every[3].low + 1, every[6].low + 1)

    assert found == every[3:7]
    assert store.buckets_between(S, every[3].low, every[4].low) == [every[3]]
    assert store.buckets_between(b"no such set", *EVERYWHERE) == []


# -- sets


def test_sets_are_listed_by_position_also_those_that_came_later(stores: AnyStores) -> None:
    store = stores.open()
    names = [b"set-%d" % number for number in range(40)]
    for name in names[:30]:
        store.execute(Write(name, add=(b"a", b"b"), remove=(b"c",)))
    assert len(store.sets_between(*EVERYWHERE)) == 30
    for name in names[30:]:
        store.execute(Write(name, add=(b"a", b"b"), remove=(b"c",)))

    digests = store.sets_between(*EVERYWHERE)

    assert digests == sorted(
        SetDigest(set_position(name, DIGEST_KEY_DEFAULT), name, 3, store.totals()[name].sums)
        for name in names
    )
    low, high = digests[5].position, digests[9].position
    assert store.sets_between(low, high) == digests[5:9]
    assert store.sets_between(low, low) == []


def test_a_set_without_entries_is_not_listed(stores: AnyStores) -> None:
    store = stores.open()
    assert store.sets_between(*EVERYWHERE) == []
    assert store.contains(S, b"a") is None
    store.list_member("a:1")
    assert [digest.name for digest in store.sets_between(*EVERYWHERE)] == [PEERS_SET]


# -- rows


def test_rows_of_a_stretch_are_read_in_order_and_up_to_a_limit(stores: AnyStores) -> None:
    store = stores.open()
    add_each(store, 30)
    store.execute(Write(b"other", add=(b"x",)))
    keys = [key for key, _ in store.entries(S, limit=99)]

    def read(low: bytes, high: bytes | None, limit: int = 99) -> list[bytes]:
        return [held.key for held in store.rows_between(S, low, high, limit)]

    assert read(b"", None) == keys
    assert read(keys[3], keys[7]) == keys[3:7]
    assert read(keys[3], None, limit=4) == keys[3:7]
    assert read(keys[-1], None) == keys[-1:]
    assert read(keys[3], keys[3]) == []
    assert store.rows_between(b"no such set", b"", None, 9) == []
    (held,) = store.rows_between(S, keys[3], None, 1)
    assert held[1:] == row_of(store, S, element_of(keys[3]))[:3]


def test_rows_that_came_later_are_read_in_their_places(stores: AnyStores) -> None:
    store = stores.open()
    add_each(store, 10)
    assert len(store.rows_between(S, b"", None, 99)) == 10
    add_each(store, 10, b"later")
    keys = [held.key for held in store.rows_between(S, b"", None, 99)]
    assert keys == sorted(keys)
    assert len(keys) == 20


def test_rows_are_read_of_one_snapshot(stores: AnyStores) -> None:
    store = stores.open()
    add(store, b"a", b"b")
    with store.reading():
        assert len(store.rows_between(S, b"", None, 99)) == 2
        assert len(store.entries(S, limit=99)) == 2


# -- what a comparison brings


def test_entries_of_a_comparison_are_joined_and_raise_no_vector(stores: AnyStores) -> None:
    store = stores.open()
    add(store, b"newer here", time=START_US)
    seen = dict(store.seen)

    applied = store.apply_entries(
        (
            Entry(S, b"new", 10, run=7, number=3),
            Entry(S, b"newer here", 10, run=7, number=4),
        )
    )

    assert (applied.received, applied.changed, applied.repairs) == (2, 1, 0)
    assert store.seen == seen
    assert row_of(store, S, b"new")[:3] == (10, 7, 3)


def test_an_entry_that_was_covered_and_lacking_is_counted_as_a_repair(stores: AnyStores) -> None:
    store = stores.open()
    store.apply(made_up(store, seen={7: 5}), "p:1")
    assert store.apply_entries((Entry(S, b"lost", 10, run=7, number=3),)).repairs == 1


# -- recounts


def test_a_recount_of_what_is_right_changes_nothing(stores: AnyStores) -> None:
    stores.bucketed_entries = 8
    store = stores.open()
    add_each(store, 40)
    before = store.ledger.copy()
    for name in (S, b"no such set"):
        assert not store.recount(name)
    assert store.ledger == before


class Together(NamedTuple):
    """Operations of one transaction."""

    operations: tuple[Write | Recount, ...]

    def touches(self) -> list[Name]:
        return [name for operation in self.operations for name in operation.touches()]

    def run(self, transaction: Transaction) -> list[int | bool]:
        return [operation.run(transaction) for operation in self.operations]


def test_a_recount_stands_with_the_writes_of_its_transaction(stores: AnyStores) -> None:
    stores.bucketed_entries = 8
    store = stores.open()
    add_each(store, 40)
    totals = store.ledger.totals[S]
    store.ledger.totals[S] = totals._replace(present=totals.present + 1)
    store.ledger.buckets[S].entries[2] += 1
    more, others = (tuple(numbered(30, prefix)) for prefix in (b"more", b"others"))

    _, wrong, _ = store.execute(Together((Write(S, add=more), Recount(S), Write(S, add=others))))

    assert wrong
    assert store.totals()[S].present == 100
    assert_buckets_add_up(store)
    assert not store.recount(S)


def test_two_stores_of_equal_entries_have_equal_sums_whatever_their_buckets(
    stores: AnyStores,
) -> None:
    stores.bucketed_entries = 8
    first = stores.open("first")
    add_each(first, 60)
    stores.bucketed_entries = 20
    second = stores.open("second")
    walk(second, first)
    assert first.sums() == second.sums()
    assert first.sets_between(*EVERYWHERE) == second.sets_between(*EVERYWHERE)
    assert len(first.buckets_between(S, *EVERYWHERE)) > len(second.buckets_between(S, *EVERYWHERE))


def test_one_transaction_divides_few_buckets_and_later_ones_the_rest(stores: AnyStores) -> None:
    """All buckets of a set grow too large at about the same time."""
    store = stores.open()
    for start in range(0, 8_000, 2_000):
        store.execute(Write(S, add=tuple(b"%d" % n for n in range(start, start + 2_000))))
    most = 0
    for number in range(8_000, 20_000, 40):
        before = len(store.ledger.buckets[S])
        store.execute(Write(S, add=tuple(b"%d" % n for n in range(number, number + 40))))
        most = max(most, len(store.ledger.buckets[S]) - before)
    assert most <= 3 * divided_at_once(40)
    assert max(store.ledger.buckets[S].entries) < 2 * bucket_entries_max(BUCKETED_ENTRIES)
