r"""Redis' glob patterns on bytes: `*`, `?`, `[ab]`, `[^a]`, `[a-z]`, and `\` before these.

A pattern is read once; matching takes at most O(pattern * name) steps, since only the last `*`
is ever tried anew: what an earlier one could take beside it, the last one can take as well.

Source: what Redis documents of KEYS, with the corners of its matcher: an open `[` reaches to the
pattern's end, a range may stand in either order, `]` first in a class ends it.
"""

from collections.abc import Callable
from typing import Final

from lastword.errors import InvalidCommand

PATTERN_BYTES_MAX: Final = 1_024
"""Of a pattern with wildcards: it is compared with every name on the way."""

_ANY: Final = frozenset(range(256))
_STAR: Final[frozenset[int]] = frozenset()
"""Stands for `*` among the sets of bytes; a class that nothing is in is `_NOTHING`."""

_NOTHING: Final = frozenset({-1})


def matcher(pattern: bytes) -> Callable[[bytes], bool]:
    """Return what tells whether a name matches `pattern`; raise InvalidCommand for a long one."""
    if not any(byte in b"*?[\\" for byte in pattern):
        return pattern.__eq__
    if len(pattern) > PATTERN_BYTES_MAX:
        raise InvalidCommand(
            f"a pattern has at most {PATTERN_BYTES_MAX} bytes, not {len(pattern)}"
        )
    items = _items(pattern)
    if items == [_STAR]:
        return lambda _: True
    return lambda name: _matches(items, name)


def _matches(items: list[frozenset[int]], name: bytes) -> bool:
    item, at = 0, 0
    star, kept = -1, 0
    while at < len(name):
        if item < len(items) and items[item] is _STAR:
            star, kept = item, at
            item += 1
        elif item < len(items) and name[at] in items[item]:
            item, at = item + 1, at + 1
        elif star >= 0:
            kept += 1
            item, at = star + 1, kept
        else:
            return False
    return all(rest is _STAR for rest in items[item:])


def _items(pattern: bytes) -> list[frozenset[int]]:
    """Return what each place of a name may hold, with `_STAR` for any stretch."""
    items: list[frozenset[int]] = []
    at = 0
    while at < len(pattern):
        byte = pattern[at]
        at += 1
        if byte == ord("*"):
            if not items or items[-1] is not _STAR:
                items.append(_STAR)
        elif byte == ord("?"):
            items.append(_ANY)
        elif byte == ord("["):
            allowed, at = _class(pattern, at)
            items.append(allowed)
        else:
            if byte == ord("\\") and at < len(pattern):
                byte = pattern[at]
                at += 1
            items.append(frozenset((byte,)))
    return items


def _class(pattern: bytes, at: int) -> tuple[frozenset[int], int]:
    """Return the bytes of the class that begins at `at`, and where the pattern goes on."""
    negated = pattern[at : at + 1] == b"^"
    at += negated
    allowed: set[int] = set()
    while at < len(pattern) and pattern[at] != ord("]"):
        if pattern[at] == ord("\\") and at + 1 < len(pattern):
            allowed.add(pattern[at + 1])
            at += 2
        elif pattern[at + 1 : at + 2] == b"-" and at + 2 < len(pattern):
            low, high = sorted((pattern[at], pattern[at + 2]))
            allowed.update(range(low, high + 1))
            at += 3
        else:
            allowed.add(pattern[at])
            at += 1
    return (_ANY - allowed if negated else frozenset(allowed)) or _NOTHING, at + 1
