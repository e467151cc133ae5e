"""What strangers wrote, made safe to show: no control characters, and bounded.

Elements, and what a server says of an error, may hold anything: escape sequences that a terminal
would obey, line breaks that forge a line of a log, characters that turn the writing direction.
"""

import re
from typing import Final

TEXT_CHARS_MAX: Final = 500
"""Of a message: any of ours is far shorter."""

ELEMENT_CHARS_MAX: Final = 60
"""Of an element: a line of a terminal shows a few of them."""

_PLAIN: Final = re.compile(r"[^\s'\"\\]+")


def printable(text: str) -> str:
    """Return a message that has printable characters only; all others are escaped."""
    shown = text if text.isprintable() else text.encode("unicode_escape").decode("ascii")
    return shown if len(shown) <= TEXT_CHARS_MAX else shown[:TEXT_CHARS_MAX] + "…"


def shown_element(element: bytes) -> str:
    """Return an element in printable characters; what could be misread is quoted as in Python.

    Elements that are not UTF-8 are shown as bytes, as in `b'...'`. Long ones end in `…`.
    """
    try:
        text = element.decode()
    except UnicodeDecodeError:
        return _cut(repr(element[:ELEMENT_CHARS_MAX]), len(element))
    plain = text.isprintable() and _PLAIN.fullmatch(text)
    part = text[:ELEMENT_CHARS_MAX]
    return _cut(part if plain else repr(part), len(text))


def _cut(shown: str, length: int) -> str:
    return shown + "…" if length > ELEMENT_CHARS_MAX else shown
