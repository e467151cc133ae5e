"""Sets in memory: they are what the file says, at any time, and no more than may be held."""

import gc
import threading
from random import Random

import pytest

from lastword.errors import DiskFailed
from lastword.store.operations import Write
from lastword.store.set_cache import ELEMENT_BYTES, SetCache
from lastword.store.sqlite.store import SqliteStore
from tests.stores import S, SqliteStores

OTHER = b"another set"


def elements(start: int, end: int) -> tuple[bytes, ...]:
    return tuple(b"%06d" % number for number in range(start, end))


def held(store: SqliteStore, set_name: bytes = S) -> set[bytes] | None:
    return store.cache.elements_of(set_name)


def test_a_held_set_is_its_present_elements(files: SqliteStores) -> None:
    store = files.open()
    store.execute(Write(S, add=elements(0, 3_000), remove=elements(3_000, 4_000)))
    assert held(store) is None
    store.hold(S)
    assert held(store) == set(elements(0, 3_000))


def test_a_held_set_follows_every_commit(files: SqliteStores) -> None:
    store = files.open()
    store.execute(Write(S, add=elements(0, 10)))
    store.hold(S)
    store.execute(Write(S, add=elements(5, 20), remove=elements(0, 5)))
    assert held(store) == set(elements(5, 20))
    store.execute(Write(OTHER, add=elements(0, 5)))
    assert held(store) == set(elements(5, 20))
    assert store.contains_each(S, [b"000000", b"000007", b"none"]) == [False, True, False]


def test_the_collector_of_cycles_passes_over_a_held_set(files: SqliteStores) -> None:
    """A full collection holds all threads up for as long as it takes to go over its elements."""
    store = files.open()
    store.execute(Write(S, add=elements(0, 1_000)))
    store.hold(S)
    store.execute(Write(S, add=elements(1_000, 5_000), remove=elements(0, 500)))
    assert held(store) == set(elements(500, 5_000))
    assert not gc.is_tracked(held(store))


def test_what_a_peer_brings_is_in_a_held_set(files: SqliteStores) -> None:
    store, other = files.open("a"), files.open("b")
    store.execute(Write(S, add=elements(0, 10)))
    store.hold(S)
    other.execute(Write(S, add=elements(10, 12)))
    store.apply_entries(tuple(row.entry for row in other.read_log(0, 99).rows))
    assert held(store) == set(elements(0, 12))


def test_a_set_that_is_loaded_while_it_changes_misses_nothing(files: SqliteStores) -> None:
    store = files.open()
    store.execute(Write(S, add=elements(0, 5_000)))
    rng, done = Random(1), threading.Event()

    def change() -> None:
        while not done.is_set():
            number = rng.randrange(6_000)
            element = elements(number, number + 1)
            store.execute(
                Write(S, add=element) if rng.random() < 0.5 else Write(S, remove=element)
            )

    changing = threading.Thread(target=change)
    changing.start()
    for _ in range(5):
        store.hold(S)
        assert held(store) is not None
        with store.writer.between_commits:
            store.cache.drop(S)
    store.hold(S)
    done.set()
    changing.join()

    kept = held(store)
    assert kept is not None
    assert store.totals()[S].present == len(kept)
    with store.writer.between_commits:
        store.cache.drop(S)
    everything = elements(0, 6_000)
    present = store.contains_each(S, everything)
    assert {element for element, at in zip(everything, present, strict=True) if at} == kept


def test_reads_are_counted_until_a_load_has_paid() -> None:
    cache = SetCache(1_000_000)
    wanted = [cache.wants(S, entries=2_000, reads=10) for _ in range(11)]
    assert wanted == [False] * 10 + [True]
    assert not cache.wants(S, entries=2_000), "the count begins anew"
    assert not cache.wants(OTHER, entries=1_000_000, reads=999_999), "it would not fit"


def test_a_set_that_turns_out_too_large_is_not_held(
    files: SqliteStores, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = files.open()
    store.execute(Write(S, add=tuple(b"%05000d" % number for number in range(100))))
    monkeypatch.setattr(store.cache, "bytes_max", 100_000)
    assert store.cache.wants(S, entries=100, reads=10)
    store.hold(S)
    assert S not in store.cache
    assert not store.cache.wants(S, entries=100, reads=9_000), "nor is it tried again at once"
    assert store.cache.size == 0


def test_the_sets_that_are_read_least_make_room(
    files: SqliteStores, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = files.open()
    names = [b"set %d" % number for number in range(10)]
    for name in names:
        store.execute(Write(name, add=elements(0, 100)))
    monkeypatch.setattr(store.cache, "bytes_max", 5 * 100 * (ELEMENT_BYTES + 20))
    for name in names:
        store.hold(name)
        for _ in range(100):
            held(store, names[0])
    assert names[0] in store.cache
    assert names[-1] in store.cache
    assert names[1] not in store.cache
    assert 0 < store.cache.size <= store.cache.bytes_max


def test_a_held_set_that_outgrows_its_bound_is_dropped(
    files: SqliteStores, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = files.open()
    store.execute(Write(S, add=elements(0, 100)))
    monkeypatch.setattr(store.cache, "bytes_max", 100_000)
    store.hold(S)
    assert S in store.cache
    store.execute(Write(S, add=elements(100, 2_000)))
    assert S not in store.cache
    assert store.cache.size == 0
    assert store.contains_each(S, [b"001999"]) == [True]


def test_no_elements_are_asked_for(files: SqliteStores) -> None:
    store = files.open()
    store.execute(Write(S, add=elements(0, 2)))
    assert store.contains_each(S, []) == []


def test_a_snapshot_does_not_see_what_held_sets_do(files: SqliteStores) -> None:
    """Two sets read together are of one state, though one is held and changes meanwhile."""
    store = files.open()
    store.execute(Write(S, add=elements(0, 2)))
    store.hold(S)
    with store.snapshot():
        assert store.contains_each(S, elements(0, 2)) == [True, True]
        store.execute(Write(S, remove=elements(0, 2)))
        assert store.contains_each(S, elements(0, 2)) == [True, True]
    assert store.cache.lookup(S, elements(0, 2)) == [False, False]


def test_a_failed_load_leaves_no_snapshot_behind(
    files: SqliteStores, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = files.open()
    store.execute(Write(S, add=elements(0, 2)))
    for failing in ("begin_reading", "_load"):
        with monkeypatch.context() as patched:
            patched.setattr(store, failing, Failing())
            with pytest.raises(DiskFailed):
                store.hold(S)
        assert S not in store.cache
        with store.snapshot():
            assert store.contains(S, b"000000") is True


class Failing:
    def __call__(self, *_: object) -> None:
        raise DiskFailed("no")
