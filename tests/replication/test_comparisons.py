"""Comparisons between replicas: what was lost comes back, and what is equal is left alone."""

from dataclasses import replace

import pytest
from msgspec.structs import replace as changed

from lastword.errors import InvalidFrame
from lastword.replication import frames
from lastword.replication.claims import Claims
from lastword.replication.entries import Entry
from lastword.replication.frames import Compare, Compared, Frame, Log, PageBody, SurveyBody
from lastword.replication.hashing import place
from lastword.replication.replica import Send
from lastword.store.ledger import Totals
from lastword.store.memory import MemoryStore
from lastword.store.operations import PEERS_SET
from tests.replication.net import SETTINGS, TICK_US, A, B, Net, assert_converged, pair
from tests.stores import S, add_each, stamps


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


# -- messages that go astray


class Astray:
    """A pair of which A has begun to compare with B, as they differ, and nobody walks."""

    def __init__(self, net: Net) -> None:
        self.net = net
        self.a, self.b = pair(net)
        for node in (self.a, self.b):
            node.replica.settings = replace(SETTINGS, walks=False)
        add_each(self.a.store, 40, b"only on a")
        add_each(self.b.store, 40, b"only on b")

    def begin(self) -> Send:
        """Return the first step of A's next comparison."""
        for _ in range(10):
            self.net.pass_time(2 * SETTINGS.full_interval_us)
            for send in self.a.replica.tick(self.net.now_us, self.net.rng):
                if send.frame.compare is not None:
                    return send
        raise AssertionError("no comparison begins")

    def replied(self, send: Send) -> Frame:
        reply = self.net.reply(A, send)
        assert reply is not None
        return reply

    def answered(self, reply: Frame) -> list[Send]:
        return self.a.replica.answer(B, reply, self.net.now_us)

    def finish(self) -> None:
        """Let one comparison go through, and check that all is well."""
        self.net.deliver(A, [self.begin()])
        assert stamps(self.a.store) == stamps(self.b.store)
        assert self.a.replica.counters.comparisons_equal == 1
        assert len(stamps(self.a.store)) == 2 + 80


@pytest.fixture
def astray(net: Net) -> Astray:
    return Astray(net)


def test_a_step_that_arrives_twice_is_answered_twice_and_changes_nothing_twice(
    astray: Astray,
) -> None:
    send, log_ends = astray.begin(), []
    for _ in range(20):
        first, second = astray.replied(send), astray.replied(send)
        assert first.compared is not None
        assert second.compared is not None
        assert (first.compared.done, first.compared.claims) == (
            second.compared.done,
            second.compared.claims,
        )
        log_ends.append(astray.b.store.log_end)
        sends = astray.answered(first)
        if not sends:
            break
        (send,) = sends
    assert log_ends[-1] == log_ends[0] + 40
    assert stamps(astray.a.store) == stamps(astray.b.store)


def test_an_answer_that_arrives_twice_is_taken_once(astray: Astray) -> None:
    reply = astray.replied(astray.begin())
    assert len(astray.answered(reply)) == 1
    assert astray.answered(reply) == []
    astray.finish()


def test_an_answer_from_another_run_ends_the_comparison_and_the_next_one_goes_through(
    astray: Astray,
) -> None:
    (second,) = astray.answered(astray.replied(astray.begin()))
    reply = astray.replied(second)
    assert astray.answered(changed(reply, run=reply.run ^ 1)) == []
    assert astray.answered(reply) == []
    astray.finish()


def test_an_answer_that_is_late_brings_its_entries_and_nothing_else(astray: Astray) -> None:
    sends, seen = [astray.begin()], dict(astray.a.store.seen)
    late = astray.replied(sends[0])
    while not (late.compared and late.compared.rows and late.compared.rows.rows):
        late = astray.replied(sends[0])
        sends = astray.answered(late)
    held = len(stamps(astray.a.store))
    astray.net.pass_time(SETTINGS.patience_us)
    begun = astray.begin()
    assert astray.answered(late) == []
    assert len(stamps(astray.a.store)) == held
    assert astray.a.store.seen == seen
    astray.net.deliver(A, [begun])
    assert stamps(astray.a.store) == stamps(astray.b.store)


def test_a_step_without_an_answer_ends_the_comparison_after_its_patience(astray: Astray) -> None:
    astray.begin()
    begun = astray.a.replica.counters.comparisons_begun
    astray.net.pass_time(SETTINGS.patience_us - 1)
    astray.a.replica.tick(astray.net.now_us, astray.net.rng)
    assert astray.a.replica.counters.comparisons_begun == begun
    astray.finish()


def test_an_answer_that_was_not_asked_for_begins_nothing(astray: Astray) -> None:
    frame = Frame(1, astray.b.store.run, compared=Compared(1, differs=True))
    assert astray.answered(frame) == []
    assert astray.a.replica.counters.comparison_steps == 0


def test_claims_that_are_none_are_refused_before_a_page_beside_them_is_applied(
    astray: Astray,
) -> None:
    rows = frames.pack_entries((Entry(S, b"in the page", 20, 5, 1),))
    cursor = astray.a.store.cursor(B)
    page = PageBody(astray.a.store.run, cursor, 9, from_start=True, rows=rows)
    wrong = [Claims(1, 1, 1, 0, b"\2", b"\0", b"")]
    for part in (
        Frame(1, 5, compare=Compare(1, 2, claims=wrong)),
        Frame(1, 5, compared=Compared(1, claims=wrong)),
        Frame(1, 5, survey=SurveyBody(1, [(1, 3, 9, None)])),
    ):
        frame = changed(part, address=B, log=Log(9, 9), page=page)
        with pytest.raises(InvalidFrame):
            frames.decode(frames.encode(frame))
