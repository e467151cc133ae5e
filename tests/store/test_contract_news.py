"""What every store promises whoever watches sets: the log in stretches, and what was forgotten."""

import pytest

from lastword.crdt.stamp import is_removed
from lastword.store.base import BaseStore
from lastword.store.news import Bounds, News
from lastword.store.operations import Write
from tests.store.test_contract_collection import collect
from tests.stores import (
    AnyStores,
    S,
    add,
    add_each,
    made_up,
    remove,
    row_of,
    walk,
)

T = b"other"
WIDE = Bounds(looked_at=1_000, rows=1_000, size=1 << 20)


def news(
    store: BaseStore, after: int = 0, bounds: Bounds = WIDE, *names: bytes
) -> tuple[News, list[tuple[bytes, bool]]]:
    """Return what is read, and of its elements whether they were removed."""
    wanted = set(names or (S, T))
    read = store.read_news(after, wanted.__contains__, bounds)
    return read, [(row.element, is_removed(row.stamp)) for row in read.rows]


def test_news_are_the_newest_state_of_each_element_in_the_logs_order(stores: AnyStores) -> None:
    store = stores.open()
    add(store, b"a")
    add(store, b"b")
    remove(store, b"a")
    read, told = news(store)
    assert told == [(b"b", False), (b"a", True)]
    assert read.reached == read.log_end == store.log_end
    for met in read.rows:
        row = row_of(store, S, met.element)
        assert (met.stamp, met.arrived) == (row.stamp, row.arrived)


def test_sets_that_are_not_wanted_are_passed_over_and_still_lead_on(stores: AnyStores) -> None:
    store = stores.open()
    add_each(store, 30)
    store.execute(Write(T, add=(b"x",)))
    add_each(store, 30, b"f")
    narrow = Bounds(looked_at=10, rows=5, size=1 << 20)
    met: list[tuple[bytes, bool]] = []
    after = reads = 0
    while after < store.log_end:
        read, told = news(store, after, narrow, T)
        assert read.reached > after
        after, met, reads = read.reached, met + told, reads + 1
    assert met == [(b"x", False)]
    assert reads == 7


@pytest.mark.parametrize(
    "bounds", [Bounds(1_000, 7, 1 << 20), Bounds(1_000, 1_000, 20), Bounds(7, 1_000, 1 << 20)]
)
def test_stretches_have_every_row_once_whatever_bounds_them(
    stores: AnyStores, bounds: Bounds
) -> None:
    store = stores.open()
    elements = add_each(store, 50)
    remove(store, *elements[::3])
    met: list[tuple[bytes, bool]] = []
    after = 0
    while after < store.log_end:
        read, told = news(store, after, bounds)
        assert len(told) <= 10
        after, met = read.reached, met + told
    assert met == news(store)[1]
    assert len(met) == 50


def test_one_element_larger_than_the_bound_is_told_all_the_same(stores: AnyStores) -> None:
    store = stores.open()
    add(store, b"x" * 1_000)
    add(store, b"y")
    read, told = news(store, 0, Bounds(10, 10, 5))
    assert told == [(b"x" * 1_000, False)]
    assert news(store, read.reached)[1] == [(b"y", False)]


def test_behind_the_logs_end_there_is_nothing(stores: AnyStores) -> None:
    store = stores.open()
    add(store, b"a")
    read, told = news(store, store.log_end)
    assert (told, read.reached) == ([], store.log_end)


def test_nothing_is_forgotten_while_nothing_is_collected(stores: AnyStores) -> None:
    store = stores.open()
    add(store, b"a")
    remove(store, b"a")
    assert news(store)[0].forgotten == store.ledger.forgotten == 0


def test_the_greatest_log_number_of_a_collected_tombstone_is_kept(stores: AnyStores) -> None:
    store = stores.open()
    for element in (b"a", b"b", b"c"):
        remove(store, element)
    last = row_of(store, S, b"b").arrived
    store.collect(dict(store.seen), 0, last, 10)
    assert news(store)[0].forgotten == store.ledger.forgotten == last
    store = stores.reopen()
    assert news(store)[0].forgotten == store.ledger.forgotten == last


def test_an_older_tombstone_that_goes_later_lowers_nothing(stores: AnyStores) -> None:
    store = stores.open()
    remove(store, b"old")
    remove(store, b"new")
    last = row_of(store, S, b"new").arrived
    store.collect(dict(store.seen), last - 1, last, 10)
    collect(store)
    assert news(store)[0].forgotten == store.ledger.forgotten == last
    assert stores.reopen().ledger.forgotten == last


def test_what_came_from_another_node_is_forgotten_by_its_number_here(stores: AnyStores) -> None:
    giver, taker = stores.open("giver"), stores.open("taker")
    add_each(taker, 5)
    remove(giver, b"x")
    walk(taker, giver)
    arrived = row_of(taker, S, b"x").arrived
    assert arrived > row_of(giver, S, b"x").arrived
    collect(taker)
    assert taker.ledger.forgotten == arrived


def test_a_row_that_only_takes_another_dot_is_met_anew(stores: AnyStores) -> None:
    """Else whoever reads on behind its old place would never meet it."""
    giver, taker = stores.open("giver"), stores.open("taker")
    add(giver, b"x")
    entry = walk(taker, giver)[0].entries[0]
    before = news(taker)[0]
    first = made_up(taker, entry._replace(run=9, number=1), run=9)
    taker.apply(first, "other:1")
    second = made_up(taker, entry._replace(element=b"y", run=8, number=5), run=8)
    taker.apply(second, "third:1")
    third = made_up(
        taker, entry._replace(element=b"y", run=8, number=7), run=8, cursor=taker.cursor("third:1")
    )
    reached = taker.log_end
    taker.apply(third, "third:1")
    _, told = news(taker, reached)
    assert told == [(b"y", False)]
    assert before.reached < reached
