"""The page of all errors, from the one tree and the tables beside it."""

import re
from collections.abc import Iterator
from typing import Final

from lastword import errors
from lastword.errors import LastwordError

INTRODUCTION: Final = """\
# Errors

From `lastword.errors`: each with how REST (HTTP status) and the Redis protocol (first word) answer
it, the exit code of a command that it ends, and what to do. [REFERENCE.md](../REFERENCE.md#errors)
says what an answer looks like.

| code | HTTP | RESP | exit | what it says | what to do |
| --- | --- | --- | --- | --- | --- |
"""

_DRAWN: Final = re.compile(r"[├└]── (\w+)\s+(.+)")


def errors_page() -> str:
    """Return the table of every error of the tree."""
    said = dict(_DRAWN.findall(errors.__doc__ or "")) | {"LastwordError": "a fault in lastword"}
    return INTRODUCTION + "\n".join(_row(kind, said) for kind in every_error()) + "\n"


def every_error(base: type[LastwordError] = LastwordError) -> Iterator[type[LastwordError]]:
    """Yield the tree, parents first."""
    yield base
    for kind in base.__subclasses__():
        yield from every_error(kind)


def _row(kind: type[LastwordError], said: dict[str, str]) -> str:
    cells = (
        f"`{kind.code}`",
        str(errors.HTTP_STATUS.get(kind, 500)),
        errors.RESP_CODE.get(kind, "ERR"),
        str(errors.EXIT_CODE.get(kind, 1)),
        said[kind.__name__],
        kind.hint_default.replace("|", "\\|").replace("<", "&lt;"),
    )
    return f"| {' | '.join(cells)} |"
