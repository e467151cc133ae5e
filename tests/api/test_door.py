"""Who is let in, and how much all may hold."""

import pytest

from lastword.api.door import TOLD_MAX, Door, Entry, told_max


def door_of(connections: int = 4, of_address: int = 3, held_bytes: int = 100) -> Door:
    return Door(
        connections_max=connections, address_connections_max=of_address, held_bytes_max=held_bytes
    )


def test_connections_are_bounded_and_the_first_too_many_are_told() -> None:
    door = door_of(of_address=10_000)
    entries = [door.enter("192.0.2.1") for _ in range(4 + 4 + 2)]
    assert entries == [Entry.TAKEN] * 4 + [Entry.TOLD] * 4 + [Entry.CUT] * 2
    assert door.dropped == {"connections": 4, "flood": 2}
    for _ in entries:
        door.leave("192.0.2.1")
    assert door.enter("192.0.2.1") is Entry.TAKEN


def test_of_many_connections_too_many_not_all_are_told() -> None:
    assert told_max(10_000) == TOLD_MAX


def test_one_address_leaves_room_for_others() -> None:
    door = door_of()
    assert [door.enter("192.0.2.1") for _ in range(3)] == [Entry.TAKEN] * 3
    assert door.enter("192.0.2.1") is Entry.TOLD
    door.leave("192.0.2.1")
    assert door.enter("192.0.2.2") is Entry.TAKEN
    assert door.dropped == {"address": 1}


@pytest.mark.parametrize(
    ("first", "second", "one"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("", "", False),
    ],
)
def test_a_network_of_64_bits_is_one_address(first: str, second: str, one: bool) -> None:
    door = door_of(of_address=1)
    assert door.enter(first) is Entry.TAKEN
    assert door.enter(second) is (Entry.TOLD if one else Entry.TAKEN)


def test_nothing_is_kept_of_addresses_that_have_left() -> None:
    door = door_of()
    for number in range(100):
        door.enter(f"192.0.2.{number}")
        door.leave(f"192.0.2.{number}")
    assert not door._of_address
    assert door.inside == 0


def test_what_all_hold_is_bounded() -> None:
    door = door_of()
    assert door.hold(0, 60)
    assert door.hold(0, 40)
    assert not door.hold(60, 61)
    assert door.hold(61, 0)
    assert door.hold(0, 60)
    assert door.held_bytes == 100
    assert door.dropped == {"held": 1}
