"""What every store promises of dots, runs, members and marks, over each of them."""

from lastword.limits import (
    MAX_SKEW_US_DEFAULT,
    REDOT_ROWS_MAX,
)
from lastword.replication.entries import Entry
from lastword.store.base import BaseStore
from lastword.store.ledger import MARK_INTERVAL_US
from lastword.store.operations import PEERS_SET, Merge, Write
from tests.stores import (
    HOUR_US,
    START_US,
    AnyStores,
    S,
    add,
    add_each,
    covers_its_rows,
    made_up,
    numbered,
    remove,
    row_of,
    sent,
    stamps,
    walk,
)

# -- dots


def test_a_row_without_a_covered_dot_takes_the_dot_that_arrives_with_its_stamp(
    stores: AnyStores,
) -> None:
    store = stores.open()
    store.apply(made_up(store, Entry(S, b"a", 10, run=7, number=5), end=9), "p:1")

    applied = store.apply(
        made_up(store, Entry(S, b"a", 10, run=8, number=2), seen={8: 2}, run=8), "q:1"
    )

    assert applied is not None
    assert (applied.changed, applied.adopted) == (0, 1)
    row = row_of(store, S, b"a")
    assert (row.stamp, row.run, row.number) == (10, 8, 2)
    assert covers_its_rows(store)


def test_of_two_dots_that_are_not_covered_the_greater_stays_on_every_holder(
    stores: AnyStores,
) -> None:
    one, other = Entry(S, b"a", 10, run=7, number=1), Entry(S, b"a", 10, run=8, number=1)
    left, right = stores.open("left"), stores.open("right")
    left.apply_entries((one,))
    right.apply_entries((other,))

    assert left.apply_entries((other,)).adopted == 1
    assert right.apply_entries((one,)).adopted == 0
    assert row_of(left, S, b"a").run == row_of(right, S, b"a").run == 8


def test_a_row_with_a_covered_dot_keeps_it(stores: AnyStores) -> None:
    store = stores.open()
    store.execute(Merge(S, {b"a": 10}))
    before = row_of(store, S, b"a")

    applied = store.apply(made_up(store, Entry(S, b"a", 10, run=8, number=2), seen={8: 2}), "q:1")

    assert applied is not None
    assert (applied.changed, applied.adopted) == (0, 0)
    assert row_of(store, S, b"a") == before


def test_the_same_dot_again_changes_nothing(stores: AnyStores) -> None:
    store = stores.open()
    entry = Entry(S, b"a", 10, run=7, number=5)
    store.apply(made_up(store, entry, end=9), "p:1")
    log_end = store.log_end

    applied = store.apply(made_up(store, entry, run=8), "q:1")

    assert applied is not None
    assert (applied.received, applied.changed, applied.adopted) == (1, 0, 0)
    assert store.log_end == log_end


def orphaned(stores: AnyStores, count: int = 2) -> BaseStore:
    """Return a store with rows of a walk that was broken off, among rows of its own."""
    store = stores.open()
    add(store, b"own 1")
    entries = [Entry(S, b"o%d" % index, 10, run=7, number=index + 1) for index in range(count)]
    store.apply(made_up(store, *entries, run=7, end=count + 1), "p:1")
    add(store, b"own 2")
    return store


def test_a_row_that_nobody_covers_gets_a_new_dot_at_its_age(stores: AnyStores) -> None:
    store = orphaned(stores)
    before = stamps(store)
    own = row_of(store, S, b"own 2")
    stores.wall.now_us += HOUR_US + MARK_INTERVAL_US

    assert store.redot(age_us=HOUR_US).renewed == 2

    assert stamps(store) == before
    assert {row_of(store, S, name).run for name in (b"o0", b"o1")} == {store.run}
    assert row_of(store, S, b"own 2") == own
    assert covers_its_rows(store)


def test_a_row_that_is_younger_keeps_its_dot(stores: AnyStores) -> None:
    store = orphaned(stores)
    stores.wall.now_us += HOUR_US - 1
    assert store.redot(age_us=HOUR_US).renewed == 0
    assert row_of(store, S, b"o0").run == 7


def test_rows_get_new_dots_also_where_nothing_is_written_any_more(stores: AnyStores) -> None:
    store = stores.open()
    stores.wall.now_us += MARK_INTERVAL_US // 2
    store.apply(made_up(store, Entry(S, b"o", 10, run=7, number=1), run=7, end=2), "p:1")
    stores.wall.now_us += HOUR_US + MARK_INTERVAL_US
    assert store.redot(age_us=HOUR_US).renewed == 1


def test_a_row_that_was_covered_meanwhile_keeps_its_dot(stores: AnyStores) -> None:
    store = orphaned(stores)
    store.apply(made_up(store, seen={7: 2}, run=7, cursor=store.cursor("p:1")), "p:1")
    stores.wall.now_us += 2 * HOUR_US
    assert store.redot(age_us=HOUR_US).renewed == 0
    assert row_of(store, S, b"o0").run == 7


def test_rows_that_were_looked_at_are_not_looked_at_again(stores: AnyStores) -> None:
    store = orphaned(stores)
    stores.wall.now_us += 2 * HOUR_US
    checked = store.log_end

    store.redot(age_us=HOUR_US)
    store = stores.reopen()

    assert store.ledger.redotted == checked
    stores.wall.now_us += 2 * HOUR_US
    log_end = store.log_end
    assert store.redot(age_us=HOUR_US).renewed == 0
    assert store.ledger.redotted == store.log_end == log_end


def test_one_go_over_old_rows_is_bounded_and_the_next_goes_on(stores: AnyStores) -> None:
    store = stores.open()
    store.execute(Merge(S, dict.fromkeys(numbered(REDOT_ROWS_MAX), 2)))
    store.apply(made_up(store, Entry(S, b"o", 10, run=7, number=1), run=7, end=2), "p:1")
    stores.wall.now_us += 2 * HOUR_US

    assert store.redot(age_us=HOUR_US) == (0, True)
    assert store.ledger.redotted == REDOT_ROWS_MAX
    assert store.redot(age_us=HOUR_US) == (1, False)


# -- runs


def test_every_opening_is_a_run_of_its_own_that_begins_behind_the_log(stores: AnyStores) -> None:
    store = stores.open()
    first = store.run
    add_each(store, 3)

    store = stores.reopen()

    assert [(own.run, own.began) for own in store.ledger.own_runs] == [(first, 1), (store.run, 4)]
    assert store.run != first


def test_a_run_that_begins_meanwhile_takes_the_writes_that_follow(stores: AnyStores) -> None:
    giver, taker = stores.open("giver"), stores.open("taker")
    first = giver.run
    add(giver, b"a")
    walk(taker, giver)

    giver.begin_run()
    add(giver, b"b")

    assert giver.run != first
    assert (row_of(giver, S, b"b").run, row_of(giver, S, b"b").number) == (giver.run, 2)
    assert giver.seen == {first: 1, giver.run: 2}
    pages = walk(taker, giver)
    assert not pages[0].from_start
    assert sent(pages) == [b"b"]


def test_a_run_without_writes_enters_no_vector(stores: AnyStores) -> None:
    store = stores.open()
    assert store.seen == {}
    assert stores.reopen().seen == {}


def test_state_vector_and_cursors_survive_a_restart(stores: AnyStores) -> None:
    giver, store = stores.open("giver"), stores.open()
    add_each(giver, 3)
    walk(store, giver)
    remove(store, b"e0", b"mine")
    kept = (stamps(store), dict(store.seen), store.cursor("giver:1"), store.sums(), store.log_end)

    store = stores.reopen()

    assert (
        stamps(store),
        dict(store.seen),
        store.cursor("giver:1"),
        store.sums(),
        store.log_end,
    ) == kept
    assert store.totals()[S][:2] == (2, 2)


def test_log_numbers_go_on_over_a_restart(stores: AnyStores) -> None:
    store = stores.open()
    add_each(store, 3)
    store = stores.reopen()
    add(store, b"new")
    assert row_of(store, S, b"new").arrived == 4


def test_the_clock_does_not_go_back_over_a_restart_though_the_wall_did(
    stores: AnyStores,
) -> None:
    time = add(stores.open(), b"a")
    stores.wall.now_us -= MAX_SKEW_US_DEFAULT // 2
    assert add(stores.reopen(), b"b") == time + 1


def test_a_clock_that_was_far_ahead_is_dropped_at_the_restart(stores: AnyStores) -> None:
    add(stores.open(), b"a")
    stores.wall.now_us -= HOUR_US
    store = stores.reopen()
    assert add(store, b"b") == START_US - HOUR_US
    assert remove(store, b"a") == START_US


# -- members


def test_listed_addresses_are_the_present_elements_of_the_members_set(stores: AnyStores) -> None:
    store = stores.open()
    assert store.members() == frozenset()

    store.list_member("a:1")
    store.execute(Write(PEERS_SET, add=(b"[::1]:2", b"\xff")))
    assert store.members() == {"a:1", "[::1]:2", "\ufffd"}

    store.unlist_member("a:1")
    assert store.members() == {"[::1]:2", "\ufffd"}
    assert store.contains(PEERS_SET, b"a:1") is False


def test_only_an_address_listed_as_its_own_is_remembered_so(stores: AnyStores) -> None:
    store = stores.open()
    store.execute(Write(PEERS_SET, add=(b"other:1",)))
    assert store.listed_before is None
    store.list_member("a:1")
    store.unlist_member("a:1")
    assert stores.reopen().listed_before == "a:1"


def test_the_address_of_a_run_is_learned_once_so_that_two_addresses_cost_no_writes(
    stores: AnyStores,
) -> None:
    giver, taker = stores.open("giver"), stores.open("taker")
    walk(taker, giver, "one:1")
    walk(taker, giver, "two:1")
    assert taker.ledger.addresses == {giver.run: "one:1"}
    assert stores.reopen("taker").ledger.addresses == {giver.run: "one:1"}


# -- marks


def test_marks_tell_to_a_minute_which_log_number_was_reached_when(stores: AnyStores) -> None:
    store = stores.open()
    add(store, b"a")
    stores.wall.now_us += MARK_INTERVAL_US
    add(store, b"b")
    stores.wall.now_us += 1
    add(store, b"c")

    minute = MARK_INTERVAL_US
    assert store.number_at(START_US - 1) == 0
    assert store.number_at(START_US + minute - 1) == 0
    assert store.number_at(START_US + minute) == 1
    assert store.number_at(START_US + 2 * minute - 1) == 1
    assert store.number_at(START_US + 2 * minute) == 3


def test_a_wall_that_stepped_back_makes_no_row_seem_older_than_the_step(
    stores: AnyStores,
) -> None:
    store = stores.open()
    add(store, b"before")
    stores.wall.now_us -= HOUR_US
    add(store, b"a")
    assert store.number_at(stores.wall.now_us) == 0
    assert store.number_at(START_US - HOUR_US - 1) == 0


def test_a_wall_that_was_far_ahead_for_a_while_lets_rows_grow_old_afterwards(
    stores: AnyStores,
) -> None:
    store = stores.open()
    stores.wall.now_us += 10_000 * HOUR_US
    add(store, b"then")
    stores.wall.now_us -= 10_000 * HOUR_US
    add(store, b"now")
    assert store.number_at(stores.wall.now_us) == 0
    stores.wall.now_us += HOUR_US
    store = stores.reopen()
    assert store.number_at(stores.wall.now_us) == 2


def test_the_age_of_old_rows_does_not_depend_on_what_is_written_later(stores: AnyStores) -> None:
    store = stores.open()
    add_each(store, 3)
    stores.wall.now_us += HOUR_US
    assert store.number_at(START_US + MARK_INTERVAL_US) == 3
    add(store, b"new")
    assert store.number_at(START_US + MARK_INTERVAL_US) == 3


def test_marks_survive_a_restart(stores: AnyStores) -> None:
    store = stores.open()
    add_each(store, 3)
    stores.wall.now_us += HOUR_US
    store = stores.reopen()
    add(store, b"new")
    assert store.number_at(START_US + MARK_INTERVAL_US) == 3
    assert store.number_at(START_US + HOUR_US) == 3
