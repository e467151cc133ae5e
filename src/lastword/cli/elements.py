"""Elements as people give and read them: from arguments or standard input, escaped or as they are.

Elements are bytes. Given, they are taken as they are: nothing is unescaped. Shown, what cannot be
printed is escaped, everywhere in the same way (`client/text.py`), unless raw bytes or Base64 were
asked for; what one command writes with `-0` or `--base64` another reads with the same.
"""

import os
import sys
from base64 import b64decode, b64encode
from binascii import Error as NoBase64
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Final, Protocol

import typer

from lastword.client.text import escaped
from lastword.crdt.wire import element_bytes
from lastword.errors import ConfigError, InvalidElement
from lastword.limits import ELEMENT_BYTES_MAX

READ_BYTES: Final = 1 << 16

PIECE_BYTES_MAX: Final = ELEMENT_BYTES_MAX * 2
"""Of a line: the longest element in Base64 takes 4/3 of its bytes."""

Nul = Annotated[
    bool, typer.Option("-0", "--null", help="Elements end with a NUL byte, and are raw bytes.")
]
Base64 = Annotated[bool, typer.Option("--base64", help="Elements are in Base64.")]


class Read1(Protocol):
    """A file that gives what it has."""

    def read1(self, size: int, /) -> bytes:
        """Return some bytes, at most `size`; none at the end."""


@dataclass(frozen=True, slots=True)
class Form:
    """How elements stand in lines and arguments."""

    nul: bool = False
    base64: bool = False

    @property
    def end(self) -> bytes:
        """What ends each of them."""
        return b"\0" if self.nul else b"\n"

    def shown(self, element: bytes) -> bytes:
        """Return an element as a line has it, without the end."""
        if self.base64:
            return b64encode(element)
        return element if self.nul else escaped(element).encode()

    def given(self, piece: bytes, number: int) -> bytes:
        """Return the element that a line or an argument is; raise ConfigError for none."""
        try:
            return element_bytes(b64decode(piece, validate=True) if self.base64 else piece)
        except NoBase64:
            raise ConfigError(
                f"element {number} is no Base64: {escaped(piece[:60])!r}",
                hint="Leave --base64 away to give elements as they are.",
            ) from None
        except InvalidElement as error:
            raise ConfigError(f"element {number}: {error}", hint=error.hint) from None

    def check_output(self) -> None:
        """Raise ConfigError where raw bytes would go to a terminal, which obeys some of them."""
        if self.nul and not self.base64 and sys.stdout.isatty():
            raise ConfigError(
                "-0 writes raw bytes, which are not for a terminal",
                hint="Pipe them to a file or a program; without -0 they are shown escaped.",
            )


def argument_bytes(argument: str) -> bytes:
    """Return an argument as the bytes that it was given in."""
    return os.fsencode(argument)


def given_elements(arguments: list[str] | None, form: Form, file: Read1) -> Iterator[bytes]:
    """Yield the elements that are given: the arguments, or without any the pieces of a file.

    Empty lines of text are passed over; elsewhere what is empty is the element that is so.
    Raises ConfigError where one is none.
    """
    pieces = map(argument_bytes, arguments) if arguments else _pieces(file, form)
    for number, piece in enumerate(pieces, 1):
        if piece or form.nul or form.base64 or arguments:
            yield form.given(piece, number)


def _pieces(file: Read1, form: Form) -> Iterator[bytes]:
    rest, number = b"", 0
    while read := file.read1(READ_BYTES):
        *whole, rest = (rest + read).split(form.end)
        number += len(whole)
        if len(rest) > PIECE_BYTES_MAX:
            raise ConfigError(
                f"element {number + 1} has more than {ELEMENT_BYTES_MAX} bytes",
                hint="Elements are lines; with -0 they end with a NUL byte.",
            )
        yield from whole
    if rest:
        yield rest


def element_fields(element: bytes) -> dict[str, Any]:
    """Return an element as JSON has it: `element` where it is text, else `elementBase64`."""
    try:
        return {"element": element.decode()}
    except UnicodeDecodeError:
        return {"elementBase64": b64encode(element).decode()}


def shown_lines(elements: Iterable[bytes], form: Form) -> Iterator[bytes]:
    """Yield elements as lines have them."""
    return map(form.shown, elements)
