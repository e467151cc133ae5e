"""Whom a node calls: everyone listed, the silent ones seldom, contact points until met."""

from random import Random

from lastword.replication.peers import (
    BACKOFF_MAX_US,
    BACKOFF_US,
    STRANGER_US,
    STRANGERS_MAX,
    PeerBook,
)

A, B, C = "a:1", "b:1", "c:1"


def addresses(book: PeerBook, *listed: str) -> list[str]:
    return [peer.address for peer in book.others(frozenset(listed))]


def test_the_pause_after_failures_doubles_and_is_bounded() -> None:
    peer = PeerBook(()).peer(A)
    pauses = []
    for _ in range(100):
        peer.failed(now_us=1_000)
        pauses.append(peer.next_us - 1_000)
    assert pauses[:5] == [BACKOFF_US << doubled for doubled in range(5)]
    assert pauses[5:] == [BACKOFF_MAX_US] * 95


def test_one_answer_ends_the_pause() -> None:
    peer = PeerBook(()).peer(A)
    peer.failed(0)
    peer.failed(0)
    peer.heard()
    assert (peer.failures, peer.next_us) == (0, 0)
    peer.failed(0)
    assert peer.next_us == BACKOFF_US


def test_a_peer_is_resolved_when_it_answered_or_failed() -> None:
    book = PeerBook(())
    assert not book.peer(A).is_resolved
    book.peer(A).failed(0)
    book.peer(B).heard()
    assert book.peer(A).is_resolved
    assert book.peer(B).is_resolved


def test_a_listed_peer_is_never_forgotten_however_often_it_fails() -> None:
    book = PeerBook(())
    for now_us in range(1_000):
        book.peer(A).failed(now_us)
        book.keep(frozenset({A}), 0)
    assert addresses(book, A) == [A]
    assert book.peer(A).failures == 1_000


def test_a_stranger_that_is_silent_for_a_minute_is_forgotten() -> None:
    book = PeerBook([B])
    for address in (A, B, C):
        book.peer(address).failed(0)
        book.peer(address).report.heard(0)
    book.keep(frozenset({A}), STRANGER_US - 1)
    assert book.peer(C).failures == 1  # what it says counts in the next message of an exchange
    book.keep(frozenset({A}), STRANGER_US)
    assert [book.peer(address).failures for address in (A, B, C)] == [1, 1, 0]


def test_a_stranger_that_goes_on_speaking_is_remembered() -> None:
    book = PeerBook(())
    book.peer(C).failed(0)
    for now_us in range(0, 3 * STRANGER_US, STRANGER_US // 2):
        book.peer(C).report.heard(now_us)
        book.keep(frozenset(), now_us)
    assert book.peer(C).failures == 1


def test_more_strangers_than_a_cluster_has_are_forgotten_at_once() -> None:
    book = PeerBook([B])
    for address in [B, *(f"n{index}:1" for index in range(STRANGERS_MAX + 1))]:
        book.peer(address).failed(0)
    book.keep(frozenset(), 0)
    assert book.peer(B).failures == 1
    assert not any(book.peer(f"n{index}:1").failures for index in range(STRANGERS_MAX + 1))


def test_a_contact_point_is_called_until_it_was_met() -> None:
    book = PeerBook([B])
    book.peer(A).heard()
    assert addresses(book, A) == [A, B]
    book.peer(B).met = True
    assert addresses(book, A) == [A]


def test_contact_points_come_back_where_no_listed_peer_answers() -> None:
    book = PeerBook([B])
    book.peer(B).met = True
    book.peer(A).heard()
    book.peer(A).failed(0)
    assert addresses(book, A) == [A, B]
    assert addresses(book) == [B]


def test_a_node_does_not_call_itself_and_is_no_company_to_itself() -> None:
    book = PeerBook([A, B])
    book.peer(B).met = True
    for address in (A, C):
        book.peer(address).heard()
        book.peer(address).is_self = True
    assert addresses(book, A, C) == [B]


def test_a_listed_contact_point_is_called_once() -> None:
    assert addresses(PeerBook([A]), A) == [A]


def test_a_round_is_with_as_many_as_the_fanout_says_of_those_that_answer() -> None:
    book = PeerBook(())
    listed = frozenset(f"n{index}:1" for index in range(10))
    book.peer("n3:1").failed(0)

    chosen, silent = book.chosen(listed, fanout=3, rng=Random(0))

    assert len({peer.address for peer in chosen}) == 3
    assert [peer.address for peer in silent] == ["n3:1"]
    assert "n3:1" not in {peer.address for peer in chosen}


def test_a_round_of_a_small_cluster_is_with_all() -> None:
    chosen, _ = PeerBook(()).chosen(frozenset({A, B}), fanout=3, rng=Random(0))
    assert {peer.address for peer in chosen} == {A, B}


def test_over_many_rounds_everyone_is_chosen() -> None:
    book, rng = PeerBook(()), Random(0)
    listed = frozenset(f"n{index}:1" for index in range(10))
    met = {peer.address for _ in range(50) for peer in book.chosen(listed, fanout=1, rng=rng)[0]}
    assert met == listed
