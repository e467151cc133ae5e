"""A copy that takes the place of what a store held, over every store."""

import pytest

from lastword.replication.entries import NO_CURSOR, NO_ORIGIN, CopyOrigin, Cursor
from lastword.store.base import BaseStore
from lastword.store.operations import Write
from tests.stores import (
    START_US,
    AnyStores,
    S,
    add,
    add_each,
    covers_its_rows,
    made_up,
    next_page,
    remove,
    row_of,
    stamps,
)

SOURCE = "source:1"


def copied(store: BaseStore, source: BaseStore) -> BaseStore:
    """Begin a copy of `source` and make it whole; `store` goes on as it was."""
    copy = store.begin_copy()
    while True:
        page = source.page(
            copy.cursor(SOURCE), for_run=copy.run, seen={}, vouched=dict(source.seen)
        )
        applied = copy.apply(page, SOURCE)
        assert applied is not None
        if applied.finished:
            return copy


def test_the_copy_takes_the_place_of_rows_vector_and_cursors(stores: AnyStores) -> None:
    store, source = stores.open(), stores.open("source")
    store.apply(made_up(store, seen={9: 5}), "other:1")
    add_each(source, 5)
    remove(source, b"e1")
    copy = copied(store, source)
    run, at_the_source = copy.run, stamps(source)

    assert store.take_over({}, 0, 0) == 0

    assert stamps(store) == at_the_source
    assert store.run == run
    assert [own.run for own in store.ledger.own_runs] == [run]
    assert store.seen == source.seen
    assert store.cursor("other:1") == NO_CURSOR
    assert store.cursor(SOURCE) == Cursor(source.run, source.log_end, source.log_end)
    assert store.copy is None
    assert store.sums() == source.sums()


def test_what_only_the_old_file_held_is_offered_with_dots_of_the_copy(stores: AnyStores) -> None:
    store, source = stores.open(), stores.open("source")
    add(source, b"theirs")
    copied(store, source)
    add(store, b"mine")
    remove(store, b"gone")
    mine = row_of(store, S, b"mine").stamp

    assert store.take_over({}, 0, 0) == 0

    assert row_of(store, S, b"mine").stamp == mine
    assert row_of(store, S, b"mine").run == store.run
    assert store.contains_each(S, [b"mine", b"gone", b"theirs"]) == [True, False, True]
    assert covers_its_rows(store)


def test_what_the_source_collected_is_known_and_elements_that_old_are_refused(
    stores: AnyStores,
) -> None:
    store, source = stores.open(), stores.open("source")
    add(store, b"ghost", time=START_US - 2)
    add(store, b"held", time=START_US - 3)
    remove(store, b"removed", time=START_US - 4)
    add(source, b"held", time=START_US - 9)
    add(store, b"late", time=START_US)
    copied(store, source)

    assert store.take_over({7: 3}, START_US - 1, START_US - 1) == 1

    assert store.collected == {7: 3}
    assert store.collected_time == START_US - 1
    assert store.collected_times([S]) == [START_US - 1]
    assert store.contains_each(S, [b"ghost", b"held", b"late"]) == [False, True, True]
    assert store.stamp_of(S, b"ghost") is None
    assert store.stamp_of(S, b"removed") == 2 * (START_US - 4) + 1


def test_a_store_goes_on_from_the_copy(stores: AnyStores) -> None:
    store, source = stores.open(), stores.open("source")
    add(store, b"before")
    add_each(source, 3)
    copied(store, source)
    store.take_over({}, 0, 0)
    store.check()

    add(store, b"after")
    store = stores.reopen()
    add(store, b"again")

    assert store.contains_each(S, [b"before", b"e2", b"after", b"again"]) == [True] * 4
    assert len(store.ledger.own_runs) == 2


def test_one_copy_takes_the_place_of_another(stores: AnyStores) -> None:
    store, source = stores.open(), stores.open("source")
    for number in range(3):
        add(source, b"theirs %d" % number)
        copied(store, source)
        add(store, b"mine %d" % number)
        store.take_over({}, 0, 0)
        store.check()
    assert store.totals()[S].present == 6


def test_a_new_copy_begins_empty(stores: AnyStores) -> None:
    store, source = stores.open(), stores.open("source")
    add_each(source, 3)
    first = copied(store, source).run
    copy = store.begin_copy()
    assert copy.run != first
    assert copy.cursor(SOURCE) == NO_CURSOR
    assert stamps(copy) == {}


def test_a_copy_that_is_given_up_leaves_everything_as_it_was(stores: AnyStores) -> None:
    store, source = stores.open(), stores.open("source")
    add(store, b"mine")
    before = stamps(store)
    add_each(source, 3)
    copied(store, source)

    store.drop_copy()

    assert store.copy is None
    assert stamps(store) == before
    assert store.take_over({}, 0, 0) == 0
    assert stamps(stores.reopen()) == before


def test_the_copy_has_the_key_of_the_file(stores: AnyStores) -> None:
    store = stores.open()
    assert store.begin_copy().digest_key == store.digest_key


@pytest.mark.parametrize("pages", [1, 2])
def test_a_copy_that_was_under_way_is_gone_on_with_after_a_start(
    stores: AnyStores, pages: int
) -> None:
    store, source = stores.open(page_rows=2), stores.open("source", page_rows=2)
    add_each(source, 6)
    copy, origin = store.begin_copy(), CopyOrigin(SOURCE, {3: 4}, 5, 6, forced=True)
    copy.keep_origin(origin)
    for _ in range(pages):
        copy.apply(next_page(copy, source, SOURCE), SOURCE)
    cursor, first = copy.cursor(SOURCE), copy.run

    store = stores.reopen(page_rows=2)

    assert store.copy is not None
    assert store.copy.origin == origin
    assert store.copy.cursor(SOURCE) == cursor
    assert store.copy.run != first
    while not (applied := store.copy.apply(next_page(store.copy, source, SOURCE), SOURCE)):
        raise AssertionError
    assert applied.received == 2


def test_a_copy_that_has_taken_over_is_none_any_more(stores: AnyStores) -> None:
    store, source = stores.open(), stores.open("source")
    copy = copied(store, source)
    copy.keep_origin(CopyOrigin(SOURCE, {3: 4}, 5, 6, forced=False))
    store.take_over({}, 0, 0)
    store = stores.reopen()
    assert store.copy is None
    assert store.ledger.origin == NO_ORIGIN


def test_sets_that_were_read_or_listed_before_are_those_of_the_copy(stores: AnyStores) -> None:
    store, source = stores.open(), stores.open("source")
    store.list_member("mine:1")
    source.list_member("theirs:1")
    source.execute(Write(b"other", add=(b"x",)))
    assert store.members() == {"mine:1"}
    assert [at.name for at in store.sets_between(0, 1 << 64)] == [b"_peers_"]
    copied(store, source)

    store.take_over({}, 0, 0)

    assert store.members() == {"mine:1", "theirs:1"}
    assert {at.name for at in store.sets_between(0, 1 << 64)} == {b"_peers_", b"other"}
    assert store.listed_before == "mine:1"
