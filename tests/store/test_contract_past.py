"""What every store remembers of what lost: what was replaced, what was refused, and when."""

from lastword.crdt.stamp import pack
from lastword.replication.entries import Entry
from lastword.replication.hashing import key_of
from lastword.store import past
from lastword.store.base import BaseStore
from lastword.store.ledger import Key
from lastword.store.operations import ApplyEntries, Collect, Merge
from lastword.store.past import MOMENT_US, Past, Span
from tests.store.test_contract_take_over import copied
from tests.stores import (
    HOUR_US,
    SECOND_US,
    START_US,
    AnyStores,
    S,
    add,
    add_each,
    made_up,
    remove,
    row_of,
    walk,
)

MINUTE_US = 60 * SECOND_US
EARLY = START_US - 5 * SECOND_US


def name_of(store: BaseStore, element: bytes = b"e") -> Key:
    return S, key_of(S, element, store.digest_key)


def test_a_state_that_was_replaced_is_remembered_with_its_dot_and_its_winner(
    stores: AnyStores,
) -> None:
    store = stores.open()
    first = add(store, b"e")
    row = row_of(store, S, b"e")
    stores.wall.now_us += SECOND_US
    remove(store, b"e")
    (loss,) = store.past.replaced(name_of(store))
    assert (loss.row, loss.row.stamp) == (row, pack(first, removed=False))
    assert loss.by == row_of(store, S, b"e")
    assert loss.at_us == START_US + SECOND_US
    assert store.past.refused(name_of(store)) == []


def test_what_changes_nothing_is_remembered_as_refused(stores: AnyStores) -> None:
    store, own = stores.open(), pack(START_US, removed=True)
    remove(store, b"e", time=START_US)
    add(store, b"e", time=EARLY)
    store.execute(Merge(S, {b"e": pack(EARLY + 1, removed=False)}))
    store.execute(ApplyEntries((Entry(S, b"e", pack(EARLY + 2, removed=False), 9, 4),)))
    page = made_up(store, Entry(S, b"e", pack(EARLY + 3, removed=False), 9, 5), seen={9: 5})
    assert store.apply(page, "nine:1") is not None

    losses = store.past.refused(name_of(store))
    assert [loss.row.stamp for loss in losses] == [
        pack(EARLY + more, removed=False) for more in range(4)
    ]
    assert [(loss.row.run, loss.row.number) for loss in losses] == [(0, 0), (0, 0), (9, 4), (9, 5)]
    assert {loss.by and loss.by.stamp for loss in losses} == {own}
    assert store.past.replaced(name_of(store)) == []


def test_what_is_equal_or_refused_with_an_error_leaves_no_trace(stores: AnyStores) -> None:
    store = stores.open()
    stamp = pack(START_US, removed=False)
    entry = Entry(S, b"e", stamp, 9, 1)
    for _ in range(2):
        store.execute(ApplyEntries((entry,)))
        store.execute(Merge(S, {b"e": stamp}))
    assert store.past.replaced(name_of(store)) == store.past.refused(name_of(store)) == []


def test_a_forgotten_tombstone_is_remembered(stores: AnyStores) -> None:
    store = stores.open()
    remove(store, b"e", time=START_US)
    store.execute(Collect(dict(store.seen), 0, store.log_end, 10))
    (loss,) = store.past.replaced(name_of(store))
    assert (loss.row.stamp, loss.by) == (pack(START_US, removed=True), None)


def test_memory_is_bounded_and_says_since_when_it_is_whole(stores: AnyStores) -> None:
    memory, store = Past(START_US), stores.open()
    remove(store, b"e", time=START_US)
    add(store, b"e", time=EARLY)
    (flat,) = store.past._refused
    memory._refused.extend((*flat[:-1], number) for number in range(past.LOSSES_MAX - 1))
    assert memory.since_us == START_US
    memory._refused.extend([flat, flat])
    assert memory.since_us == 1
    assert len(memory.refused(name_of(store))) == past.LOSSES_MAX

    long = b"x" * 300
    add(store, long)
    remove(store, long)
    assert store.past.replaced(name_of(store, long)) == []


def test_it_is_known_to_a_tenth_of_a_second_when_something_arrived(stores: AnyStores) -> None:
    store = stores.open()
    for number in range(3):
        stores.wall.now_us = START_US + number * SECOND_US
        add(store, b"%d" % number)
    for number in range(3):
        arrived = row_of(store, S, b"%d" % number).arrived
        from_us = START_US + number * SECOND_US
        assert store.arrival_of(arrived) == Span(from_us, from_us + MOMENT_US)


def test_after_a_start_it_is_known_to_a_minute_by_the_marks(stores: AnyStores) -> None:
    store = stores.open()
    add(store, b"first")
    for minute in (2, 4, 6):
        stores.wall.now_us = START_US + minute * MINUTE_US
        add(store, b"%d" % minute)
        stores.wall.now_us += 20 * SECOND_US
        add(store, b"%d, later" % minute)
    store = stores.reopen()
    for element in (b"4", b"4, later"):
        from_us, to_us = store.arrival_of(row_of(store, S, element).arrived)
        assert (from_us, to_us) == (START_US + 4 * MINUTE_US, START_US + 5 * MINUTE_US)
    from_us, to_us = store.arrival_of(row_of(store, S, b"first").arrived)
    assert from_us is None  # the first mark may be one of a wall that stepped back
    assert to_us == START_US + 2 * MINUTE_US


def test_a_wall_that_stepped_back_makes_no_false_claim(stores: AnyStores) -> None:
    store = stores.open()
    add(store, b"0")
    stores.wall.now_us = START_US + 2 * MINUTE_US
    add(store, b"2")
    stores.wall.now_us = START_US + HOUR_US  # wrong
    add(store, b"wrong")
    stores.wall.now_us = START_US + 4 * MINUTE_US
    add(store, b"4")
    stores.wall.now_us = START_US + 6 * MINUTE_US
    add(store, b"6")
    store = stores.reopen()
    span = store.arrival_of(row_of(store, S, b"wrong").arrived)
    assert span == (START_US + 2 * MINUTE_US, START_US + 6 * MINUTE_US)


def test_a_taker_remembers_what_a_walk_replaced(stores: AnyStores) -> None:
    taker, giver = stores.open("taker"), stores.open("giver")
    add(taker, b"e")
    stores.wall.now_us += SECOND_US
    remove(giver, b"e")
    walk(taker, giver)
    (loss,) = taker.past.replaced(name_of(taker))
    assert loss.row.run == taker.run
    assert loss.by is not None
    assert loss.by.run == giver.run


def test_a_copy_that_took_the_place_of_the_file_has_arrivals_of_its_own(stores: AnyStores) -> None:
    store, source = stores.open(), stores.open("source")
    add_each(store, 30)
    add(source, b"theirs")
    stores.wall.now_us += HOUR_US
    copied(store, source)
    store.take_over({}, 0, 0)
    stores.wall.now_us += HOUR_US
    add(store, b"after")
    from_us, to_us = store.arrival_of(row_of(store, S, b"theirs").arrived)
    assert from_us is None or from_us >= START_US + HOUR_US
    assert to_us is None or to_us >= START_US + HOUR_US
    after = row_of(store, S, b"after").arrived
    assert store.arrival_of(after).from_us == START_US + 2 * HOUR_US
