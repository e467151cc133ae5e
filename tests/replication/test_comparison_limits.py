"""Every message of a comparison is bounded, and what did not fit follows, wherever it was cut."""

import itertools
from collections.abc import Callable
from random import Random
from typing import NamedTuple

import pytest

from lastword.limits import CLAIMS_MAX, COMPARE_BYTES_MAX, COMPARE_ROWS_MAX, ELEMENT_BYTES_MAX
from lastword.replication import answering, comparison
from lastword.replication.claims import (
    DIRECTORY,
    STEP_MAX,
    Claim,
    Listing,
    Range,
    Want,
    size_of,
)
from lastword.replication.comparison import Reply, Step, answer_step
from lastword.replication.digests import Digests, salt_of
from lastword.replication.entries import ENTRY_BYTES, Entry, Held
from lastword.replication.hashing import set_position
from lastword.store.base import BaseStore
from tests.replication.talk import (
    Talk,
    fill,
    joined,
    numbered_state,
    random_state,
)
from tests.stores import START_US, AnyStores, MemoryStores, S, in_a_folder, stamps

CHILDREN_MAX = 2**STEP_MAX
NONCE = 5


class Limits(NamedTuple):
    """What a test makes of the limits of one message."""

    size: int = COMPARE_BYTES_MAX
    rows: int = COMPARE_ROWS_MAX
    claims: int = CLAIMS_MAX
    step_claims: int = comparison.STEP_CLAIMS_MAX

    def set(self, patch: pytest.MonkeyPatch) -> None:
        patch.setattr(answering, "COMPARE_BYTES_MAX", self.size)
        patch.setattr(answering, "COMPARE_ROWS_MAX", self.rows)
        patch.setattr(answering, "CLAIMS_MAX", self.claims)
        patch.setattr(comparison, "STEP_CLAIMS", self.step_claims)
        patch.setattr(comparison, "STEP_CLAIMS_MIN", min(16, self.step_claims))
        patch.setattr(comparison, "STEP_CLAIMS_MAX", self.step_claims)

    def assert_kept(self, entries: list[Entry], claims: list[Claim]) -> None:
        """Check a message: only what goes over with its last claim, or last entry, is above."""
        assert len(claims) <= self.claims
        names = {entry.set_name for entry in entries}
        size = sum(len(entry.element) + ENTRY_BYTES for entry in entries) + sum(map(len, names))
        last = max((len(entry.element) + ENTRY_BYTES for entry in entries), default=0)
        most_claims = CHILDREN_MAX * (2 * CHILDREN_MAX + 4)
        assert size + sum(map(size_of, claims)) < self.size + last + 255 + most_claims
        assert size < self.size + last + 255


LIMITS = [
    Limits(size=1),
    Limits(size=300),
    Limits(rows=1),
    Limits(rows=40),
    Limits(claims=2 * CHILDREN_MAX + 1),
    Limits(claims=2 * CHILDREN_MAX + 9, step_claims=3),
    Limits(size=2_000, rows=100, claims=3 * CHILDREN_MAX, step_claims=1),
]


def bounded_talk(a: BaseStore, b: BaseStore, limits: Limits, nonce: int = 1) -> Talk:
    """Return a talk that checks each message as it arrives."""

    def on_step(step: Step) -> None:
        limits.assert_kept(step.entries, step.claims)
        assert len(step.claims) <= limits.step_claims + CHILDREN_MAX

    return Talk(
        a,
        b,
        nonce,
        on_step=on_step,
        on_reply=lambda reply: limits.assert_kept(reply.entries, reply.claims),
    )


@pytest.mark.slow
@pytest.mark.parametrize("limits", LIMITS, ids=str)
@pytest.mark.parametrize("seed", range(5))
def test_messages_however_small_bring_any_two_states_together(limits: Limits, seed: int) -> None:
    rng = Random(seed)
    sets, *counts = rng.choice([1, 3, 30]), *(rng.choice([0, 60, 600]) for _ in range(3))
    with in_a_folder(MemoryStores) as stores, pytest.MonkeyPatch.context() as patch:
        limits.set(patch)
        shared, *own = (random_state(rng, sets, count) for count in counts)
        stores.bucketed_entries = rng.choice([4, 512])
        a, b = stores.open("a"), stores.open("b")
        for store, state in zip((a, b), own, strict=True):
            fill(store, shared | state)
        expected = joined(a, b)

        talk = bounded_talk(a, b, limits, seed)

        assert talk.run().is_equal
        assert talk.comparison.passes <= 2
        assert stamps(a) == stamps(b) == expected


# -- where an answer is cut, nothing is left out and nothing goes twice


def answers(claim: Claim, holder: BaseStore, limits: Limits) -> list[Reply]:
    """Return all replies to one claim, asked on and on from where the last one ended."""
    replies: list[Reply] = []
    after = None
    for turn in itertools.count():
        assert turn < 2_000
        reply = answer_step(holder, Step(turn, NONCE, None, after, [claim], []), set())
        limits.assert_kept(reply.entries, reply.claims)
        replies.append(reply)
        if reply.done:
            return replies
        assert reply.after is not None
        assert after is None or reply.after > after
        after = reply.after
    raise AssertionError


def elements(replies: list[Reply]) -> list[bytes]:
    return [entry.element for reply in replies for entry in reply.entries]


CUTS = [Limits(size=1), Limits(size=200), Limits(rows=7)]


@pytest.mark.parametrize("limits", CUTS, ids=str)
def test_an_empty_list_is_answered_in_parts_each_entry_once(
    stores: AnyStores, monkeypatch: pytest.MonkeyPatch, limits: Limits
) -> None:
    store = stores.open()
    fill(store, numbered_state(60))
    limits.set(monkeypatch)
    replies = answers(Listing(Range(set_position(S, store.digest_key))), store, limits)
    assert len(replies) > 2
    assert sorted(elements(replies)) == sorted(element for _, element in stamps(store))


def fingerprints(store: BaseStore, at: Range) -> list[tuple[Held, bytes]]:
    salt = salt_of(NONCE)
    return [(row, salt.short(sums)) for row, sums in Digests(store).rows(at)]


@pytest.mark.parametrize("limits", CUTS, ids=str)
def test_a_list_is_answered_in_parts_and_its_want_comes_once_at_the_end(
    stores: AnyStores, monkeypatch: pytest.MonkeyPatch, limits: Limits
) -> None:
    store = stores.open()
    fill(store, numbered_state(50))
    at = Range(set_position(S, store.digest_key))
    held = fingerprints(store, at)
    limits.set(monkeypatch)
    replies = answers(
        Listing(at, b"".join(short for _, short in held[:20]) + b"\xff\xff"), store, limits
    )
    assert sorted(elements(replies)) == sorted(row.key[8:] for row, _ in held[20:])
    assert [reply.claims for reply in replies if reply.claims] == [[Want(at, b"\xff\xff")]]


@pytest.mark.parametrize("limits", CUTS, ids=str)
def test_a_want_is_answered_in_parts_each_entry_once(
    stores: AnyStores, monkeypatch: pytest.MonkeyPatch, limits: Limits
) -> None:
    store = stores.open()
    fill(store, numbered_state(50))
    at = Range(set_position(S, store.digest_key))
    wanted = fingerprints(store, at)[10:40]
    limits.set(monkeypatch)
    replies = answers(Want(at, b"".join(short for _, short in wanted)), store, limits)
    assert len(replies) > 2
    assert sorted(elements(replies)) == sorted(row.key[8:] for row, _ in wanted)


@pytest.mark.parametrize("limits", [*CUTS, Limits(claims=2 * CHILDREN_MAX + 3)], ids=str)
def test_the_directory_is_answered_in_parts_each_set_once(
    stores: AnyStores, monkeypatch: pytest.MonkeyPatch, limits: Limits
) -> None:
    store = stores.open()
    for index in range(30):
        fill(store, numbered_state(1 + index, b"set %d" % index))
    limits.set(monkeypatch)
    replies = answers(Listing(DIRECTORY), store, limits)
    opened = [claim.range.set_position for reply in replies for claim in reply.claims]
    opened += list(
        {
            set_position(entry.set_name, store.digest_key): 1
            for reply in replies
            for entry in reply.entries
        }
    )
    assert set(opened) == {set_position(b"set %d" % n, store.digest_key) for n in range(30)}
    sent = [(e.set_name, e.element) for reply in replies for e in reply.entries]
    assert len(sent) == len(set(sent))


def test_a_key_from_outside_moves_no_answer_out_of_its_range(stores: AnyStores) -> None:
    store = stores.open()
    fill(store, numbered_state(60))
    at = Range(set_position(S, store.digest_key), 1, 1)
    for after in (b"", b"\0", b"\xff" * 8, bytes(80)):
        for claim in (Listing(at), Want(at, b"".join(s for _, s in fingerprints(store, at)))):
            reply = answer_step(store, Step(1, NONCE, None, after, [claim], []), set())
            found = {entry.element for entry in reply.entries}
            inside = {row.key[8:] for row, _ in fingerprints(store, at) if row.key > after}
            assert found == inside
    answer_step(store, Step(1, NONCE, None, b"\xff" * 80, [Listing(DIRECTORY)], []), set())


# -- what is large


@pytest.mark.slow
@pytest.mark.parametrize("side", [0, 1], ids=["initiator", "responder"])
def test_a_large_set_against_nothing_is_streamed_in_bounded_messages(
    stores: AnyStores, side: int
) -> None:
    pair = [stores.open("a"), stores.open("b")]
    fill(pair[side], numbered_state(12_000))
    expected = joined(*pair)
    talk = bounded_talk(pair[0], pair[1], Limits())
    assert talk.run().is_equal
    assert talk.comparison.exchanged == 12_000
    assert talk.comparison.passes == 1
    assert len(talk.messages) < 20
    assert stamps(pair[1 - side]) == expected


def test_large_sets_on_one_side_and_differences_elsewhere_cost_nothing_twice(
    stores: AnyStores, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = stores.open("a"), stores.open("b")
    for index in range(12):
        fill(a, numbered_state(200, b"only here %d" % index))
        fill(b, numbered_state(200, b"only there %d" % index))
        fill(a, numbered_state(40, b"both %d" % index))
        fill(b, numbered_state(20, b"both %d" % index))
    expected = joined(a, b)
    limits = Limits(size=3_000)
    limits.set(monkeypatch)
    talk = bounded_talk(a, b, limits)
    talk.run()
    assert talk.comparison.passes == 1
    assert talk.comparison.exchanged == 12 * (200 + 200 + 20)
    assert stamps(a) == stamps(b) == expected


@pytest.mark.slow
@pytest.mark.parametrize("side", [0, 1], ids=["initiator", "responder"])
def test_small_sets_of_large_elements_that_one_side_lacks_go_over_in_one_pass_bounded(
    side: int,
) -> None:
    with in_a_folder(MemoryStores) as stores:
        pair = [stores.open("a"), stores.open("b")]
        for index in range(5):
            fill(pair[side], numbered_state(16, b"set %d" % index, size=ELEMENT_BYTES_MAX))
        talk = bounded_talk(pair[0], pair[1], Limits())
        assert talk.run().is_equal
        assert talk.comparison.passes == 1
        assert talk.comparison.exchanged == 5 * 16


@pytest.mark.slow
def test_the_names_of_many_small_sets_count_as_bytes_of_a_message(stores: AnyStores) -> None:
    a, b = stores.open("a"), stores.open("b")
    a.apply_entries(tuple(Entry(b"%d" % n + b"x" * 250, b"e", 20, 7, n) for n in range(1, 3_001)))
    assert bounded_talk(b, a, Limits()).run().is_equal
    assert len(b.totals()) == 3_000


@pytest.mark.slow
def test_of_large_elements_no_more_are_read_than_a_message_or_two_holds() -> None:
    with in_a_folder(MemoryStores) as stores:
        a = stores.open("a")
        fill(a, numbered_state(700, size=ELEMENT_BYTES_MAX // 8))
        read = []

        def counted(*arguments: object, original: Callable[..., list[Held]]) -> list[Held]:
            rows = original(*arguments)
            read.append(sum(len(row.key) for row in rows))
            return rows

        original = a.rows_between
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(a, "rows_between", lambda *at: counted(*at, original=original))
            claim = Listing(Range(set_position(S, a.digest_key)))
            answer_step(a, Step(1, NONCE, None, None, [claim], []), set())
        assert sum(read) < 8 * COMPARE_BYTES_MAX


@pytest.mark.slow
def test_what_waits_at_the_initiator_stays_within_a_few_messages() -> None:
    with in_a_folder(MemoryStores) as stores:
        a, b = stores.open("a"), stores.open("b")
        for store, other in ((a, b"a"), (b, b"b")):
            for index in range(20):
                fill(store, numbered_state(1_000, b"set %d" % index))
            for index in range(20):
                name = b"set %d" % index
                fill(store, {(name, b"%s %d" % (other, n)): 2 * START_US for n in range(200)})
        expected = joined(a, b)
        talk = bounded_talk(a, b, Limits())
        assert talk.run().is_equal
        assert talk.waiting_max <= 4 * CLAIMS_MAX
        assert stamps(a) == stamps(b) == expected
