"""What every store promises where rows go for good: totals, sums and vectors stay right."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Struct

from lastword.crdt.stamp import pack, time_of
from lastword.errors import GhostElements
from lastword.replication.entries import Collected, Dot, Entry, MemberReport
from lastword.replication.vectors import Vector
from lastword.store.base import BaseStore
from lastword.store.buckets import BUCKETED_ENTRIES
from lastword.store.operations import (
    AllowCollection,
    ApplyEntries,
    ApplyPage,
    Collect,
    CollectToo,
    Complete,
    KeepReports,
    Merge,
    Offer,
    Write,
)
from lastword.store.transaction import Name, Operation, Transaction
from tests.stores import (
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
    stamps,
    walk,
)

ALL = 1 << 40
T = b"other"


def collect(store: BaseStore, stable: Vector | None = None, *, limit: int = ALL) -> Collected:
    """Collect all that `stable`, or else this store itself, covers."""
    return store.collect(dict(store.seen) if stable is None else stable, 0, ALL, limit)


def entry_of(store: BaseStore, element: bytes, set_name: bytes = S) -> Entry:
    row = row_of(store, set_name, element)
    return Entry(set_name, element, row.stamp, row.run, row.number)


def fence_of(store: BaseStore) -> int:
    return store.collected.state.hash


def said(store: BaseStore) -> tuple[object, ...]:
    """Return all that a store says of what it holds and collected."""
    ledger = store.ledger
    return (
        stamps(store),
        dict(store.totals()),
        {name: list(buckets) for name, buckets in ledger.buckets.items()},
        store.sums(),
        dict(store.collected),
        store.collected_time,
        store.may_collect,
        dict(store.reports()),
        store.log_end,
    )


class Together(Struct, frozen=True):
    """Operations that one group commit does."""

    operations: tuple[Any, ...]

    def touches(self) -> list[Name]:
        return [name for operation in self.operations for name in operation.touches()]

    def run(self, transaction: Transaction) -> list[object]:
        return [operation.run(transaction) for operation in self.operations]


def together(store: BaseStore, *operations: Operation[object]) -> list[object]:
    return store.execute(Together(operations))


def collect_all(store: BaseStore) -> Collect:
    return Collect(dict(store.seen), 0, ALL, ALL)


# -- collecting


def test_a_tombstone_goes_and_what_it_was_is_known(stores: AnyStores) -> None:
    store = stores.open()
    add(store, b"stays")
    remove(store, b"goes")
    tombstone = row_of(store, S, b"goes")
    assert collect(store).collected == 1
    assert stamps(store).keys() == {(S, b"stays")}
    assert store.collected == {tombstone.run: tombstone.number}
    assert store.collected_time == time_of(tombstone.stamp)
    assert store.collected_times([S]) == [time_of(tombstone.stamp)]
    assert store.stamp_of(S, b"goes") is None
    assert store.contains(S, b"goes") is False


def test_what_is_present_is_never_collected(stores: AnyStores) -> None:
    store = stores.open()
    add_each(store, 5)
    assert collect(store) == Collected(0, ALL, ())
    assert len(stamps(store)) == 5
    assert store.collected == {}


def test_only_what_both_cover_goes_and_the_rest_is_told_of(stores: AnyStores) -> None:
    store = stores.open()
    remove(store, b"a")
    remove(store, b"b")
    unseen = Entry(S, b"unseen", pack(9, removed=True), 77, 5)
    store.apply(made_up(store, unseen), "z:1")
    a, b = row_of(store, S, b"a"), row_of(store, S, b"b")
    done = collect(store, {a.run: a.number, 77: 9})
    assert done == Collected(1, ALL, (Dot(b.run, b.number), Dot(77, 5)))
    assert stamps(store).keys() == {(S, b"b"), (S, b"unseen")}
    assert store.collected == {a.run: a.number}


def test_collection_goes_on_where_its_limit_ended_it(stores: AnyStores) -> None:
    store = stores.open()
    for element in numbered(5):
        remove(store, element)
        add(store, b"between " + element)
    seen, end = dict(store.seen), store.log_end
    reached = []
    after = 0
    while after < end:
        done = store.collect(seen, after, end, 2)
        after = done.reached
        reached.append(after)
    assert reached == [3, 7, end]
    assert len(stamps(store)) == 5
    assert not any(stamp & 1 for stamp in stamps(store).values())


def test_what_was_collected_never_falls_where_an_older_tombstone_goes_later(
    stores: AnyStores,
) -> None:
    store = stores.open()
    older = Entry(S, b"older", pack(5, removed=True), 77, 3)
    newer = Entry(S, b"newer", pack(6, removed=True), 77, 9)
    store.apply(made_up(store, newer, older, seen={77: 9}), "z:1")
    store.collect(dict(store.seen), 0, 1, ALL)
    assert store.collected == {77: 9}
    fence = fence_of(store)
    assert collect(store).collected == 1
    assert (dict(store.collected), store.collected_time, fence_of(store)) == ({77: 9}, 6, fence)
    before = said(store)
    assert said(stores.reopen()) == before


def test_what_arrived_later_or_before_is_left_alone(stores: AnyStores) -> None:
    store = stores.open()
    for element in numbered(4):
        remove(store, element)
    assert store.collect(dict(store.seen), 1, 3, ALL).collected == 2
    assert {element for _, element in stamps(store)} == {b"e0", b"e3"}


def test_a_store_that_collected_is_the_same_after_it_was_opened_again(stores: AnyStores) -> None:
    store = stores.open()
    add(store, b"stays")
    remove(store, b"a", b"b")
    store.execute(Write(T, remove=(b"c",)))
    assert collect(store).collected == 3
    store.execute(AllowCollection())
    store.execute(KeepReports({"b:1": MemberReport(7, {1: 2, 1 << 62: 3}, 99)}))
    before = said(store)
    store = stores.reopen()
    assert said(store) == before
    remove(store, b"stays")
    assert collect(store).collected == 1
    before = said(store)
    assert said(stores.reopen()) == before


def test_reports_take_the_place_of_those_before(stores: AnyStores) -> None:
    store = stores.open()
    store.keep_reports({"b:1": MemberReport(7, {1: 2}), "c:1": MemberReport(8, {})})
    store.keep_reports({"b:1": MemberReport(9, {1: 3}, 5)})
    assert stores.reopen().reports() == {"b:1": MemberReport(9, {1: 3}, 5)}
    stores.open("b").keep_reports({})
    assert stores.reopen("b").reports() == {}


# -- sets that go


def test_a_set_goes_with_its_last_row_and_begins_anew(stores: AnyStores) -> None:
    store = stores.open()
    remove(store, b"a")
    add(store, b"b")
    remove(store, b"b")
    newest = time_of(row_of(store, S, b"b").stamp)
    collect(store)
    assert S not in store.totals()
    assert store.contains(S, b"a") is None
    assert store.sums() == stores.open("empty").sums()
    store = stores.reopen()
    assert S not in store.totals()
    assert store.collected_times([S]) == [newest]
    with pytest.raises(GhostElements):
        add(store, b"a", time=newest)
    assert add(store, b"a") > newest
    assert store.totals()[S].present == 1
    assert store.totals()[S].collected_time == newest
    before = said(store)
    assert said(stores.reopen()) == before


def test_the_directory_has_the_sets_that_there_are_whatever_went_and_came(
    stores: AnyStores,
) -> None:
    store = stores.open()
    names = [b"set %d" % index for index in range(20)]
    for name in names:
        store.execute(Write(name, add=(b"e",)))
    assert listed(store) == set(names)
    for name in names[::2]:
        store.execute(Write(name, remove=(b"e",)))
    collect(store)
    assert listed(store) == set(names[1::2])
    store.execute(Write(names[0], add=(b"again",)))
    store.execute(Write(b"new", add=(b"e",)))
    assert listed(store) == {*names[1::2], names[0], b"new"}
    for name in names[1::2]:
        store.execute(Write(name, remove=(b"e",)))
    collect(store)  # as many come as go, between two looks
    for name in names[2:12]:
        store.execute(Write(name, add=(b"again",)))
    assert listed(store) == {*names[2:12], names[0], b"new"}
    assert listed(stores.reopen()) == {*names[2:12], names[0], b"new"}


def listed(store: BaseStore) -> set[bytes]:
    """Return the sets of the directory, which stand in the order of their positions, once."""
    found = store.sets_between(0, 1 << 64)
    where = [digest.position for digest in found]
    assert where == sorted(set(where))
    assert sum(digest.entries for digest in found) == len(stamps(store))
    halves = store.sets_between(0, 1 << 63) + store.sets_between(1 << 63, 1 << 64)
    assert halves == found
    return {digest.name for digest in found}


# -- large sets


def test_buckets_of_a_large_set_are_right_while_its_rows_go(stores: AnyStores) -> None:
    stores.bucketed_entries = 16
    store, mirror = stores.open(), stores.open("mirror")
    elements = numbered(200)
    store.execute(Write(S, add=tuple(elements)))
    stores.wall.now_us += 1
    store.execute(Write(S, remove=tuple(elements[:150])))
    removed = len(store.ledger.buckets[S])
    assert removed > 1
    while (done := store.collect(dict(store.seen), 0, ALL, 40)).collected:
        store.check()
        assert sum(bucket.entries for bucket in store.ledger.buckets[S]) == len(stamps(store))
        assert not done.blocked
    held = {element: stamp for (_, element), stamp in stamps(store).items()}
    assert len(held) == 50
    mirror.execute(Merge(S, held))
    assert store.sums() == mirror.sums()
    assert store.recount(S) is False
    store.execute(Write(S, remove=tuple(elements[150:])))
    assert collect(store).collected == 50
    assert S not in store.ledger.buckets
    store.execute(Write(S, add=tuple(elements)))
    store.check()
    before = said(store)
    assert said(stores.reopen()) == before


def test_buckets_are_right_where_rows_go_and_come_in_one_commit(stores: AnyStores) -> None:
    stores.bucketed_entries = 16
    store = stores.open()
    elements = tuple(numbered(100))
    store.execute(Write(S, remove=elements))
    together(store, collect_all(store), Write(S, add=elements[:70] + tuple(numbered(60, b"new"))))
    assert len(stamps(store)) == 130
    store.check()
    store.execute(Write(S, remove=elements[:70]))
    together(store, Write(S, add=elements[:10]), collect_all(store), Write(S, add=(b"x",)))
    assert store.totals()[S].present == 71
    store.check()
    assert store.recount(S) is False


def test_the_least_set_with_buckets_loses_a_row() -> None:
    with in_a_folder(SqliteStores) as stores:
        store = stores.open()
        store.execute(Write(S, add=tuple(numbered(BUCKETED_ENTRIES)), remove=(b"x",)))
        assert S in store.ledger.buckets
        collect(store)
        store.check()
        stores.reopen().check()


# -- within one commit


def test_a_collected_element_is_added_again_in_the_same_commit(stores: AnyStores) -> None:
    store = stores.open()
    remove(store, b"a", b"b")
    gone = row_of(store, S, b"a")
    collected, time = together(store, collect_all(store), Write(S, add=(b"a",)))
    assert collected == Collected(2, ALL, ())
    assert stamps(store) == {(S, b"a"): pack(int(str(time)), removed=False)}
    assert row_of(store, S, b"a").stamp > gone.stamp
    assert store.totals()[S].entries == 1
    before = said(store)
    store = stores.reopen()
    assert said(store) == before
    assert [row.entry.element for row in store.read_log(0, ALL).rows] == [b"a"]


def test_a_collected_element_is_removed_again_in_the_same_commit(stores: AnyStores) -> None:
    store = stores.open()
    remove(store, b"a")
    together(store, collect_all(store), Write(S, remove=(b"a",)), collect_all(store))
    assert store.totals()[S].tombstones == 1
    assert collect(store).collected == 1
    assert stamps(stores.reopen()) == {}


def test_what_came_to_life_in_the_same_commit_is_not_collected(stores: AnyStores) -> None:
    store = stores.open()
    remove(store, b"a")
    _, done = together(store, Write(S, add=(b"a",)), collect_all(store))
    assert done == Collected(0, ALL, ())
    assert store.contains(S, b"a")


def test_a_page_that_was_made_before_a_collection_of_the_same_commit_is_refused(
    stores: AnyStores,
) -> None:
    store, giver = stores.open(), stores.open("giver")
    add(giver, b"x")
    remove(store, b"a")
    page = giver.page(
        store.cursor("g:1"), for_run=store.run, seen=dict(store.seen), vouched=dict(giver.seen)
    )
    done = together(
        store,
        collect_all(store),
        ApplyPage(page, "g:1", 0),
        ApplyEntries(page.entries, 0),
        CollectToo(page.entries, 0),
    )
    assert (done[1], done[3]) == (None, 0)
    assert stamps(store) == {}
    assert store.apply(page, "g:1") is None
    assert store.apply_entries(page.entries).received == 0
    assert store.apply(page, "g:1", fence_of(store)) is not None
    assert store.contains(S, b"x")


# -- what another node has collected


def test_a_tombstone_goes_too_where_its_dot_is_covered(stores: AnyStores) -> None:
    store = stores.open()
    remove(store, b"a")
    add(store, b"present")
    unseen = Entry(S, b"unseen", pack(9, removed=True), 77, 5)
    store.apply(made_up(store, unseen), "z:1")
    older = entry_of(store, b"a")._replace(stamp=3)
    present = entry_of(store, b"present")
    entries = (older, present, unseen, Entry(S, b"not held", 3, 77, 1))
    assert store.collect_too(entries, fence_of(store)) == 0
    assert len(stamps(store)) == 3
    assert store.collect_too((entry_of(store, b"a"),), fence_of(store) + 1) == 0
    assert store.collect_too((entry_of(store, b"a"),), fence_of(store)) == 1
    assert stamps(store).keys() == {(S, b"present"), (S, b"unseen")}
    store.check()


def test_a_tombstone_is_named_twice_and_goes_once(stores: AnyStores) -> None:
    store = stores.open()
    remove(store, b"a")
    entry = entry_of(store, b"a")
    assert store.collect_too((entry, entry), fence_of(store)) == 1
    assert store.totals() == {}


def test_what_was_collected_here_is_not_taken_again_but_told_of(stores: AnyStores) -> None:
    store, other = stores.open(), stores.open("b")
    remove(store, b"a")
    walk(other, store)
    entry = entry_of(other, b"a")
    collect(store)
    applied = store.apply_entries((entry,), fence_of(store))
    assert applied.collected == [entry]
    assert stamps(store) == {}
    assert other.collect_too(tuple(applied.collected), fence_of(other)) == 1
    assert store.sums() == other.sums()


def test_a_tombstone_that_is_newer_than_all_that_was_collected_is_taken(
    stores: AnyStores,
) -> None:
    store = stores.open()
    remove(store, b"a")
    gone = entry_of(store, b"a")
    collect(store)
    newer = gone._replace(element=b"b", stamp=gone.stamp + 2)
    applied = store.apply_entries((newer,), fence_of(store))
    assert (applied.collected, applied.changed) == ([], 1)
    assert stamps(store).keys() == {(S, b"b")}
    beyond = gone._replace(element=b"c", run=77)
    assert store.apply_entries((beyond,), fence_of(store)).changed == 1


# -- a copy


def test_a_copy_takes_what_is_newer_by_dots_of_its_own(stores: AnyStores) -> None:
    copy, old = stores.open("copy"), stores.open("old")
    add(copy, b"same", b"older")
    walk(old, copy)
    stores.wall.now_us += 1
    remove(old, b"older")
    add(old, b"new")
    offered = tuple(row.entry for row in old.read_log(0, ALL).rows)
    assert copy.execute(Offer(offered)) == []
    assert stamps(copy) == stamps(old)
    assert row_of(copy, S, b"new").run == copy.run
    assert row_of(copy, S, b"older").run == copy.run


def completed(stores: AnyStores, time: int) -> BaseStore:
    """Return a copy whose source has collected up to `time`, in all of its sets."""
    copy = stores.open("copy")
    add(copy, b"here")
    copy.execute(Complete({5: 9}, time, time, "a:1", 0))
    return copy


def test_a_copy_refuses_what_may_have_been_removed_long_ago(stores: AnyStores) -> None:
    stores.wall.now_us, now = 1_000, stores.wall.now_us
    copy = completed(stores, 500)
    stores.wall.now_us = now
    ghost = Entry(S, b"ghost", pack(500, removed=False), 6, 1)
    ghosts = (ghost, ghost._replace(set_name=T, element=b"of a set that is not there"))
    newer = Entry(S, b"newer", pack(501, removed=False), 6, 2)
    tombstone = Entry(S, b"tombstone", pack(400, removed=True), 6, 3)
    known = Entry(S, b"collected there", pack(400, removed=False), 5, 9)
    copy.execute(Merge(S, {b"t": pack(100, removed=True)}))
    over = Entry(S, b"t", pack(200, removed=False), 6, 4)
    copy_covers = made_up(copy, seen={5: 9})
    assert copy.apply(copy_covers, "src:1", fence_of(copy)) is not None
    refused = copy.execute(Offer((*ghosts, newer, tombstone, known, over)))
    assert refused == [*ghosts, over]
    assert {element for _, element in stamps(copy)} == {b"here", b"newer", b"tombstone", b"t"}


def test_what_the_source_lost_is_offered_back(stores: AnyStores) -> None:
    """It is covered and lacking, and newer than what was collected of its set."""
    copy = completed(stores, 500)
    assert copy.apply(made_up(copy, seen={5: 9}), "src:1", fence_of(copy)) is not None
    lost = Entry(S, b"lost", pack(501, removed=False), 5, 4)
    assert copy.execute(Offer((lost,))) == []
    assert copy.contains(S, b"lost")


def test_a_copy_notes_what_its_source_collected_and_goes_on_from_the_clock(
    stores: AnyStores,
) -> None:
    copy = stores.open("copy")
    add(copy, b"here")
    ahead = stores.wall.now_us + 1_000_000
    copy.execute(Complete({5: 9}, 0, 700, "a:1", ahead))
    assert copy.collected == {5: 9}
    assert copy.collected_times([S, T]) == [0, 700]
    assert copy.listed_before == "a:1"
    assert add(copy, b"next") > ahead
    before = said(copy)
    copy = stores.reopen("copy")
    assert said(copy) == before
    assert copy.listed_before == "a:1"
    copy.execute(Complete({5: 8, 6: 1}, 800, 800, None, 0))
    assert copy.collected == {5: 9, 6: 1}
    assert copy.collected_times([S, T]) == [800, 800]


# -- against a model

NAMES = st.sampled_from([b"a", b"b", b"c", b"d"])
SETS = st.sampled_from([S, T])
WRITES = st.tuples(st.sampled_from(["add", "remove"]), SETS, NAMES)
STEPS = st.lists(
    st.lists(WRITES | st.tuples(st.just("collect"), st.just(b""), st.just(b"")), max_size=5),
    max_size=8,
)


def operations(store: BaseStore, steps: Sequence[tuple[str, bytes, bytes]]) -> Iterator[Any]:
    for kind, set_name, element in steps:
        if kind == "collect":
            yield Collect({store.run: ALL}, 0, ALL, ALL)
        elif kind == "add":
            yield Write(set_name, add=(element,))
        else:
            yield Write(set_name, remove=(element,))


@pytest.mark.parametrize("kind", [MemoryStores, SqliteStores], ids=["memory", "sqlite"])
@given(groups=STEPS)
@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_collecting_changes_nothing_of_what_is_present(
    kind: type[Stores[BaseStore]], groups: list[list[tuple[str, bytes, bytes]]]
) -> None:
    """Groups of writes and collections; at the end the file is opened again and all collected."""
    present: set[tuple[bytes, bytes]] = set()
    with in_a_folder(kind) as stores:
        stores.bucketed_entries = 2
        store = stores.open()
        for steps in groups:
            together(store, *operations(store, steps))
            for step, *name in steps:
                if step == "add":
                    present.add((name[0], name[1]))
                elif step == "remove":
                    present.discard((name[0], name[1]))
            store.check()
            held = stamps(store)
            assert {name for name, stamp in held.items() if not stamp & 1} == present
        before = said(store)
        store = stores.reopen()
        assert said(store) == before
        collect(store)
        assert stamps(store).keys() == present
        assert store.totals().keys() == {set_name for set_name, _ in present}
