"""Arguments of an inline command: words, and quoted strings with escapes, as in Redis."""

import re
from typing import Final

_WORD: Final = re.compile(
    rb"""[^"' \n\r\t]+|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'""", re.DOTALL
).match
"""A piece of an argument; several that touch are one argument, a quoted one ends it."""

_SPACE: Final = b" \t\n\r\v\f"
"""What stands between arguments, and behind a quote."""

_ENDING: Final = b" \t\n\r"
"""What ends an argument without quotes."""

_ESCAPED: Final = re.compile(rb"\\(x[0-9a-fA-F]{2}|.)", re.DOTALL)
_CONTROLS: Final = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"a": b"\a"}


def split_inline(line: bytes) -> list[bytes] | None:
    """Return the arguments of a line; None where a quote is not closed, or not before a space."""
    arguments = []
    line = line.partition(b"\0")[0]  # where Redis' reading ends
    at, end = 0, len(line)
    while at < end:
        if line[at] in _SPACE:
            at += 1
            continue
        argument = b""
        while at < end and line[at] not in _ENDING:
            piece = _WORD(line, at)
            if piece is None:
                return None
            at = piece.end()
            argument += _unquoted(piece[0])
            if piece[0][0] in b"\"'":
                if at < end and line[at] not in _SPACE:
                    return None
                break
        arguments.append(argument)
    return arguments


def _unquoted(piece: bytes) -> bytes:
    if piece[0] == ord('"'):
        return _ESCAPED.sub(_meant, piece[1:-1])
    if piece[0] == ord("'"):
        return piece[1:-1].replace(b"\\'", b"'")
    return piece


def _meant(escape: re.Match[bytes]) -> bytes:
    said = escape[1]
    if len(said) == 3:
        return bytes([int(said[1:], 16)])
    return _CONTROLS.get(said, said)
