"""What every store promises of pages, cursors and entries that are applied, over each of them."""

from lastword.limits import (
    ELEMENT_BYTES_MAX,
    PAGE_BYTES_MAX,
)
from lastword.replication.entries import NO_CURSOR, Cursor, Entry
from tests.stores import (
    AnyStores,
    S,
    add,
    add_each,
    covers_its_rows,
    made_up,
    next_page,
    numbered,
    remove,
    row_of,
    sent,
    stamps,
    walk,
)

# -- pages


def test_a_page_is_bounded_in_rows_looked_at(stores: AnyStores) -> None:
    giver, taker = stores.open("giver", page_rows=3), stores.open("taker")
    elements = add_each(giver, 8)

    pages = walk(taker, giver)

    assert [len(page.entries) for page in pages] == [3, 3, 2]
    assert sent(pages) == elements


def test_a_page_of_rows_that_are_all_known_is_bounded_too(stores: AnyStores) -> None:
    giver, taker = stores.open("giver", page_rows=3), stores.open("taker")
    add_each(giver, 8)

    page = giver.page(NO_CURSOR, for_run=taker.run, seen=dict(giver.seen), vouched={})

    assert page.entries == ()
    assert page.reached == 3
    assert page.seen is None


def test_a_page_is_bounded_in_bytes_and_the_next_goes_on_behind_it(stores: AnyStores) -> None:
    giver, taker = stores.open("giver"), stores.open("taker")
    elements = [bytes([index]) * 50_000 for index in range(12)]
    for element in elements:
        add(giver, element)

    pages = walk(taker, giver)

    sizes = [sum(len(entry.element) for entry in page.entries) for page in pages]
    assert all(0 < size <= PAGE_BYTES_MAX for size in sizes)
    assert len(pages) == 3
    assert sent(pages) == elements


def test_the_greatest_elements_travel(stores: AnyStores) -> None:
    giver, taker = stores.open("giver"), stores.open("taker")
    elements = [bytes([index]) * ELEMENT_BYTES_MAX for index in range(9)]
    add(giver, *elements)

    walk(taker, giver)

    assert stamps(taker) == stamps(giver)


def test_a_page_leaves_out_what_the_asker_has_seen(stores: AnyStores) -> None:
    a, b, c = (stores.open(name) for name in "abc")
    add(a, b"1")
    walk(b, a, "a:1")
    walk(c, a, "a:1")
    add(b, b"2")

    assert sent(walk(c, b, "b:1")) == [b"2"]


def test_only_the_last_page_carries_the_vector(stores: AnyStores) -> None:
    giver, taker = stores.open("giver", page_rows=2), stores.open("taker")
    add_each(giver, 5)
    pages = walk(taker, giver)
    assert [page.seen for page in pages] == [None, None, giver.seen]


def test_an_empty_log_still_gives_a_last_page(stores: AnyStores) -> None:
    giver, taker = stores.open("giver"), stores.open("taker")
    (page,) = walk(taker, giver)
    assert page.entries == ()
    assert page.seen == {}
    assert (page.reached, page.head) == (0, 0)


def test_an_applied_page_leaves_the_states_equal_and_the_writes_covered(
    stores: AnyStores,
) -> None:
    giver, taker = stores.open("giver"), stores.open("taker")
    add(giver, b"a", b"b")
    remove(giver, b"a")

    walk(taker, giver)

    assert stamps(taker) == stamps(giver)
    assert taker.sums() == giver.sums()
    assert taker.seen == giver.seen
    assert taker.cursor("giver:1") == Cursor(giver.run, giver.log_end, giver.log_end)
    assert covers_its_rows(taker)


def test_a_row_keeps_its_dot_wherever_it_travels(stores: AnyStores) -> None:
    a, b, c = (stores.open(name) for name in "abc")
    add_each(b, 3, b"other")
    add(a, b"1")
    walk(b, a, "a:1")
    walk(c, b, "b:1")
    row = row_of(c, S, b"1")
    assert (row.run, row.number) == (a.run, 1)


def test_a_page_for_another_run_is_refused_and_does_nothing(stores: AnyStores) -> None:
    giver, taker = stores.open("giver"), stores.open("taker")
    add(giver, b"a")
    late = next_page(taker, giver, "giver:1")
    taker = stores.reopen("taker")

    assert taker.apply(late, "giver:1") is None

    assert stamps(taker) == {}
    assert taker.cursor("giver:1") == NO_CURSOR
    assert taker.seen == {}


def test_a_page_that_does_not_start_at_the_cursor_is_refused(stores: AnyStores) -> None:
    giver, taker = stores.open("giver", page_rows=2), stores.open("taker")
    add_each(giver, 5)
    first = next_page(taker, giver, "giver:1")
    assert taker.apply(first, "giver:1") is not None
    before = (taker.log_end, taker.cursor("giver:1"))

    assert taker.apply(first, "giver:1") is None

    assert (taker.log_end, taker.cursor("giver:1")) == before


def test_a_peer_has_a_cursor_of_its_own(stores: AnyStores) -> None:
    giver, taker = stores.open("giver"), stores.open("taker")
    add(giver, b"a")
    walk(taker, giver, "giver:1")
    assert taker.cursor("elsewhere:1") == NO_CURSOR


def test_nothing_that_came_from_a_node_is_sent_back_to_it(stores: AnyStores) -> None:
    a, b = stores.open("a"), stores.open("b")
    add_each(a, 5)
    walk(b, a, "a:1")
    assert sent(walk(a, b, "b:1")) == []


def test_a_walk_that_was_broken_off_raises_no_vector_and_goes_on_where_it_was(
    stores: AnyStores,
) -> None:
    giver, taker = stores.open("giver", page_rows=2), stores.open("taker")
    elements = add_each(giver, 6)
    taker.apply(next_page(taker, giver, "giver:1"), "giver:1")

    assert taker.seen == {}
    assert stamps(taker).keys() == {(S, element) for element in elements[:2]}
    taker = stores.reopen("taker")
    assert taker.seen == {}
    assert sent(walk(taker, giver)) == elements[2:]
    assert taker.seen == giver.seen


def test_what_is_written_between_two_pages_is_met_later_in_the_walk(stores: AnyStores) -> None:
    giver, taker = stores.open("giver", page_rows=2), stores.open("taker")
    elements = add_each(giver, 4)
    taker.apply(next_page(taker, giver, "giver:1"), "giver:1")

    remove(giver, elements[0], elements[3])
    add(giver, b"new")
    walk(taker, giver)

    assert stamps(taker) == stamps(giver)
    assert taker.seen == giver.seen


def test_merged_back_and_forth_two_stores_end_equal_and_quiet(stores: AnyStores) -> None:
    a, b = stores.open("a", page_rows=2), stores.open("b", page_rows=2)
    add_each(a, 5, b"x")
    add_each(b, 5, b"y")
    remove(a, b"y0", b"x0")
    walk(b, a, "a:1")
    walk(a, b, "b:1")

    ends = (a.log_end, b.log_end)
    walk(b, a, "a:1")
    walk(a, b, "b:1")

    assert stamps(a) == stamps(b)
    assert a.seen == b.seen
    assert (a.log_end, b.log_end) == ends


# -- cursors


def test_a_cursor_holds_over_a_restart_of_the_giver(stores: AnyStores) -> None:
    giver, taker = stores.open("giver"), stores.open("taker")
    add_each(giver, 3)
    walk(taker, giver)
    giver = stores.reopen("giver")
    add(giver, b"new")

    (page,) = walk(taker, giver)

    assert not page.from_start
    assert page.entries[0].element == b"new"
    assert taker.cursor("giver:1").run == giver.run


def test_a_walk_from_an_older_copy_of_the_file_begins_at_the_start(stores: AnyStores) -> None:
    giver, taker = stores.open("giver"), stores.open("taker")
    add_each(giver, 3)
    stores.copy("giver", "backup")
    giver = stores.open("giver")
    add_each(giver, 3, b"later")
    walk(taker, giver)
    held = stamps(taker)
    stores.close("giver")
    restored = stores.open("backup")
    add_each(restored, 9, b"after")

    pages = walk(taker, restored)

    assert pages[0].from_start
    assert sent(pages) == numbered(9, b"after")
    assert stamps(taker).items() >= held.items()
    assert covers_its_rows(taker)


def test_a_walk_from_another_file_at_the_same_address_begins_at_the_start(
    stores: AnyStores,
) -> None:
    giver, other, taker = (stores.open(name) for name in ("giver", "other", "taker"))
    add_each(giver, 3)
    add_each(other, 9, b"other")
    walk(taker, giver)

    pages = walk(taker, other)

    assert pages[0].from_start
    assert stamps(taker) == stamps(giver) | stamps(other)


def test_the_first_walk_is_from_the_start(stores: AnyStores) -> None:
    giver, taker = stores.open("giver"), stores.open("taker")
    assert next_page(taker, giver, "giver:1").from_start


def test_a_restored_node_gets_back_what_it_had_lost(stores: AnyStores) -> None:
    node, peer = stores.open("node"), stores.open("peer")
    add_each(node, 3)
    stores.copy("node", "backup")
    node = stores.open("node")
    add_each(node, 3, b"later")
    walk(peer, node, "node:1")
    stores.close("node")
    restored = stores.open("backup")

    walk(restored, peer, "peer:1")

    assert stamps(restored) == stamps(peer)


def test_a_node_restored_from_a_copy_made_while_it_ran_gets_back_what_it_lost(
    stores: AnyStores,
) -> None:
    node, peer = stores.open("node"), stores.open("peer", page_rows=1)
    add_each(node, 3)
    stores.snapshot("node", "backup")
    add_each(node, 3, b"later")
    walk(peer, node, "node:1")
    stores.close("node")
    restored = stores.open("backup")

    restored.apply(next_page(restored, peer, "peer:1"), "peer:1")
    restored.check()
    walk(restored, peer, "peer:1")

    assert stamps(restored) == stamps(peer)
    assert restored.seen == peer.seen


def test_two_copies_of_one_file_that_run_at_once_are_two_nodes(stores: AnyStores) -> None:
    node = stores.open("node")
    add_each(node, 3)
    stores.copy("node", "twin")
    node, twin = stores.open("node"), stores.open("twin")
    add_each(node, 3, b"of the node")
    add_each(twin, 5, b"of the twin")

    walk(node, twin, "twin:1")
    walk(twin, node, "node:1")

    assert stamps(node) == stamps(twin)
    assert len(stamps(node)) == 3 + 3 + 5
    assert node.seen == twin.seen


# -- comparisons


def test_what_a_comparison_brings_raises_neither_vector_nor_cursor(stores: AnyStores) -> None:
    store = stores.open()
    applied = store.apply_entries((Entry(S, b"a", 10, run=7, number=1),))
    assert applied.changed == 1
    assert store.seen == {}
    assert store.cursor("giver:1") == NO_CURSOR
    assert not covers_its_rows(store)


def test_what_was_lost_comes_back_by_comparison_alone_and_counts_as_repaired(
    stores: AnyStores,
) -> None:
    giver, taker = stores.open("giver"), stores.open("taker")
    add_each(giver, 3)
    taker.apply(made_up(taker, seen=giver.seen, run=giver.run), "giver:1")
    assert sent(walk(taker, giver, "elsewhere:1")) == []
    entries = tuple(row.entry for row in giver.read_log(0, 10).rows)

    assert taker.apply_entries(entries).repairs == 3
    assert taker.apply_entries(entries).repairs == 0

    assert stamps(taker) == stamps(giver)
