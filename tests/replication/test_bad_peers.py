"""A peer that does not do its part in a comparison ends it, and costs no more."""

import pytest

from lastword.limits import CLAIMS_MAX
from lastword.replication import comparison
from lastword.replication.claims import Children, Claim, Range
from lastword.replication.comparison import Comparison, Reply
from lastword.replication.hashing import POSITION_BITS
from tests.replication.talk import ADDRESS, Talk, fill, numbered_state
from tests.stores import MemoryStores, in_a_folder


@pytest.mark.parametrize("after", [None, b"", b"\0"])
def test_a_peer_that_answers_no_claim_ends_the_comparison(after: bytes | None) -> None:
    with in_a_folder(MemoryStores) as stores:
        a, b = stores.open("a"), stores.open("b")
        fill(a, numbered_state(30))
        talk = Talk(a, b)
        talk.comparison.take(talk.answered(talk.next_step()))
        step = talk.next_step()
        assert step.claims
        talk.comparison.take(Reply(step.turn, False, 0, after, [], []))
        if after:
            step = talk.next_step()
            talk.comparison.take(Reply(step.turn, False, 0, after, [], []))
        assert talk.comparison.is_over
        assert not talk.comparison.is_equal


def test_a_peer_that_claims_more_and_more_ends_the_comparison() -> None:
    claims: list[Claim] = [
        Children(Range(None, POSITION_BITS, prefix), 0, b"ab") for prefix in range(CLAIMS_MAX)
    ]
    with in_a_folder(MemoryStores) as stores:
        a = stores.open("a")
        fill(a, numbered_state(30))
        asked = Comparison(ADDRESS, 0, 1)
        most = 0
        while not asked.is_over:
            step = asked.next_step(a)
            asked.take(Reply(step.turn, True, len(step.claims), None, claims, []))
            most = max(most, len(asked._to_answer))
        assert most <= comparison.WAITING_MAX
        assert not asked.is_equal
