"""The digests of a range are those of its rows, however the store keeps sums; damage is mended."""

from collections.abc import Callable
from dataclasses import replace
from functools import reduce
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lastword.replication import digests as digests_room
from lastword.replication.claims import DIRECTORY, STEP_MAX, Range
from lastword.replication.comparisons import Comparisons
from lastword.replication.digests import Digests, Part, salt_of
from lastword.replication.entries import Bucket, SetDigest
from lastword.replication.hashing import NO_SUMS, POSITION_BITS, PRIME, Sums, place, set_position
from lastword.store.base import BaseStore
from lastword.store.memory import MemoryStore
from tests.replication.net import SETTINGS, TICK_US, A, B, Net, pair
from tests.replication.talk import Talk, fill, joined, numbered_state, random_state
from tests.stores import AnyStores, MemoryStores, S, add, add_each, in_a_folder, numbered, stamps


def model(store: BaseStore, at: Range) -> Part:
    """Return what a range holds, found by looking at every row."""
    held: dict[bytes, list[Sums]] = {}
    for (set_name, element), stamp in stamps(store).items():
        where = place(set_name, element, store.digest_key)
        own, position = set_position(set_name, store.digest_key), int.from_bytes(where.key[:8])
        inside = at.set_position in {None, own}
        if inside and _begins(own if at.set_position is None else position, at):
            held.setdefault(set_name, []).append(where.change(None, stamp))
    sums = reduce(Sums.plus, (sums for found in held.values() for sums in found), NO_SUMS)
    entries = sum(map(len, held.values()))
    return Part(len(held) if at.set_position is None else entries, sums)


def _begins(position: int, at: Range) -> bool:
    return f"{position:064b}".startswith(f"{at.prefix:0{at.bits}b}" if at.bits else "")


def range_of(store: BaseStore, set_name: bytes | None, bits: int, low: int) -> Range:
    position = None if set_name is None else set_position(set_name, store.digest_key)
    return Range(position, bits, low >> (POSITION_BITS - bits))


# -- parts


@given(
    seed=st.integers(0, 2**32),
    sets=st.sampled_from([1, 2, 50]),
    count=st.sampled_from([0, 1, 30, 300]),
    bucketed=st.sampled_from([1, 4, 40, 512]),
    of_a_set=st.booleans(),
    bits=st.integers(0, 12) | st.sampled_from([58, 64]),
    step=st.integers(0, STEP_MAX),
)
@settings(max_examples=60, deadline=None)
def test_parts_of_any_range_are_what_all_rows_say(
    seed: int, sets: int, count: int, bucketed: int, of_a_set: bool, bits: int, step: int
) -> None:
    rng = Random(seed)
    with in_a_folder(MemoryStores) as stores:
        stores.bucketed_entries = bucketed
        store = stores.open()
        fill(store, random_state(rng, sets, count))
        step = min(step, POSITION_BITS - bits)
        near = [int.from_bytes(key[:8]) for (_, key), _ in store.all_rows()]
        low = rng.choice([*near, rng.getrandbits(64)])
        at = range_of(store, b"set 0" if of_a_set else None, bits, low)
        digests = Digests(store)

        parts = digests.parts(at, step)

        assert parts == [model(store, at.child(step, index)) for index in range(1 << step)]
        assert digests.parts(at, 0) == [model(store, at)]
        if of_a_set:
            assert digests.count(at) == model(store, at).size
        assert not digests.suspects


def test_parts_of_a_store_on_disk_are_what_all_rows_say(stores: AnyStores) -> None:
    stores.bucketed_entries = 8
    store = stores.open()
    fill(store, random_state(Random(1), 3, 200))
    for at in (DIRECTORY, range_of(store, b"set 0", 0, 0), range_of(store, b"set 0", 3, 5 << 61)):
        parts = Digests(store).parts(at, 4)
        assert parts == [model(store, at.child(4, index)) for index in range(16)]


def test_a_set_that_is_not_held_has_empty_parts(stores: AnyStores) -> None:
    digests = Digests(stores.open())
    assert digests.parts(Range(7), 2) == [Part(0, NO_SUMS)] * 4
    assert digests.count(Range(7, 3, 1)) == 0
    assert list(digests.rows(Range(7))) == []


def test_parts_no_finer_than_what_the_store_keeps_read_no_row(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(digests_room, "KEPT_PER_ROW", 1 << 60)
    with in_a_folder(MemoryStores) as stores:
        store = stores.open()
        fill(store, numbered_state(5_000))
        at = Range(set_position(S, store.digest_key))
        digests = Digests(store)
        assert digests.best_step(at, 5_000, STEP_MAX) > 2
        digests.parts(at, digests.best_step(at, 5_000, STEP_MAX))
        assert digests.read == 0


@pytest.mark.parametrize("bits", [0, 1, 5, 63, 64])
@pytest.mark.parametrize("count", [17, 1_000, 10**7])
def test_a_step_goes_at_least_a_bit_and_never_past_the_last(bits: int, count: int) -> None:
    with in_a_folder(MemoryStores) as stores:
        digests = Digests(stores.open())
        for at in (Range(None, bits), Range(7, bits)):
            step = digests.best_step(at, count, STEP_MAX)
            assert min(1, POSITION_BITS - bits) <= step <= min(STEP_MAX, POSITION_BITS - bits)


# -- fingerprints


@given(st.integers(0, 2**63 - 1), st.lists(st.tuples(*[st.integers(0, PRIME - 1)] * 2)))
def test_the_fingerprint_of_a_sum_is_the_sum_of_fingerprints(
    nonce: int, found: list[tuple[int, int]]
) -> None:
    salt = salt_of(nonce)
    sums = [Sums(*at) for at in found]
    together = reduce(Sums.plus, sums, NO_SUMS)
    assert salt.root(together) == sum(map(salt.root, sums)) % PRIME
    assert salt.short(together) == (salt.root(together) % 65_536).to_bytes(2, "little")


def test_a_fingerprint_is_the_published_one() -> None:
    salt = salt_of(1)
    x, y = 1297590526984364711, 1710311837394169090
    assert tuple(salt) == (x, y)
    assert salt.root(Sums(3, 4)) == (3 * x + 4 * y) % (2**61 - 1)


def test_another_nonce_gives_other_fingerprints() -> None:
    assert len({salt_of(nonce).root(Sums(3, 4)) for nonce in range(1_000)}) == 1_000


# -- between stores that keep sums differently


@pytest.mark.parametrize(("ours", "theirs"), [(1, 512), (512, 1), (4, 40), (40, 4)])
def test_stores_that_keep_sums_differently_understand_each_other(
    stores: AnyStores, ours: int, theirs: int
) -> None:
    pair = []
    for name, bucketed in (("a", ours), ("b", theirs)):
        stores.bucketed_entries = bucketed
        pair.append(stores.open(name))
    for store, seed in zip(pair, (1, 2), strict=True):
        fill(store, numbered_state(400))
        fill(store, random_state(Random(seed), 1, 60))
    expected = joined(*pair)
    talk = Talk(pair[0], pair[1])
    assert talk.run().is_equal
    assert talk.comparison.exchanged <= 3 * 60
    assert [stamps(store) for store in pair] == [expected] * 2


# -- damage


def spoil_ledger(store: MemoryStore) -> None:
    ledger = store.ledger
    totals = ledger.totals[S]
    ledger.totals[S] = totals._replace(sums=totals.sums.plus(Sums(1, 2)))
    ledger.sums = ledger.sums.plus(Sums(1, 2))


def spoil_count(store: MemoryStore) -> None:
    totals = store.ledger.totals[S]
    store.ledger.totals[S] = totals._replace(present=totals.present + 1)
    spoil_ledger(store)


def spoil_bucket(store: MemoryStore) -> None:
    """Damage a bucket, and all that was added up from it."""
    buckets = store.ledger.buckets[S]
    low, bits, entries, sums = buckets[2]
    buckets.change({low: Bucket(low, bits, entries, sums.plus(Sums(1, 2)))})
    spoil_ledger(store)


def spoil_bucket_alone(store: MemoryStore) -> None:
    buckets = store.ledger.buckets[S]
    low, bits, entries, sums = buckets[2]
    buckets.change({low: Bucket(low, bits, entries, sums.plus(Sums(1, 2)))})


SPOILS = [spoil_ledger, spoil_count, spoil_bucket]


def compare_all(net: Net, intervals: float) -> None:
    net.rounds(int(intervals * SETTINGS.full_interval_us / TICK_US))


@pytest.fixture
def large_pair(net: Net) -> tuple[MemoryStore, MemoryStore]:
    net.stores.bucketed_entries = 8
    a, b = pair(net)
    add_each(a.store, 100)
    net.rounds(4)
    assert a.store.sums() == b.store.sums()
    return a.store, b.store


@pytest.mark.parametrize("spoil", SPOILS)
@pytest.mark.parametrize("side", [0, 1])
def test_sums_that_were_changed_behind_the_stores_back_are_mended(
    net: Net,
    large_pair: tuple[MemoryStore, MemoryStore],
    spoil: Callable[[MemoryStore], None],
    side: int,
) -> None:
    spoil(large_pair[side])
    before = [stamps(store) for store in large_pair]

    compare_all(net, 5)

    counters = [net.nodes[address].replica.counters for address in (A, B)]
    assert [at.sets_distrusted for at in counters] == [1 - side, side]
    assert [stamps(store) for store in large_pair] == before
    assert large_pair[0].sums() == large_pair[1].sums()


def test_the_sums_of_a_small_set_are_mended_too(net: Net) -> None:
    a, _ = pair(net)
    add_each(a.store, 5)
    net.rounds(4)
    spoil_ledger(a.store)
    compare_all(net, 5)
    assert a.replica.counters.sets_distrusted == 1


def test_damage_is_looked_at_twice_before_a_set_is_added_up(
    large_pair: tuple[MemoryStore, MemoryStore],
) -> None:
    a, b = large_pair
    spoil_bucket(a)
    talks = [Talk(a, b, nonce) for nonce in (1, 100)]
    for talk in talks:
        assert not talk.run().is_equal
        assert [found.name for found in talk.suspects[0]] == [S]
        assert not talk.suspects[1]
    a.recount(S)


def test_damage_to_a_bucket_that_the_set_does_not_know_of_does_no_harm_and_goes_unseen(
    large_pair: tuple[MemoryStore, MemoryStore],
) -> None:
    a, b = large_pair
    spoil_bucket_alone(a)
    assert Talk(a, b).run().is_equal
    add(b, b"one more")
    talk = Talk(a, b)
    assert talk.run().is_equal
    assert stamps(a) == stamps(b)
    assert [found.name for found in talk.suspects[0]] == [S]
    a.recount(S)


@pytest.mark.slow
@pytest.mark.parametrize("side", [0, 1])
def test_writes_between_two_reads_make_no_set_be_added_up(
    net: Net,
    large_pair: tuple[MemoryStore, MemoryStore],
    side: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for node in net.nodes.values():
        node.replica.settings = replace(SETTINGS, walks=False)
    store, written = large_pair[side], iter(numbered(100_000, b"meanwhile"))
    suspected: set[SetDigest] = set()
    recounts: list[bytes] = []
    original, mend = store.buckets_between, Comparisons._examine

    def overtaken(set_name: bytes, low: int, high: int) -> list[Bucket]:
        found = original(set_name, low, high)
        add(store, next(written))
        return found

    def noted(comparisons: Comparisons, suspects: set[SetDigest]) -> None:
        suspected.update(suspects)
        mend(comparisons, suspects)

    monkeypatch.setattr(store, "buckets_between", overtaken)
    monkeypatch.setattr(store, "distrust", recounts.append)
    monkeypatch.setattr(Comparisons, "_examine", noted)
    for _ in range(3):
        add(large_pair[1 - side], next(written))
        compare_all(net, 1)

    assert len(suspected) > 1
    assert recounts == []
