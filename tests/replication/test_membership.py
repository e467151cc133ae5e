"""Under which address a node lists itself, and whose address it takes back."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lastword.replication.membership import (
    PATIENCE_US,
    REPLACED_FAILURES,
    Identity,
    Membership,
)
from lastword.replication.peers import PeerBook
from lastword.store.memory import MemoryStore
from tests.stores import MemoryStores

OWN, CONTACT, OTHER, OLD = "own:1", "contact:1", "other:1", "old:1"

Start = Callable[[Identity], Membership]


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[MemoryStores]:
    made = MemoryStores(tmp_path)
    yield made
    made.finish()


@pytest.fixture
def store(stores: MemoryStores) -> MemoryStore:
    return stores.open()


def start(store: MemoryStore, identity: Identity) -> Membership:
    membership = Membership(store, PeerBook(identity.contacts), identity)
    membership.tick(0)
    return membership


def answers(membership: Membership, address: str) -> None:
    membership._peers.peer(address).heard()
    membership.found_other(address)


def fails(membership: Membership, address: str) -> None:
    membership._peers.peer(address).failed(0)
    membership.found_silent(address)


def leads_here(membership: Membership, address: str) -> None:
    membership._peers.peer(address).heard()
    membership.found_self(address)


def test_a_node_on_its_own_lists_its_default_at_once(store: MemoryStore) -> None:
    start(store, Identity(default=OWN))
    assert store.members() == {OWN}


def test_the_default_waits_until_every_contact_point_answered_or_failed(
    store: MemoryStore,
) -> None:
    membership = start(store, Identity(default=OWN, contacts=(CONTACT, OTHER)))
    answers(membership, CONTACT)
    membership.tick(1)
    assert store.members() == frozenset()

    fails(membership, OTHER)
    membership.tick(2)

    assert store.members() == {OWN}


def test_the_default_waits_no_longer_than_its_patience(store: MemoryStore) -> None:
    membership = start(store, Identity(default=OWN, contacts=(CONTACT,)))
    membership.tick(PATIENCE_US - 1)
    assert store.members() == frozenset()
    membership.tick(PATIENCE_US)
    assert store.members() == {OWN}


def test_a_contact_point_that_leads_here_is_listed_in_place_of_the_default(
    store: MemoryStore,
) -> None:
    membership = start(store, Identity(default=OWN, contacts=(CONTACT, OTHER)))
    leads_here(membership, CONTACT)
    membership.tick(PATIENCE_US)
    assert store.members() == {CONTACT}
    assert membership.address == CONTACT


def test_only_the_first_address_that_leads_here_is_listed(store: MemoryStore) -> None:
    membership = start(store, Identity(default=OWN, contacts=(CONTACT, OTHER)))
    leads_here(membership, CONTACT)
    leads_here(membership, OTHER)
    assert store.members() == {CONTACT}


def test_no_contact_point_is_listed_for_its_answer(store: MemoryStore) -> None:
    membership = start(store, Identity(default=OWN, contacts=(CONTACT,)))
    answers(membership, CONTACT)
    membership.tick(1)
    assert store.members() == {OWN}


def test_a_node_that_a_listed_address_leads_to_lists_none(store: MemoryStore) -> None:
    store.list_member(OTHER)
    membership = start(store, Identity(default=OWN))
    assert store.members() == {OTHER}

    leads_here(membership, OTHER)
    membership.tick(PATIENCE_US)

    assert store.members() == {OTHER}
    assert membership.address == OTHER


def test_a_listed_element_that_is_no_address_is_not_waited_for(store: MemoryStore) -> None:
    store.list_member("not an address")
    start(store, Identity(default=OWN))
    assert store.members() == {"not an address", OWN}


def test_without_a_default_nothing_is_listed_until_an_address_leads_here(
    store: MemoryStore,
) -> None:
    membership = start(store, Identity(contacts=(CONTACT,)))
    membership.tick(PATIENCE_US)
    assert store.members() == frozenset()
    leads_here(membership, CONTACT)
    assert store.members() == {CONTACT}


def test_an_advertised_address_is_listed_at_once_and_alone(store: MemoryStore) -> None:
    membership = start(store, Identity(default=OTHER, advertise=OWN, contacts=(CONTACT,)))
    leads_here(membership, CONTACT)
    membership.tick(PATIENCE_US)
    assert store.members() == {OWN}
    assert membership.address == OWN


def test_an_advertised_address_that_is_listed_is_not_written_again(store: MemoryStore) -> None:
    store.list_member(OWN)
    log_end = store.log_end
    start(store, Identity(advertise=OWN))
    assert store.log_end == log_end


def stays_silent(membership: Membership, address: str) -> None:
    for _ in range(REPLACED_FAILURES):
        fails(membership, address)


@pytest.mark.parametrize("found", [stays_silent, leads_here], ids=["nobody", "only this node"])
def test_an_advertised_address_replaces_the_one_before_if_no_other_answers_there(
    store: MemoryStore, found: Callable[[Membership, str], None]
) -> None:
    store.list_member(OLD)
    membership = start(store, Identity(advertise=OWN))
    assert store.members() == {OLD, OWN}

    found(membership, OLD)

    assert store.members() == {OWN}


def test_one_lost_frame_does_not_unlist_the_address_before(store: MemoryStore) -> None:
    store.list_member(OLD)
    membership = start(store, Identity(advertise=OWN))
    for _ in range(REPLACED_FAILURES - 1):
        fails(membership, OLD)
    assert store.members() == {OLD, OWN}
    answers(membership, OLD)
    for _ in range(2 * REPLACED_FAILURES):
        fails(membership, OLD)
    assert store.members() == {OLD, OWN}


def test_the_address_before_stays_where_another_node_answers(store: MemoryStore) -> None:
    store.list_member(OLD)
    membership = start(store, Identity(advertise=OWN))
    answers(membership, OLD)
    fails(membership, OLD)
    assert store.members() == {OLD, OWN}


def test_an_address_that_this_file_did_not_list_is_never_taken_back(store: MemoryStore) -> None:
    start(store, Identity(default=OWN))
    membership = start(store, Identity(default=OWN))
    for address in (OTHER, OWN):
        fails(membership, address)
    assert store.members() == {OWN}


def test_a_members_failures_take_nobody_off_the_list(store: MemoryStore) -> None:
    store.list_member(OTHER)
    membership = start(store, Identity(advertise=OWN))
    answers(membership, OTHER)
    for _ in range(100):
        fails(membership, OTHER)
        fails(membership, CONTACT)
    assert store.members() == {OTHER, OWN}


@pytest.mark.parametrize("identity", [Identity(default=OWN), Identity(advertise=OWN)])
def test_a_delete_stands_until_the_next_start(store: MemoryStore, identity: Identity) -> None:
    membership = start(store, identity)
    store.unlist_member(OWN)
    leads_here(membership, OWN)
    membership.tick(PATIENCE_US)
    assert store.members() == frozenset()

    start(store, identity)

    assert store.members() == {OWN}
