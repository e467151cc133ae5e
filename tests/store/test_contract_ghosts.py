"""What every store promises of ghosts: old adds of what may have been removed long ago."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Struct

from lastword.crdt.stamp import is_removed, pack, time_of
from lastword.errors import FutureTime, GhostElements
from lastword.limits import (
    ELEMENT_BYTES_MAX,
    GHOSTS_TOLD_BYTES_MAX,
    GHOSTS_TOLD_MAX,
    MAX_SKEW_US_DEFAULT,
)
from lastword.store.base import BaseStore
from lastword.store.ghosts import Ghosts, check_ghosts
from lastword.store.operations import Merge, Write, WriteInTurn, Written
from lastword.store.transaction import Name, Transaction
from tests.stores import (
    HOUR_US,
    START_US,
    AnyStores,
    MemoryStores,
    NoteCollected,
    S,
    SqliteStores,
    Stores,
    add,
    in_a_folder,
    numbered,
    remove,
    stamps,
)

COLLECTED = 1_000


def opened(stores: AnyStores) -> BaseStore:
    """Return a store that collected a tombstone of set S at time COLLECTED."""
    store = stores.open()
    store.execute(NoteCollected(S, COLLECTED))
    return store


def added(*elements: bytes, time: int) -> dict[bytes, int]:
    return dict.fromkeys(elements, pack(time, removed=False))


# -- what is refused


def test_an_old_add_of_what_is_not_held_is_refused_and_nothing_is_done(stores: AnyStores) -> None:
    store = opened(stores)
    log_end = store.log_end
    for operation in (
        Write(S, add=(b"a",), time=COLLECTED),
        Write(S, add=(b"a",), remove=(b"b",), time=COLLECTED),
        Merge(S, added(b"a", time=1) | added(b"b", time=COLLECTED + 1)),
    ):
        with pytest.raises(GhostElements, match="'a'; they are not in the set") as caught:
            store.execute(operation)
        assert (caught.value.elements, caught.value.more) == ((b"a",), 0)
    assert (stamps(store), store.log_end) == ({}, log_end)


def test_what_counts_is_whether_an_element_is_present_not_whether_it_is_held(
    stores: AnyStores,
) -> None:
    store = opened(stores)
    remove(store, b"tombstone", time=5)
    with pytest.raises(GhostElements):
        add(store, b"tombstone", time=6)
    assert add(store, b"tombstone", time=5) == 5  # it would not become present
    assert store.contains(S, b"tombstone") is False


def test_an_old_add_of_what_is_present_is_merged(stores: AnyStores) -> None:
    store = opened(stores)
    store.execute(Write(S, add=(b"a",), time=5, ghosts=Ghosts.READD))
    present = stamps(store)[S, b"a"]
    assert store.execute(Merge(S, added(b"a", time=7))).changed == 0
    assert stamps(store)[S, b"a"] == present
    remove(store, b"b")
    assert add(store, b"b", time=7) == 7


def test_a_newer_add_an_old_remove_and_other_sets_are_free(stores: AnyStores) -> None:
    store = stores.open()
    store.execute(Write(b"other", add=(b"here before",)))
    store.execute(NoteCollected(S, COLLECTED))
    assert add(store, b"a", time=COLLECTED + 1) == COLLECTED + 1
    assert remove(store, b"b", time=COLLECTED) == COLLECTED
    assert store.execute(Write(b"other", add=(b"a",), time=1)) == 1
    assert add(store, b"c") == START_US + 1


def test_a_set_without_rows_may_have_had_whatever_was_collected_anywhere(
    stores: AnyStores,
) -> None:
    store = opened(stores)
    with pytest.raises(GhostElements):
        store.execute(Write(b"other", add=(b"a",), time=COLLECTED))
    assert store.execute(Write(b"other", add=(b"a",))) > COLLECTED
    with pytest.raises(GhostElements):  # what it may have had does not change with a row
        store.execute(Write(b"other", add=(b"b",), time=COLLECTED))


def test_the_collected_time_is_kept_in_the_file_and_over_other_writes(stores: AnyStores) -> None:
    store = opened(stores)
    add(store, b"x")
    store.execute(NoteCollected(S, COLLECTED - 1))
    store = stores.reopen()
    assert store.totals()[S].collected_time == COLLECTED
    with pytest.raises(GhostElements):
        add(store, b"a", time=COLLECTED)
    store.recount(S)
    assert store.totals()[S].collected_time == COLLECTED


class CollectFirst(Struct, frozen=True):
    """Writes in turn, and a collection just before them in the same transaction."""

    then: WriteInTurn

    def touches(self) -> list[Name]:
        return self.then.touches()

    def run(self, transaction: Transaction) -> Written:
        NoteCollected(S, COLLECTED).run(transaction)
        return self.then.run(transaction)


def test_a_collection_within_the_same_transaction_counts(stores: AnyStores) -> None:
    store = stores.open()
    writes = Write(S, add=(b"a",)), Write(S, add=(b"b",), time=1), Write(S, add=(b"c",))
    done = store.execute(CollectFirst(WriteInTurn(writes)))
    assert done.writes == 1
    assert isinstance(done.refusal, GhostElements)
    assert stamps(store).keys() == {(S, b"a")}


def test_a_time_too_far_ahead_is_told_of_first(stores: AnyStores) -> None:
    store = opened(stores)
    future = START_US + MAX_SKEW_US_DEFAULT + 1
    with pytest.raises(FutureTime):
        store.execute(Merge(S, added(b"a", time=1) | added(b"b", time=future)))


@pytest.mark.parametrize("removed", [False, True], ids=["add", "remove"])
def test_times_of_the_node_are_after_what_was_collected_from_the_future_too(
    stores: AnyStores, removed: bool
) -> None:
    store = stores.open()
    store.execute(Write(b"other", add=(b"here before",)))
    store.execute(NoteCollected(S, START_US + HOUR_US))
    write = remove if removed else add
    assert write(store, b"a") == START_US + HOUR_US + 1
    assert write(store, b"b", b"c") == START_US + HOUR_US + 1
    assert store.execute(Write(b"other", add=(b"a",))) < START_US + HOUR_US


# -- what the caller may choose


def test_ghosts_may_be_left_out(stores: AnyStores) -> None:
    store = opened(stores)
    remove(store, b"t", time=2)
    state = added(b"a", b"t", time=9) | added(b"b", time=COLLECTED + 1)
    merged = store.execute(Merge(S, state, Ghosts.REMOVE))
    assert merged == (1, COLLECTED + 1)
    assert stamps(store) == {(S, b"t"): pack(2, removed=True)} | {
        (S, b"b"): pack(COLLECTED + 1, removed=False)
    }
    assert store.execute(Write(S, add=(b"a",), time=9, ghosts=Ghosts.REMOVE)) == 9
    assert store.contains(S, b"a") is False
    assert store.execute(Merge(S, added(b"a", time=9), Ghosts.REMOVE)) == (0, None)


def test_ghosts_may_be_added_at_a_new_time(stores: AnyStores) -> None:
    store = opened(stores)
    remove(store, b"t", time=2)
    state = added(b"a", b"t", time=9) | added(b"b", time=COLLECTED + 1)
    assert store.execute(Merge(S, state, Ghosts.READD)) == (3, COLLECTED + 1)
    assert {element for _, element in stamps(store)} == {b"a", b"b", b"t"}
    assert stamps(store)[S, b"a"] == stamps(store)[S, b"t"] == pack(START_US, removed=False)
    again = store.log_end
    assert store.execute(Merge(S, state, Ghosts.READD)).changed == 0
    assert store.log_end == again
    assert store.execute(Write(S, add=(b"z",), time=9, ghosts=Ghosts.READD)) > START_US


# -- what is told


def test_a_refusal_lists_a_hundred_and_says_how_many_more(stores: AnyStores) -> None:
    store = opened(stores)
    with pytest.raises(GhostElements, match=r"'e0', 'e1', 'e2', 'e3', 'e4' and 145 more;") as seen:
        store.execute(Merge(S, added(*numbered(150), time=1)))
    assert seen.value.elements == tuple(numbered(GHOSTS_TOLD_MAX))
    assert seen.value.more == 50


def test_long_ghosts_are_told_of_in_a_few_kilobytes(stores: AnyStores) -> None:
    store = opened(stores)
    longest = [bytes([letter]) * ELEMENT_BYTES_MAX for letter in b"ab"]
    shorter = [bytes([letter]) * (GHOSTS_TOLD_BYTES_MAX // 2) for letter in b"cde"]
    with pytest.raises(GhostElements) as caught:
        store.execute(Merge(S, added(*longest, *shorter, time=1)))
    assert caught.value.elements == tuple(shorter[:2])
    assert caught.value.more == 3
    assert len(str(caught.value)) < 1_000


# -- against a model

NAMES = st.sampled_from([b"a", b"b", b"c", b"\xff"])
TIMES = st.integers(0, 6)
STATES = st.dictionaries(
    NAMES, st.builds(lambda time, removed: pack(time, removed=removed), TIMES, st.booleans())
)
STEPS = st.lists(
    st.one_of(STATES.map(lambda at: ("merge", at)), TIMES.map(lambda at: ("collect", at))),
    max_size=8,
)


class Model:
    """Two maps of times as in the paper, and the time up to which deletes are forgotten."""

    def __init__(self) -> None:
        self.adds: dict[bytes, int] = {}
        self.removes: dict[bytes, int] = {}
        self.forgotten = 0

    def present(self, element: bytes) -> bool:
        return self.adds.get(element, -1) > self.removes.get(element, -1)

    def collect(self, time: int) -> None:
        self.forgotten = max(self.forgotten, time)

    def merge(self, state: dict[bytes, int], ghosts: Ghosts, now: int) -> set[bytes]:
        """Return the ghosts, having merged all unless they are refused."""
        found = {element for element, stamp in state.items() if self._ghost(element, stamp)}
        if found and ghosts is Ghosts.REFUSE:
            return found
        for element, stamp in state.items():
            if element not in found:
                times = self.removes if is_removed(stamp) else self.adds
                times[element] = max(time_of(stamp), times.get(element, -1))
            elif ghosts is Ghosts.READD:
                self.adds[element] = now
        return found

    def _ghost(self, element: bytes, stamp: int) -> bool:
        if is_removed(stamp) or self.present(element) or not self.forgotten:
            return False
        becomes_present = time_of(stamp) > self.removes.get(element, -1)
        return becomes_present and time_of(stamp) <= self.forgotten


@pytest.mark.parametrize("kind", [MemoryStores, SqliteStores], ids=["memory", "sqlite"])
@given(steps=STEPS, ghosts=st.sampled_from(Ghosts))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_store_finds_the_ghosts_that_a_model_finds(
    kind: type[Stores[BaseStore]], steps: list[tuple[str, object]], ghosts: Ghosts
) -> None:
    model = Model()
    with in_a_folder(kind) as stores:
        store = stores.open()
        for _, what in steps:
            stores.wall.now_us += 1
            if isinstance(what, int):
                model.collect(what)
                store.execute(NoteCollected(S, what))
                continue
            assert isinstance(what, dict)
            refused = model.merge(what, ghosts, stores.wall.now_us)
            assert merged(store, what, ghosts) == (refused if ghosts is Ghosts.REFUSE else set())
        for element in (b"a", b"b", b"c", b"\xff"):
            assert (store.contains(S, element) is True) == model.present(element)


def merged(store: BaseStore, state: dict[bytes, int], ghosts: Ghosts) -> set[bytes]:
    """Merge; return the ghosts that it is refused for, which a check beforehand finds too."""
    checked: set[bytes] = set()
    try:
        held = store.ledger.collected_time(S)
        check_ghosts(state, held, lambda at: store.stamp_of(S, at))
    except GhostElements as error:
        checked = set(error.elements)
    try:
        store.execute(Merge(S, state, ghosts))
        found: set[bytes] = set()
    except GhostElements as error:
        found = set(error.elements)
    assert found == (checked if ghosts is Ghosts.REFUSE else set())
    return found
