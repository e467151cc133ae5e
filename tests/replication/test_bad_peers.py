"""A peer that does not do its part in a comparison ends it, and costs no more."""

import pytest

from lastword.limits import CLAIMS_MAX
from lastword.replication import comparison, survey
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


def test_a_peer_that_leads_on_and_on_ends_the_comparison() -> None:
    with in_a_folder(MemoryStores) as stores:
        a = stores.open("a")
        fill(a, numbered_state(30))
        asked = Comparison(ADDRESS, 0, 1)
        claims: list[Claim] = [Children(Range(None), 0, b"zz")]
        for _ in range(2 * comparison.IDLE_STEPS_MAX):
            step = asked.next_step(a)
            asked.take(Reply(step.turn, True, len(step.claims), None, claims, []))
            if asked.is_over:
                break
        assert asked.is_over
        assert not asked.is_equal


def test_many_looks_at_a_large_set_are_answered_a_part_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(survey, "COMPARE_ROWS_MAX", 10)
    with in_a_folder(MemoryStores) as stores:
        a = stores.open("a")
        fill(a, numbered_state(30))
        (found,) = a.sets_between(0, 1 << POSITION_BITS)
        looks = [survey.Look(Range(found.position), 1)] * survey.LOOKS_MAX
        views = survey.look(a, 1, looks)
        assert 1 <= len(views) < len(looks)
