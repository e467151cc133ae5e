"""How commands end: errors in JSON too, and exit code 1 where the answer is no."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lastword.cli.screen import say_json
from lastword.client.text import printable
from lastword.crdt.wire import text_or_bytes
from lastword.errors import GhostElements, LastwordError, Unreachable, exit_code


@contextmanager
def ending(as_json: bool) -> Iterator[None]:
    """Let an error be said as JSON too; it ends the command as any does."""
    try:
        yield
    except LastwordError as error:
        if as_json:
            told: dict[str, Any] = {
                "code": error.code,
                "message": printable(str(error)),
                "hint": printable(error.hint),
            }
            if isinstance(error, GhostElements):
                told |= _elements(error)
            say_json({"error": told}, err=True)
        raise


@contextmanager
def one_says_no() -> Iterator[None]:
    """Let exit code 1 be the answer no, and nothing else: what a node refuses ends with 5."""
    try:
        yield
    except LastwordError as error:
        if exit_code(error) != 1:
            raise
        raise Unreachable(printable(str(error)), hint=error.hint) from error


def _elements(error: GhostElements) -> dict[str, Any]:
    """Return what an error lists, as a node tells of it."""
    listed = list(map(text_or_bytes, error.elements))
    return {
        "elements": [element for element in listed if isinstance(element, str)],
        "elementsBase64": [element for element in listed if isinstance(element, bytes)],
        "more": error.more,
    }
