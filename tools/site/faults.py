"""The page of all errors, from the one tree and the tables beside it.

What an error says to a user stands in docs/REFERENCE.md, and is taken from there.
"""

import re
from collections.abc import Iterator
from typing import Final

from lastword import errors
from lastword.errors import LastwordError

INTRODUCTION: Final = """\
# Errors

From `lastword.errors`: each with how REST (HTTP status) and the Redis protocol (first word) answer
it, the exit code of a command that it ends, and what to do. [REFERENCE.md](../REFERENCE.md#errors)
says what an answer looks like. Where nothing stands it is 500, `ERR` in the Redis protocol,
and exit code 1.

| code | HTTP | RESP | exit | what it says | what to do |
| --- | --- | --- | --- | --- | --- |
"""

_MEANING: Final = re.compile(r"^\| `(\w+)` \|[^|]*\|[^|]*\| (.+) \|$", re.MULTILINE)


def errors_page(reference: str) -> str:
    """Return the table of every code of the tree; `reference` is the text of docs/REFERENCE.md."""
    said = dict(_MEANING.findall(reference))
    kinds = {kind.code: kind for kind in every_error()}
    return INTRODUCTION + "\n".join(_row(kinds[code], said[code]) for code in sorted(kinds)) + "\n"


def every_error(base: type[LastwordError] = LastwordError) -> Iterator[type[LastwordError]]:
    """Yield the tree, parents first."""
    yield base
    for kind in base.__subclasses__():
        yield from every_error(kind)


def _row(kind: type[LastwordError], said: str) -> str:
    cells = (
        f"`{kind.code}`",
        str(errors.HTTP_STATUS.get(kind, "")),
        errors.RESP_CODE.get(kind, ""),
        str(errors.EXIT_CODE.get(kind, "")),
        said,
        kind.hint_default.replace("|", "\\|").replace("<", "&lt;"),
    )
    return f"| {' | '.join(cells)} |"
