"""What strangers wrote, made safe to show: no control characters, and bounded.

Elements, and what a server says of an error, may hold anything: escape sequences that a terminal
would obey, line breaks that forge a line of a log, characters that turn the writing direction.
"""

import re
from datetime import UTC, datetime
from typing import Final

TEXT_CHARS_MAX: Final = 500
"""Of a message: any of ours is far shorter."""

ELEMENT_CHARS_MAX: Final = 60
"""Of an element: a line of a terminal shows a few of them."""

_SHORT: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}

_PLAIN: Final = re.compile(r"[^\s'\"\\]+")


def printable(text: str) -> str:
    """Return a message that has printable characters only; all others are escaped."""
    shown = text if text.isprintable() else text.encode("unicode_escape").decode("ascii")
    return shown if len(shown) <= TEXT_CHARS_MAX else shown[:TEXT_CHARS_MAX] + "…"


def shown_time(wall_us: int) -> str:
    """Return a time as people read it; one that no calendar has is a number."""
    try:
        whole = datetime.fromtimestamp(wall_us // 1_000_000, UTC)
    except (ValueError, OverflowError, OSError):
        return f"{wall_us} microseconds"
    return f"{whole:%Y-%m-%d %H:%M:%S}.{wall_us % 1_000_000:06d} UTC"


def shown_span(us: int) -> str:
    """Return how long something is, as people say it: `12 us`, `0.250 s`, `5 min`, `3 h`."""
    if us < 1_000:
        return f"{us} us"
    seconds = us / 1e6
    if seconds < 120:
        return f"{seconds:.3f} s"
    for unit, unit_s, most in (("min", 60, 120), ("h", 3_600, 48)):
        if seconds < unit_s * most:
            return f"{seconds / unit_s:.0f} {unit}"
    return f"{seconds / 86_400:.0f} d"


def escaped(element: bytes) -> str:
    r"""Return an element whole, on one line, in printable characters, so that none reads as two.

    Text stays as it is. `\xff` is a byte that is no UTF-8 or a control character of ASCII,
    `\u202e` and `\U000e0001` are other characters that cannot be printed, `\\` is a backslash.
    """
    try:
        text = element.decode()
    except UnicodeDecodeError:
        text = element.decode(errors="surrogateescape")
    if text.isprintable() and "\\" not in text:
        return text
    return "".join(map(_escaped_char, text))


def _escaped_char(char: str) -> str:
    if char == "\\":
        return "\\\\"
    if char.isprintable():
        return char
    point = ord(char)
    if 0xDC80 <= point <= 0xDCFF:  # the byte that surrogateescape stands for
        return f"\\x{point - 0xDC00:02x}"
    if point < 0x80:
        return _SHORT.get(char, f"\\x{point:02x}")
    return f"\\u{point:04x}" if point <= 0xFFFF else f"\\U{point:08x}"


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
