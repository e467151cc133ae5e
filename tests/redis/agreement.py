"""When two replies to one command say the same: exactly, but for orders and for what is random."""

from collections.abc import Sequence
from typing import Final

from tests.redis.commands import ALL
from tests.redis.connection import Command
from tests.redis.replies import ARRAY, ERROR, NULL, STATUS, Reply

_UNORDERED: Final = frozenset((b"SMEMBERS", b"SINTER", b"SUNION", b"SDIFF", b"KEYS"))
_RANDOM: Final = frozenset((b"SPOP", b"SRANDMEMBER", b"RANDOMKEY"))
_SINGLE: Final = frozenset((STATUS, ERROR))
"""Types that say one thing: an error, OK, QUEUED."""

_OWN: Final = frozenset((b"version", b"id"))
"""What HELLO says that is a server's own."""


def agree(command: Command, expected: Reply, actual: Reply) -> bool:
    """Return whether a server may reply `actual` where Redis replies `expected`."""
    name = command[0].upper()
    if expected.kind in _SINGLE or actual.kind in _SINGLE:
        return expected == actual
    if name in _UNORDERED:
        return expected.unordered == actual.unordered
    if name in _RANDOM or name == b"TIME":
        return same_shape(expected, actual)
    if name in {b"SCAN", b"SSCAN"}:
        return _pages_agree(command, expected, actual)
    if name == b"HELLO":
        return _greetings_agree(expected, actual)
    return expected == actual


def transactions_agree(commands: Sequence[Command], expected: Reply, actual: Reply) -> bool:
    """Return whether the replies to EXEC agree, each by its command."""
    if expected.kind != ARRAY or expected.is_nothing or actual.is_nothing:
        return expected == actual
    return (
        actual.kind == ARRAY
        and len(expected.items) == len(actual.items) == len(commands)
        and all(map(agree, commands, expected.items, actual.items))
    )


def one_was_called_off(expected: Reply, actual: Reply) -> bool:
    """Return whether one server executed, and the other found a watched set changed."""
    return {expected.kind, actual.kind} <= {ARRAY, NULL} and (
        expected.is_nothing != actual.is_nothing
    )


def same_shape(expected: Reply, actual: Reply) -> bool:
    """Return whether the types are the same, and the numbers of parts."""
    if expected.kind != actual.kind:
        return False
    if isinstance(expected.value, tuple):
        return isinstance(actual.value, tuple) and [part.kind for part in expected.items] == [
            part.kind for part in actual.items
        ]
    return (expected.value is None) == (actual.value is None)


def _pages_agree(command: Command, expected: Reply, actual: Reply) -> bool:
    """Compare pages that hold all; of others, cursors are each server's own."""
    if not same_shape(expected, actual) or expected == actual:
        return expected == actual
    (cursor, page), (other_cursor, other_page) = expected.items, actual.items
    if not (b"0" in command[1:3] and ALL in command):
        return page.kind == other_page.kind
    return cursor == other_cursor and page.unordered == other_page.unordered


def _greetings_agree(expected: Reply, actual: Reply) -> bool:
    """Compare what Redis says of itself; a node may say more."""
    if expected.kind != actual.kind or not expected.mapping.keys() <= actual.mapping.keys():
        return False
    return all(
        value.kind == actual.mapping[key].kind if key in _OWN else value == actual.mapping[key]
        for key, value in expected.mapping.items()
    )
