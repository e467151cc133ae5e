"""Comparisons between replicas: what was lost comes back, and what is equal is left alone."""

from lastword.replication.hashing import place
from lastword.store.ledger import Totals
from lastword.store.memory import MemoryStore
from lastword.store.operations import PEERS_SET
from tests.replication.net import SETTINGS, TICK_US, A, B, Net, assert_converged, pair
from tests.stores import S, add_each


def lose(store: MemoryStore, set_name: bytes, element: bytes) -> None:
    """Take a row out behind the store's back, leaving its vector as it is."""
    where = place(set_name, element, store.ledger.digest_key)
    row = store.image.rows.pop((set_name, where.key))
    store.image.log = [at for at in store.image.log if at[1] != (set_name, where.key)]
    totals = store.ledger.totals[set_name]
    left = totals.sums.minus(where.change(None, row.stamp))
    store.ledger.totals[set_name] = Totals(totals.present - 1, totals.tombstones, left)
    store.ledger.sums = store.ledger.sums.minus(where.change(None, row.stamp))


def test_a_comparison_brings_back_what_was_lost_and_counts_it_as_repaired(net: Net) -> None:
    a, b = pair(net)
    add_each(a.store, 5)
    net.rounds(3)
    lose(b.store, S, b"e3")
    net.rounds(20)
    assert b.store.contains(S, b"e3") is False

    net.rounds(2 * SETTINGS.full_interval_us // TICK_US)

    assert b.store.contains(S, b"e3") is True
    assert (a.replica.counters.repairs, b.replica.counters.repairs) == (0, 1)
    assert_converged([a, b])


def test_a_comparison_of_equal_states_is_one_exchange_and_is_counted(net: Net) -> None:
    a, _ = pair(net)
    net.rounds(SETTINGS.full_interval_us * 3 // TICK_US)
    counters = a.replica.counters
    assert counters.comparisons_equal == counters.comparisons_begun >= 2
    steps = [sent for sent in net.sent if sent.source == A and sent.frame.compare is not None]
    assert len(steps) == counters.comparison_steps == counters.comparisons_begun


def test_what_several_rows_lack_comes_back_in_one_comparison(net: Net) -> None:
    a, b = net.start(A, page_rows=2), net.start(B, A)
    add_each(a.store, 9)
    net.rounds(3)
    lose(b.store, S, b"e0")
    lose(b.store, S, b"e8")
    net.rounds(2 * SETTINGS.full_interval_us // TICK_US)
    assert b.replica.counters.repairs == 2
    assert_converged([a, b])


def test_a_comparison_whose_peer_went_away_does_not_hold_up_the_next(net: Net) -> None:
    a, b = pair(net)
    net.pass_time(2 * SETTINGS.full_interval_us)
    begun = [
        send for send in a.replica.tick(net.now_us, net.rng) if send.frame.compare is not None
    ]
    assert [send.address for send in begun] == [B]
    a.replica.silence(B, net.now_us)
    lose(b.store, PEERS_SET, A.encode())

    net.rounds(3 * SETTINGS.full_interval_us // TICK_US)

    assert b.replica.counters.repairs == 1
