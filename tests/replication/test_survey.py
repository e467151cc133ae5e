"""A survey counts the elements that do not stand alike everywhere, and costs what they are."""

from collections import Counter
from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lastword.errors import InvalidFrame
from lastword.replication.claims import DIRECTORY, Range
from lastword.replication.frames import looks_of, survey_body
from lastword.replication.hashing import (
    DIGEST_KEY_DEFAULT,
    POSITION_BITS,
    key_of,
    position_of,
)
from lastword.replication.survey import LOOKS_MAX, VIEW_ITEMS_MAX, Look, Survey, View, look
from lastword.store.base import BaseStore
from tests.replication.talk import fill, numbered_state, random_state
from tests.stores import START_US, AnyStores, MemoryStores, S, in_a_folder, stamps

NONCE = 7
MESSAGES_MAX = 500


def surveyed(*stores: BaseStore, survey: Survey | None = None) -> tuple[Survey, int]:
    """Return a survey of stores when it is over, and how many messages each of them got."""
    survey = survey or Survey()
    for messages in range(MESSAGES_MAX):
        if survey.is_over:
            return survey, messages
        looks = survey.next_looks()
        assert len(looks) <= LOOKS_MAX
        survey.take([look(store, NONCE, looks_of(survey_body(NONCE, looks))) for store in stores])
    raise AssertionError("a survey does not end")


def model(*stores: BaseStore) -> Counter[bytes]:
    """Count, by looking at every row, the elements that are not the same on all stores."""
    held = [stamps(store) for store in stores]
    names = set().union(*held)
    unequal = {name for name in names if len({state.get(name) for state in held}) > 1}
    return Counter(set_name for set_name, _ in unequal)


def places(*stores: BaseStore) -> dict[tuple[bytes, int], list[bool]]:
    """Return where elements differ, and which stores hold something there."""
    held = [stamps(store) for store in stores]
    found = {}
    for name in set().union(*held):
        states = [state.get(name) for state in held]
        if len(set(states)) > 1:
            position = position_of(key_of(*name, DIGEST_KEY_DEFAULT))
            found[name[0], position] = [state is not None for state in states]
    return found


@given(
    seed=st.integers(0, 2**32),
    nodes=st.integers(2, 4),
    sets=st.sampled_from([1, 2, 40, 600]),
    counts=st.tuples(st.sampled_from([0, 50, 900]), st.sampled_from([0, 1, 30, 400])),
    bucketed=st.sampled_from([4, 512]),
)
@settings(max_examples=25, deadline=None)
@pytest.mark.slow
def test_what_is_counted_is_what_a_look_at_every_row_counts(
    seed: int, nodes: int, sets: int, counts: tuple[int, int], bucketed: int
) -> None:
    rng = Random(seed)
    with in_a_folder(MemoryStores) as stores:
        shared = random_state(rng, sets, counts[0])
        held = []
        for index in range(nodes):
            stores.bucketed_entries = bucketed
            store = stores.open(str(index))
            fill(store, shared | random_state(rng, sets, counts[1]))
            held.append(store)
        found = dict[tuple[bytes, int], list[bool]]()

        def note(name: bytes, position: int, holds: Sequence[bool]) -> None:
            found[name, position] = list(holds)

        survey, _ = surveyed(*held, survey=Survey(on_found=note))
        assert survey.differing == model(*held)
        assert set(survey.differing) <= set(survey.names.values())
        assert found == places(*held)


def test_stores_on_disk_are_surveyed_alike(stores: AnyStores) -> None:
    a, b = stores.open("a"), stores.open("b")
    fill(a, random_state(Random(1), 5, 600))
    fill(b, random_state(Random(2), 5, 600))
    survey, _ = surveyed(a, b)
    assert survey.differing == model(a, b)


def test_a_survey_of_equal_stores_is_one_message_and_finds_nothing() -> None:
    with in_a_folder(MemoryStores) as stores:
        held = [stores.open(name) for name in "abc"]
        for store in held:
            fill(store, numbered_state(500))
        survey, messages = surveyed(*held)
        assert messages == 1
        assert not survey.differing


@pytest.mark.slow
def test_one_difference_in_a_large_set_among_many_costs_a_few_messages() -> None:
    with in_a_folder(MemoryStores) as stores:
        a, b = stores.open("a"), stores.open("b")
        for store in (a, b):
            fill(store, numbered_state(20_000))
            fill(store, {(b"set %d" % index, b"e"): 2 * START_US for index in range(300)})
        fill(a, {(S, b"only here"): 2 * START_US})
        survey, messages = surveyed(a, b)
        assert survey.differing == {S: 1}
        assert messages <= 6


def test_a_survey_changes_nothing(stores: AnyStores) -> None:
    a, b = stores.open("a"), stores.open("b")
    fill(a, numbered_state(50))
    before = [(store.log_end, store.ledger.copy()) for store in (a, b)]
    surveyed(a, b)
    assert [(store.log_end, store.ledger) for store in (a, b)] == before


def test_counting_ends_where_it_is_clear_that_much_differs() -> None:
    with in_a_folder(MemoryStores) as stores:
        a, b = stores.open("a"), stores.open("b")
        for index in range(200):
            fill(a, numbered_state(20, b"set %d" % index))
        survey, messages = surveyed(a, b, survey=Survey(counted_max=100))
        assert 100 <= survey.differing.total() < 200 * 20
        assert messages < 10


# -- what nodes show


def test_of_more_items_than_may_be_listed_none_are(stores: AnyStores) -> None:
    store = stores.open()
    fill(store, numbered_state(VIEW_ITEMS_MAX + 1))
    position = store.sets_between(0, 2**64)[0].position
    (listed,) = look(store, NONCE, [Look(Range(position), None)])
    (halves,) = look(store, NONCE, [Look(Range(position), 1)])
    assert listed == View(None)
    assert halves.items is not None
    assert len(halves.items) == 2 * 24


ITEM = bytes(24)
BEYOND = (2**63).to_bytes(8, "little") + bytes(16)
IN_A_SET = Look(Range(5, 1, 0), None)
WRONG = {
    "half an item": (IN_A_SET, View(b"x" * 23)),
    "more than may be listed": (IN_A_SET, View(ITEM * (VIEW_ITEMS_MAX + 1))),
    "an element of elsewhere": (IN_A_SET, View(BEYOND)),
    "a part that there is not": (Look(DIRECTORY, 1), View(b"\2" + bytes(23))),
    "no parts": (Look(DIRECTORY, 1), View(None)),
    "a set without its name": (Look(DIRECTORY, None), View(ITEM)),
    "a name of no set": (Look(DIRECTORY, None), View(b"", [b"s"])),
    "an element with a name": (IN_A_SET, View(ITEM, [b"s"])),
    "too many in one place": (Look(Range(5, POSITION_BITS, 0), None), View(None)),
}


@pytest.mark.parametrize(("asked", "view"), WRONG.values(), ids=WRONG.keys())
def test_a_view_that_is_none_is_refused(asked: Look, view: View) -> None:
    survey = Survey(names={5: b"s"}, _waiting=[asked])
    survey.next_looks()
    with pytest.raises(InvalidFrame):
        survey.take([[view], [View(b"")]])
