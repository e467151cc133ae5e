"""What is shown of strangers' bytes is printable, bounded, and tells one element from another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastword.client.text import ELEMENT_CHARS_MAX, TEXT_CHARS_MAX, printable, shown_element


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
