"""What proves a message and its reply, and that nothing else does."""

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastword.access.proof import NUMBERS_KEPT, SENDERS_MAX, WINDOW_US, Outcome, Proof, Signed
from lastword.access.secret import Keys
from lastword.errors import Unproven

NOW_US = 1_750_000_000_000_000
KEYS, OTHER_KEYS = Keys.of(b"a secret of this cluster"), Keys.of(b"a secret of another one")
THERE = "there:1"


def pair() -> tuple[Proof, Proof]:
    """Return a node, and another at THERE that it has met."""
    here, there = Proof((KEYS,), 11), Proof((KEYS,), 22)
    meet(here, there)
    return here, there


def meet(here: Proof, there: Proof) -> None:
    signed = here.sign(THERE, b"", NOW_US)
    outcome = there.check(signed.header(), b"", NOW_US)
    assert outcome.refusal is not None
    reply = there.sign_reply(outcome, 403, b"meet me", NOW_US)
    assert here.check_reply(THERE, signed, reply, (403, b"meet me")) == NOW_US


def refused(there: Proof, header: str, body: bytes, now_us: int = NOW_US) -> str:
    """Return why a message is refused, whether by a signed answer or not."""
    try:
        refusal = there.check(header, body, now_us).refusal
    except Unproven as error:
        return error.reason
    assert refusal is not None, "it was taken"
    return refusal.reason


def taken(there: Proof, signed: Signed, body: bytes) -> Outcome:
    outcome = there.check(signed.header(), body, NOW_US)
    assert outcome.refusal is None
    return outcome


def test_a_message_and_its_reply_are_believed_once() -> None:
    here, there = pair()
    signed = here.sign(THERE, b"message", NOW_US)
    reply = there.sign_reply(taken(there, signed, b"message"), 200, b"reply", NOW_US + 7)
    assert here.check_reply(THERE, signed, reply, (200, b"reply")) == NOW_US + 7
    assert refused(there, signed.header(), b"message") == "replayed"


def test_the_proof_is_the_one_that_the_protocol_describes() -> None:
    here = Proof((KEYS,), 11)
    key = hmac.digest(b"a secret of this cluster", b"lastword: a message between nodes", "sha256")
    numbers = [NOW_US, 11, 1, 0]
    signed = b"".join(number.to_bytes(8, "big") for number in numbers) + b"body"
    expected = ["1", *(f"{n:016x}" for n in numbers), hmac.digest(key, signed, "sha256").hex()]
    assert here.sign(THERE, b"body", NOW_US).header().split(" ") == expected


@given(st.binary(max_size=40), st.data())
def test_a_message_that_was_changed_anywhere_is_refused(body: bytes, data: st.DataObject) -> None:
    here, there = pair()
    header = here.sign(THERE, body, NOW_US).header()
    at = data.draw(st.integers(0, len(header) - 1))
    digit = data.draw(st.sampled_from("0123456789abcdefX ").filter(lambda one: one != header[at]))
    changed = header[:at] + digit + header[at + 1 :]
    assert refused(there, changed, body) in {"forged", "malformed"}
    cut = header[: data.draw(st.integers(0, len(header) - 1))]
    assert refused(there, cut, body) in {"forged", "malformed", "unsigned"}
    other_body = data.draw(st.binary(max_size=40).filter(lambda other: other != body))
    assert refused(there, header, other_body) == "forged"
    assert there.check(header, body, NOW_US).refusal is None


@given(st.data())
def test_a_reply_that_was_changed_anywhere_is_refused(data: st.DataObject) -> None:
    here, there = pair()
    signed = here.sign(THERE, b"message", NOW_US)
    header = there.sign_reply(taken(there, signed, b"message"), 200, b"reply", NOW_US)
    at = data.draw(st.integers(0, len(header) - 1))
    digit = data.draw(st.sampled_from("0123456789abcdefX ").filter(lambda one: one != header[at]))
    changed = header[:at] + digit + header[at + 1 :]
    later = here.sign(THERE, b"message", NOW_US)
    for of, proof, status, body in (
        (signed, changed, 200, b"reply"),
        (signed, header[:at], 200, b"reply"),
        (signed, header, 403, b"reply"),
        (signed, header, 200, b"reply."),
        (later, header, 200, b"reply"),
    ):
        with pytest.raises(Unproven):
            here.check_reply(THERE, of, proof, (status, body))


def test_a_message_says_nothing_to_another_start_and_is_sent_again_after_its_refusal() -> None:
    here, _ = pair()
    again = Proof((KEYS,), 33)
    signed = here.sign(THERE, b"message", NOW_US)
    assert refused(again, signed.header(), b"message") == "misdirected"
    assert again.refused == {"misdirected": 1}
    outcome = again.check(signed.header(), b"message", NOW_US)
    here.check_reply(THERE, signed, again.sign_reply(outcome, 403, b"", NOW_US), (403, b""))
    taken(again, here.sign(THERE, b"message", NOW_US), b"message")


@pytest.mark.parametrize("sign", [1, -1])
def test_a_message_counts_for_five_minutes_by_either_clock(sign: int) -> None:
    here, there = pair()
    header = here.sign(THERE, b"", NOW_US).header()
    assert refused(there, header, b"", NOW_US + sign * (WINDOW_US + 1)) == "expired"
    assert there.check(header, b"", NOW_US + sign * WINDOW_US).refusal is None


def test_a_secret_is_changed_while_messages_go_on() -> None:
    here, there = pair()
    for first, second in (
        ((KEYS, OTHER_KEYS), (KEYS,)),
        ((KEYS, OTHER_KEYS), (KEYS, OTHER_KEYS)),
        ((OTHER_KEYS, KEYS), (KEYS, OTHER_KEYS)),
        ((OTHER_KEYS,), (OTHER_KEYS, KEYS)),
    ):
        for keys, other in ((first, second), (second, first)):
            here.replace_keys(keys)
            there.replace_keys(other)
            signed = here.sign(THERE, b"", NOW_US)
            reply = there.sign_reply(taken(there, signed, b""), 200, b"", NOW_US)
            here.check_reply(THERE, signed, reply, (200, b""))


def test_who_has_another_secret_is_not_believed_and_learns_nothing() -> None:
    stranger, there = Proof((OTHER_KEYS,), 11), Proof((KEYS,), 22)
    assert refused(there, stranger.sign(THERE, b"", NOW_US).header(), b"") == "forged"
    assert refused(there, "", b"") == "unsigned"


@given(st.lists(st.integers(0, 2 * NUMBERS_KEPT), max_size=60))
def test_messages_may_overtake_each_other_and_each_is_taken_once(order: list[int]) -> None:
    here, there = pair()
    messages = [here.sign(THERE, b"", NOW_US).header() for _ in range(2 * NUMBERS_KEPT + 1)]
    came: set[int] = set()
    for index in order:
        old = came and max(came) - index >= NUMBERS_KEPT
        if index in came or old:
            assert refused(there, messages[index], b"") == "replayed"
        else:
            assert there.check(messages[index], b"", NOW_US).refusal is None
        came.add(index)


def test_what_came_from_a_sender_that_is_forgotten_is_not_taken_again() -> None:
    """Also where the clock is set back to when it came; who was forgotten goes on."""
    here, there = pair()
    early = here.sign(THERE, b"", NOW_US - 60_000_000)
    last = here.sign(THERE, b"", NOW_US)
    for signed in (early, last):
        assert there.check(signed.header(), b"", NOW_US).refusal is None
    for start in range(100, 100 + SENDERS_MAX):
        sender = Proof((KEYS,), start)
        meet(sender, there)
        there.check(sender.sign(THERE, b"", NOW_US + 1).header(), b"", NOW_US)
    assert refused(there, last.header(), b"") == "replayed"
    assert refused(there, early.header(), b"", NOW_US - 60_000_000) == "replayed"
    assert there.check(here.sign(THERE, b"", NOW_US + 1).header(), b"", NOW_US).refusal is None


def test_memory_of_senders_is_bounded_and_keeps_the_latest() -> None:
    _, there = pair()
    messages = []
    for start in range(100, 100 + SENDERS_MAX + 10):
        sender = Proof((KEYS,), start)
        meet(sender, there)
        messages.append(sender.sign(THERE, b"", NOW_US + start).header())
        there.check(messages[-1], b"", NOW_US)
    assert refused(there, messages[-1], b"") == "replayed"
    assert refused(there, messages[-SENDERS_MAX + 1], b"") == "replayed"
    assert len(there._senders) <= SENDERS_MAX
