"""What is shown of strangers' bytes is printable, bounded, and tells one element from another."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastword.client.text import (
    ELEMENT_CHARS_MAX,
    TEXT_CHARS_MAX,
    escaped,
    printable,
    shown_element,
)


@pytest.mark.parametrize(
    ("element", "shown"),
    [
        (b"17", "17"),
        (b"", "''"),
        (b"a b", "'a b'"),
        ("grün".encode(), "grün"),
        (b"\x1b[31m", r"'\x1b[31m'"),
        (b"a\nb", r"'a\nb'"),
        (b"\\x1b", r"'\\x1b'"),
        (b"\xff", r"b'\xff'"),
        ("\u202e".encode(), r"'\u202e'"),
        (b"[red]", "[red]"),
        (b"x" * 61, "x" * 60 + "…"),
    ],
)
def test_an_element_is_shown_plain_or_quoted(element: bytes, shown: str) -> None:
    assert shown_element(element) == shown


@given(st.binary(max_size=200))
def test_what_is_shown_of_an_element_is_printable_and_bounded(element: bytes) -> None:
    shown = shown_element(element)
    assert shown.isprintable()
    assert 0 < len(shown) <= 10 * ELEMENT_CHARS_MAX + 4


@given(st.lists(st.binary(max_size=8), unique=True, min_size=2, max_size=2))
def test_short_elements_are_shown_apart(two: list[bytes]) -> None:
    assert shown_element(two[0]) != shown_element(two[1])


@given(st.text(alphabet=st.characters()))
def test_messages_are_printable_and_bounded(text: str) -> None:
    assert printable(text).isprintable()
    assert len(printable(text * 1000)) <= TEXT_CHARS_MAX + 1


@pytest.mark.parametrize(
    ("element", "shown"),
    [
        (b"", ""),
        (b"a b", "a b"),
        ("grün".encode(), "grün"),
        (b"c:\\d", r"c:\\d"),
        (b"a\tb\nc\r", r"a\tb\nc\r"),
        (b"\x1b[31m", r"\x1b[31m"),
        (b"\xffgr\xc3\xbcn", r"\xffgrün"),
        (b"\x85", r"\x85"),
        ("\x85".encode(), r"\u0085"),
        ("\u202e".encode(), r"\u202e"),
        ("\U000e0001".encode(), r"\U000e0001"),
        (b"x" * 1_000, "x" * 1_000),
    ],
)
def test_an_element_on_a_line_is_whole_and_escaped(element: bytes, shown: str) -> None:
    assert escaped(element) == shown


_PIECE = re.compile(r"\\(?:x(..)|u(.{4})|U(.{8})|([nrt\\]))|([^\\]+)")


def read_back(shown: str) -> bytes:
    """Return what an escaped line stands for, as its description says."""
    found = b""
    for byte, short, long, named, plain in _PIECE.findall(shown):
        if byte:
            found += bytes.fromhex(byte)
        elif named:
            found += {"n": b"\n", "r": b"\r", "t": b"\t", "\\": b"\\"}[named]
        else:
            found += plain.encode() or chr(int(short or long, 16)).encode()
    return found


@given(st.one_of(st.binary(max_size=200), st.text(max_size=100).map(str.encode)))
def test_an_escaped_element_is_printable_and_can_be_read_back(element: bytes) -> None:
    shown = escaped(element)
    assert shown.isprintable()
    assert read_back(shown) == element
