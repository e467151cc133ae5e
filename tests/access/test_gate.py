"""Tokens and the gate, with a clock and a set of the test's own."""

import hmac
from collections.abc import Iterable
from random import Random

import msgspec
import pytest

from lastword.access.gate import Gate, records_of
from lastword.access.rights import EVERYTHING, Right
from lastword.access.throttle import ADDRESSES_MAX, DRAIN_S, FAILURES_MAX, Throttle
from lastword.access.token import (
    GRANTS_MAX,
    ID_BYTES,
    SECRET_BYTES,
    Made,
    Record,
    id_of,
    make,
    parse_record,
)
from lastword.errors import InvalidElement, TooManyFailures, Unauthenticated

ADMIN = b"a" * 64
RNG = Random(7)


class Held:
    """A set of elements; every change makes another version."""

    def __init__(self) -> None:
        self.content: list[bytes] = []
        self.reads = 0
        self._version = 0

    def change(self, *content: bytes) -> None:
        self.content = list(content)
        self._version += 1

    def version(self) -> object:
        return self._version

    def elements(self) -> Iterable[bytes]:
        self.reads += 1
        return list(self.content)


class Scene:
    def __init__(self) -> None:
        self.held = Held()
        self.now_s = 1_000.0
        self.gate = Gate([ADMIN], self.held, lambda: self.now_s)

    def fail(self, address: str) -> type[Exception]:
        try:
            self.gate.admit(b"wrong", address)
        except (Unauthenticated, TooManyFailures) as error:
            return type(error)
        raise AssertionError("it was let in")


@pytest.fixture
def scene() -> Scene:
    return Scene()


def made(pattern: str = "s*") -> Made:
    return make(RNG.randbytes(ID_BYTES + SECRET_BYTES), [("write", pattern)], "for a test", 5)


def test_a_token_is_not_in_its_record_and_its_id_is() -> None:
    token, record = made()
    assert id_of(token.encode()) == record.id
    assert token.rpartition("_")[2].encode() not in record.element()
    assert parse_record(record.element()) == record
    assert len({made().token for _ in range(50)}) == 50


def test_a_token_is_worth_what_the_set_says_at_that_moment(scene: Scene) -> None:
    token, record = made()
    with pytest.raises(Unauthenticated):
        scene.gate.admit(token.encode(), "a")
    scene.held.change(record.element())
    shown = scene.gate.admit(token.encode(), "a")
    assert shown.rights().allows(Right.WRITE, b"s1")
    assert not shown.rights().allows(Right.READ, b"t")
    reads = scene.held.reads
    for _ in range(5):
        shown.rights()
    assert scene.held.reads == reads, "it is read when it has changed only"
    scene.held.change()
    with pytest.raises(Unauthenticated, match="revoked"):
        shown.rights()


def test_an_admins_token_does_everything_until_the_file_is_another(scene: Scene) -> None:
    shown = scene.gate.admit(ADMIN, "a")
    assert shown.rights() is EVERYTHING
    scene.gate.replace_admins([b"b" * 64])
    with pytest.raises(Unauthenticated):
        shown.rights()
    assert scene.gate.admit(b"b" * 64, "a").rights() is EVERYTHING


@pytest.mark.parametrize("change", [0, 3, 15, 16, 40, -1])
def test_a_token_with_one_other_character_is_none(scene: Scene, change: int) -> None:
    token, record = made()
    scene.held.change(record.element())
    other = bytearray(token.encode())
    other[change] ^= 1
    for wrong in (bytes(other), token.encode()[:-1], token.encode() + b"0", b"", ADMIN[:-1]):
        with pytest.raises(Unauthenticated):
            scene.gate.admit(wrong, f"{change}")


def test_the_hash_that_is_kept_is_no_token(scene: Scene) -> None:
    _, record = made()
    scene.held.change(record.element())
    for shown in (record.sha256, f"lw_{record.id}_{record.sha256}"):
        with pytest.raises(Unauthenticated):
            scene.gate.admit(shown.encode(), "a")


def test_what_is_no_record_grants_nothing_and_hides_nothing(scene: Scene) -> None:
    token, record = made()
    plain = msgspec.to_builtins(record)
    strange = [
        b"",
        b"\xff",
        b"[" * 20_000,
        b"null",
        msgspec.json.encode(plain | {"until": 7}),
        msgspec.json.encode(plain | {"grants": []}),
        msgspec.json.encode(plain | {"grants": [["own", "s"]]}),
        msgspec.json.encode(plain | {"grants": [["read", ""]]}),
        msgspec.json.encode(plain | {"grants": [["read", "s"]] * (GRANTS_MAX + 1)}),
        msgspec.json.encode(plain | {"grants": [["read", "é" * 600]]}),
        msgspec.json.encode(plain | {"sha256": "0"}),
        msgspec.json.encode(plain | {"id": plain["id"].upper() + "X"}),
        record.element()[:-1] + b',"grants":[["admin","*"]]}',
        record.element()[:-1] + b',"note":"another"}',
    ]
    for element in strange:
        with pytest.raises(InvalidElement):
            parse_record(element)
    scene.held.change(*strange)
    with pytest.raises(Unauthenticated):
        scene.gate.admit(token.encode(), "a")
    scene.held.change(*strange, record.element(), *strange)
    assert scene.gate.admit(token.encode(), "a").rights().allows(Right.WRITE, b"s")
    records, others = records_of(scene.held.content)
    assert ([one.id for one in records], others) == ([record.id], 2 * len(strange))


def test_who_shows_wrong_tokens_waits_and_nobody_else(scene: Scene) -> None:
    token, record = made()
    scene.held.change(record.element())
    scene.gate.admit(token.encode(), "a")
    assert [scene.fail("a") for _ in range(FAILURES_MAX)] == [Unauthenticated] * FAILURES_MAX
    assert scene.fail("a") is TooManyFailures
    assert scene.fail("b") is Unauthenticated
    scene.gate.admit(token.encode(), "a")  # it was right before
    with pytest.raises(TooManyFailures) as caught:
        scene.gate.admit(ADMIN, "a")  # it was not shown before
    assert 0 < caught.value.retry_s <= DRAIN_S
    scene.now_s += DRAIN_S
    assert scene.gate.admit(ADMIN, "a").rights() is EVERYTHING
    assert scene.fail("a") is Unauthenticated
    assert scene.fail("a") is TooManyFailures
    assert scene.gate.failures == {"wrong": FAILURES_MAX + 2, "throttled": 3}


def test_a_token_of_ours_is_let_in_however_many_wrong_ones_its_address_shows(scene: Scene) -> None:
    """Nobody guesses 256 random bits: only tokens of the admins' file may be, and have to wait."""
    (token, record), (other, _) = made(), made()
    while scene.fail("a") is not TooManyFailures:
        pass
    scene.held.change(record.element())
    assert scene.gate.admit(token.encode(), "a").rights().allows(Right.WRITE, b"s")
    for wrong in (other, f"lw_{record.id}_{'0' * 64}"):
        with pytest.raises(TooManyFailures):
            scene.gate.admit(wrong.encode(), "a")


def test_an_admins_token_that_was_right_is_let_in_until_it_is_replaced(scene: Scene) -> None:
    scene.gate.admit(ADMIN, "a")
    while scene.fail("a") is not TooManyFailures:
        pass
    scene.gate.admit(ADMIN, "a")
    scene.gate.replace_admins([b"b" * 64])
    with pytest.raises(TooManyFailures):
        scene.gate.admit(ADMIN, "a")
    scene.gate.replace_admins([ADMIN])
    with pytest.raises(TooManyFailures):
        scene.gate.admit(ADMIN, "a")


@pytest.mark.parametrize("was", ["revoked", "admin"])
def test_a_client_that_goes_on_with_a_token_of_before_is_one_that_fails(
    scene: Scene, was: str
) -> None:
    """However often it calls, its address waits for a minute at the most afterwards."""
    token, record = made()
    shown = token.encode() if was == "revoked" else ADMIN
    scene.held.change(record.element())
    scene.gate.admit(shown, "a")
    scene.held.change()
    scene.gate.replace_admins([b"b" * 64])
    failed = []
    for _ in range(500):
        with pytest.raises((Unauthenticated, TooManyFailures)) as caught:
            scene.gate.admit(shown, "a")
        failed.append(caught.type)
    assert failed.count(Unauthenticated) == FAILURES_MAX
    scene.now_s += FAILURES_MAX * DRAIN_S
    assert [scene.fail("a") for _ in range(FAILURES_MAX)] == [Unauthenticated] * FAILURES_MAX


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("::ffff:10.0.0.1", "10.0.0.1", True),
        ("::ffff:10.0.0.1", "::ffff:10.0.0.2", False),
        ("10.0.0.1", "10.0.0.2", False),
        ("", "10.0.0.2", False),
    ],
)
def test_who_has_a_network_of_addresses_has_one_measure_of_failures(
    scene: Scene, first: str, second: str, same: bool
) -> None:
    """Of IPv6 a customer has 2^64 addresses at the least, and must not have as many guesses."""
    while scene.fail(first) is not TooManyFailures:
        pass
    assert (scene.fail(second) is TooManyFailures) == same


def test_two_records_of_one_id_that_differ_grant_nothing(scene: Scene) -> None:
    """Else which of both counts would be chance: an older, wider one may have been imported."""
    token, record = made()
    plain = msgspec.to_builtins(record)
    wider = msgspec.json.encode(plain | {"grants": [["admin", "*"]]})
    foreign = msgspec.json.encode(plain | {"sha256": "0" * 64})
    for other in (wider, foreign):
        for held in ((record.element(), other), (other, record.element())):
            scene.held.change(*held)
            with pytest.raises(Unauthenticated):
                scene.gate.admit(token.encode(), "a")
            scene.now_s += 60
    scene.held.change(record.element(), b" " + record.element())
    assert scene.gate.admit(token.encode(), "a").rights().allows(Right.WRITE, b"s")
    assert not scene.gate.admit(token.encode(), "a").rights().allows(Right.WRITE, b"t")


def test_an_id_that_is_not_known_is_compared_as_one_that_is(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, record = made()
    scene.held.change(record.element())
    compared: list[tuple[int, int]] = []

    def noting(one: bytes, other: bytes) -> bool:
        compared.append((len(one), len(other)))
        return hmac.compare_digest(one, other)

    monkeypatch.setattr("lastword.access.gate.same", noting)
    for id_ in (record.id, "0" * 12):
        compared.clear()
        with pytest.raises(Unauthenticated):
            scene.gate.admit(f"lw_{id_}_{'0' * 64}".encode(), "b")
        assert compared == [(32, 32)] * 2  # the admin's, and the record's


def test_failures_of_a_bounded_number_of_addresses_are_remembered() -> None:
    throttle = Throttle()
    for address in range(2 * ADDRESSES_MAX):
        throttle.note(str(address), 0.0)
    assert len(throttle._empty_at) == ADDRESSES_MAX
    throttle.check("0", 0.0)


def test_a_note_that_is_too_long_is_refused() -> None:
    with pytest.raises(InvalidElement):
        make(bytes(ID_BYTES + SECRET_BYTES), [("read", "*")], "x" * 201, 5)
    assert isinstance(made().record, Record)
