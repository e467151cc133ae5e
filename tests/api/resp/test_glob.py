"""Glob patterns, against the rules written down once more in the plainest way."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastword.access.glob import matcher

BYTES = st.lists(st.sampled_from(list(b"ab-]^[*?\\c")), max_size=9).map(bytes)


def matches(pattern: bytes, name: bytes) -> bool:
    """Match by trying everything."""
    if not pattern:
        return not name
    head, rest = pattern[:1], pattern[1:]
    if head == b"*":
        return any(matches(rest, name[at:]) for at in range(len(name) + 1))
    if not name:
        return False
    if head == b"?":
        return matches(rest, name[1:])
    if head == b"[":
        allowed, rest = in_class(rest, name[0])
        return allowed and matches(rest, name[1:])
    if head == b"\\" and rest:
        head, rest = rest[:1], rest[1:]
    return head == name[:1] and matches(rest, name[1:])


def in_class(rest: bytes, byte: int) -> tuple[bool, bytes]:
    negated, found = rest[:1] == b"^", False
    rest = rest[1:] if negated else rest
    while rest and rest[:1] != b"]":
        if rest[:1] == b"\\" and len(rest) > 1:
            found |= rest[1] == byte
            rest = rest[2:]
        elif rest[1:2] == b"-" and len(rest) > 2:
            found |= min(rest[0], rest[2]) <= byte <= max(rest[0], rest[2])
            rest = rest[3:]
        else:
            found |= rest[0] == byte
            rest = rest[1:]
    return found != negated, rest[1:]


@given(BYTES, BYTES)
def test_a_pattern_matches_what_the_rules_say(pattern: bytes, name: bytes) -> None:
    assert matcher(pattern)(name) == matches(pattern, name)


@pytest.mark.parametrize(
    ("pattern", "name", "matching"),
    [
        (b"h?llo", b"hello", True),
        (b"h[^e]llo", b"hello", False),
        (b"h[a-f]llo", b"hello", True),
        (b"h[f-a]llo", b"hello", True),
        (b"h\\?llo", b"hello", False),
        (b"*", b"", True),
        (b"[]", b"a", False),
        (b"a[b", b"ab", True),
        (b"\xff*", b"\xff\x00", True),
    ],
)
def test_what_redis_documents_holds(pattern: bytes, name: bytes, *, matching: bool) -> None:
    assert matcher(pattern)(name) is matching


def test_many_stars_cost_no_more_than_pattern_times_name() -> None:
    began = time.process_time()
    assert not matcher(b"a*" * 200 + b"b")(b"a" * 5_000)
    assert time.process_time() - began < 20
