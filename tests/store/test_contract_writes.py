"""What every store promises of writes, counts and sums, over each of them."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Struct

from lastword.crdt.stamp import is_removed, pack, time_of
from lastword.errors import FutureTime
from lastword.limits import (
    ELEMENT_BYTES_MAX,
    MAX_SKEW_US_DEFAULT,
)
from lastword.replication.entries import Entry
from lastword.replication.hashing import NO_SUMS, element_of
from lastword.store.base import BaseStore
from lastword.store.ledger import Totals
from lastword.store.operations import Merge, Write, WriteInTurn
from lastword.store.transaction import Transaction
from tests.crdt.test_laws import HISTORIES, Operation, modelled, replayed
from tests.stores import (
    HOUR_US,
    SECOND_US,
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
    remove,
    stamps,
    walk,
)

AN_HOUR_AHEAD = pack(START_US + HOUR_US, removed=False)


# -- writes


def test_a_set_without_entries_is_told_from_one_without_the_element(stores: AnyStores) -> None:
    store = stores.open()
    assert store.contains(S, b"a") is None

    add(store, b"a")

    assert store.contains(S, b"a") is True
    assert store.contains(S, b"b") is False
    assert store.contains(b"other", b"a") is None


def test_a_removed_element_is_absent_and_its_set_still_has_entries(stores: AnyStores) -> None:
    store = stores.open()
    remove(store, b"never added")
    assert store.contains(S, b"never added") is False


def test_adds_and_removes_of_one_write_are_done_at_one_time(stores: AnyStores) -> None:
    store = stores.open()
    add(store, b"old")
    stores.wall.now_us += 1

    time = store.execute(Write(S, add=(b"new", b"new"), remove=(b"old",)))

    assert time == stores.wall.now_us
    assert stamps(store) == {
        (S, b"new"): pack(time, removed=False),
        (S, b"old"): pack(time, removed=True),
    }


def test_writes_in_turn_are_one_commit_and_a_later_one_sees_an_earlier_one(
    stores: AnyStores,
) -> None:
    store = stores.open()
    before = store.log_end
    done = store.execute(
        WriteInTurn(
            (
                Write(S, add=(b"a", b"b")),
                Write(b"other", add=(b"a",), time=7),
                Write(S, remove=(b"a",)),
                Write(S),
                Write(S, remove=(b"b",)),
                Write(S, add=(b"b",)),
            )
        )
    )
    assert done == (6, 7, None)
    assert store.log_end == before + 6
    now = stores.wall.now_us
    assert stamps(store) == {
        (S, b"a"): pack(now, removed=True),
        (S, b"b"): pack(now + 1, removed=False),
        (b"other", b"a"): pack(7, removed=False),
    }


def test_writes_in_turn_end_with_the_first_that_is_refused(stores: AnyStores) -> None:
    store = stores.open()
    done = store.execute(
        WriteInTurn(
            (
                Write(S, add=(b"a",)),
                Write(S, add=(b"b",), remove=(b"c",), time=START_US + HOUR_US),
                Write(S, add=(b"d",)),
            )
        )
    )
    assert done.writes == 1
    assert isinstance(done.refusal, FutureTime)
    assert stamps(store).keys() == {(S, b"a")}
    assert store.execute(WriteInTurn(())) == (0, None, None)


@pytest.mark.parametrize("element", [b"", b"\x00", b"\xff\xfe", b"/", b"a" * ELEMENT_BYTES_MAX])
def test_an_element_is_any_bytes(stores: AnyStores, element: bytes) -> None:
    store = stores.open()
    add(store, element)
    assert store.contains(S, element) is True
    assert [element_of(key) for key, _ in store.entries(S, limit=9)] == [element]


def test_a_write_is_visible_also_over_a_stamp_from_the_future(stores: AnyStores) -> None:
    store = stores.open()
    future = Entry(S, b"a", AN_HOUR_AHEAD, run=9, number=1)
    store.apply(made_up(store, future, seen={9: 1}), "p:1")
    assert store.contains(S, b"a") is True

    time = remove(store, b"a")

    assert store.contains(S, b"a") is False
    assert time == START_US + HOUR_US
    assert add(store, b"a") == START_US + HOUR_US + 1
    assert store.contains(S, b"a") is True


def test_a_stamp_from_the_future_does_not_lead_the_clock_away(stores: AnyStores) -> None:
    store = stores.open()
    future = Entry(S, b"a", AN_HOUR_AHEAD, run=9, number=1)
    store.apply(made_up(store, future, seen={9: 1}), "p:1")
    assert add(store, b"b") == START_US


def test_a_write_comes_after_what_another_node_wrote_within_the_skew(stores: AnyStores) -> None:
    store = stores.open()
    ahead = Entry(S, b"a", pack(START_US + SECOND_US, removed=False), run=9, number=1)
    store.apply(made_up(store, ahead, seen={9: 1}), "p:1")
    assert add(store, b"b") == START_US + SECOND_US + 1


def test_an_older_time_of_a_client_stands_and_changes_nothing(stores: AnyStores) -> None:
    store = stores.open()
    add(store, b"a", time=1_000)
    before, log_end = stamps(store), store.log_end

    assert remove(store, b"a", time=999) == 999
    assert add(store, b"a", time=1_000) == 1_000

    assert stamps(store) == before
    assert store.log_end == log_end


def test_at_equal_times_remove_wins_in_either_order(stores: AnyStores) -> None:
    store = stores.open()
    add(store, b"a", time=5)
    remove(store, b"a", time=5)
    remove(store, b"b", time=5)
    add(store, b"b", time=5)
    assert store.contains(S, b"a") is False
    assert store.contains(S, b"b") is False


FUTURE = pack(START_US + MAX_SKEW_US_DEFAULT + 1, removed=False)


@pytest.mark.parametrize(
    "operation",
    [
        Merge(S, {b"a": 2, b"b": FUTURE, b"c": 2}),
        Write(S, add=(b"a", b"b"), remove=(b"c",), time=time_of(FUTURE)),
    ],
    ids=["merge", "write"],
)
def test_one_time_too_far_ahead_refuses_the_whole_operation(
    stores: AnyStores, operation: Merge | Write
) -> None:
    store = stores.open()
    add(store, b"c", time=START_US)
    before, log_end = stamps(store), store.log_end

    with pytest.raises(FutureTime, match="1 microseconds further ahead"):
        store.execute(operation)

    assert stamps(store) == before
    assert store.log_end == log_end


def test_the_greatest_allowed_time_is_taken(stores: AnyStores) -> None:
    store = stores.open()
    add(store, b"a", time=START_US + MAX_SKEW_US_DEFAULT)
    assert store.contains(S, b"a") is True


def test_a_time_too_far_ahead_that_changes_nothing_is_not_refused(stores: AnyStores) -> None:
    store = stores.open()
    held = Entry(S, b"a", AN_HOUR_AHEAD, run=9, number=1)
    store.apply(made_up(store, held, seen={9: 1}), "p:1")
    assert store.execute(Merge(S, {b"a": AN_HOUR_AHEAD, b"b": 2})).changed == 1


def test_times_can_be_checked_before_a_state_is_merged_in_slices(stores: AnyStores) -> None:
    store = stores.open()
    held = Entry(S, b"held", AN_HOUR_AHEAD, run=9, number=1)
    store.apply(made_up(store, held, seen={9: 1}), "p:1")

    store.check_times(S, {b"held": AN_HOUR_AHEAD, b"a": FUTURE - 2})

    with pytest.raises(FutureTime):
        store.check_times(S, {b"a": 2, b"b": FUTURE})


def test_a_merge_tells_how_many_elements_it_changed(stores: AnyStores) -> None:
    store = stores.open()
    add(store, b"a", time=5)
    assert store.execute(Merge(S, {b"a": 2 * 5, b"b": 2 * 5, b"c": 2 * 5 + 1})).changed == 2
    assert store.execute(Merge(S, {b"a": 2 * 5, b"b": 2 * 5, b"c": 2 * 5 + 1})).changed == 0


# -- one order everywhere


@pytest.mark.parametrize("kind", [MemoryStores, SqliteStores], ids=["memory", "sqlite"])
@given(history=HISTORIES, merges=st.lists(st.booleans(), min_size=12, max_size=12))
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_library_store_and_page_end_in_the_same_stamps(
    kind: type[Stores[BaseStore]], history: list[Operation], merges: list[bool]
) -> None:
    library = replayed(history)
    expected = {(S, element.encode()): stamp for element, stamp in library.entries()}
    with in_a_folder(kind) as stores:
        store = stores.open("first")
        for operation, merge in zip(history, merges, strict=False):
            _write(store, operation, merge=merge)
        third = stores.open("third", page_rows=2)
        half = len(history) // 2
        for operation in reversed(history[half:]):
            _write(third, operation, merge=False)
        walk(third, store)

        for copy in (store, third):
            assert stamps(copy) == expected
            assert _members(copy) == modelled(history).members()
        assert store.sums() == third.sums()


def _write(store: BaseStore, operation: Operation, *, merge: bool) -> None:
    element, time, removes = operation
    name = element.encode()
    if merge:
        store.execute(Merge(S, {name: pack(time, removed=removes)}))
    elif removes:
        remove(store, name, time=time)
    else:
        add(store, name, time=time)


def _members(store: BaseStore) -> set[str]:
    return {
        element_of(key).decode()
        for key, stamp in store.entries(S, limit=99)
        if not is_removed(stamp)
    }


# -- counts, sums, log


def test_counts_follow_every_change(stores: AnyStores) -> None:
    store = stores.open()

    def counts() -> tuple[int, int]:
        totals = store.totals().get(S, Totals())
        return totals.present, totals.tombstones

    assert counts() == (0, 0)
    add(store, b"a", b"b")
    assert counts() == (2, 0)
    remove(store, b"a", b"c")
    assert counts() == (1, 2)
    add(store, b"a")
    assert counts() == (2, 1)
    add(store, b"a", time=1)
    assert counts() == (2, 1)


def test_sums_are_of_what_is_held_whatever_the_way_to_it(stores: AnyStores) -> None:
    first, second = stores.open("first"), stores.open("second")
    assert first.sums() == NO_SUMS

    for time, element in enumerate([b"a", b"b", b"a", b"c"]):
        add(first, element, time=time)
    assert first.sums() != second.sums()
    second.execute(Merge(S, {b"c": 6, b"b": 2, b"a": 4}))

    assert first.sums() == second.sums()
    assert first.totals()[S] == second.totals()[S]


def test_sums_differ_by_one_stamp_and_by_the_set(stores: AnyStores) -> None:
    first, second, third = (stores.open(name) for name in ("first", "second", "third"))
    first.execute(Merge(S, {b"a": 4}))
    second.execute(Merge(S, {b"a": 5}))
    third.execute(Merge(b"other", {b"a": 4}))
    assert len({first.sums(), second.sums(), third.sums()}) == 3


def test_a_row_gets_a_new_log_number_with_each_change(stores: AnyStores) -> None:
    store = stores.open()
    add(store, b"a")
    add(store, b"b")
    add(store, b"a")

    log = store.read_log(0, 10)

    assert [(row.arrived, row.entry.element) for row in log.rows] == [(2, b"b"), (3, b"a")]
    assert log.log_end == store.log_end == 3


def test_a_log_is_read_in_order_after_a_number_and_up_to_a_limit(stores: AnyStores) -> None:
    store = stores.open()
    add_each(store, 9)
    assert [row.arrived for row in store.read_log(3, 4).rows] == [4, 5, 6, 7]


def test_keys_are_listed_in_order_in_chunks_that_miss_nothing(stores: AnyStores) -> None:
    store = stores.open()
    elements = add_each(store, 10)
    store.execute(Write(b"other", add=(b"x",)))

    chunks: list[tuple[bytes, int]] = []
    while chunk := store.entries(S, after=chunks[-1][0] if chunks else b"", limit=3):
        chunks += chunk

    keys = [key for key, _ in chunks]
    assert keys == sorted(keys)
    assert {element_of(key) for key in keys} == set(elements)


class Pop(Struct, frozen=True):
    """Finds out inside the transaction what it removes."""

    set_name: bytes

    def touches(self) -> tuple[()]:
        return ()

    def run(self, transaction: Transaction) -> tuple[list[bytes], int]:
        popped = sorted(transaction.members(self.set_name))[:2]
        transaction.load((self.set_name, element) for element in popped)
        Write(self.set_name, remove=tuple(popped)).run(transaction)
        assert popped[0] not in set(transaction.members(self.set_name))
        return popped, transaction.totals(self.set_name).present


def test_an_operation_may_find_out_inside_the_transaction_what_it_changes(
    stores: AnyStores,
) -> None:
    store = stores.open()
    store.execute(Write(b"set", add=(b"a", b"b", b"c")))
    assert store.execute(Pop(b"set")) == ([b"a", b"b"], 1)
    assert store.contains(b"set", b"a") is False
    assert store.contains(b"set", b"c") is True
    assert store.totals()[b"set"].present == 1
