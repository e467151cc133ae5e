"""Pages of a listing in the order of positions: bounded work for each, none left out.

A cursor is the position of the last thing looked at, so its length does not follow the elements'.
Things share a position only where their keyed hashes collide; they are never parted by a page, so
a page may have more than its limit by as many.
"""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple, TypeVar

from lastword.errors import InvalidRequest
from lastword.limits import LISTED_BYTES_MAX, LOOKED_AT_MAX

T = TypeVar("T")

_CURSOR: Final = re.compile(rb"[0-9a-f]{16}")


class Span(NamedTuple):
    """What of a listing is wanted: what begins with `prefix`, behind the position `after`."""

    prefix: bytes
    after: int | None
    limit: int

    @property
    def start(self) -> int:
        """The first position that is wanted; 2^64 behind the last one."""
        return 0 if self.after is None else self.after + 1


class Seen(NamedTuple):
    """A thing at its position, by its name; `listed` says whether it may be on the page."""

    position: int
    name: bytes
    listed: bool


class Page(NamedTuple):
    """The names of a page, and the cursor of the next one; None behind the last."""

    names: list[bytes]
    after: str | None


def take_page(things: Iterable[Seen], span: Span) -> Page:
    """Return the page that begins with the first of `things`, which are in order."""
    names: list[bytes] = []
    size = 0
    last: int | None = None
    for looked_at, (position, name, listed) in enumerate(things):
        full = len(names) >= span.limit or looked_at >= LOOKED_AT_MAX or size >= LISTED_BYTES_MAX
        if full and position != last:
            return Page(names, None if last is None else f"{last:016x}")
        last = position
        if listed and name.startswith(span.prefix):
            names.append(name)
            size += len(name)
    return Page(names, None)


def position_of_cursor(cursor: bytes) -> int:
    """Return the position that a cursor stands for; raise InvalidRequest where it is none."""
    if _CURSOR.fullmatch(cursor) is None:
        raise InvalidRequest(
            "after takes what the page before answered as after, as it stands",
            hint="Leave after away to begin at the first page.",
        )
    return int(cursor, 16)
