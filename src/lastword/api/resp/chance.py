"""Members at random, without reading a large set.

Positions are uniform hashes. A cell of the positions is drawn at random, and its members are
taken with a chance that grows with their number: so every member is as likely as any other
("rejection sampling"; von Neumann 1951), but for those of cells that hold more than
`CELL_MEMBERS_MAX`, where 32 are expected: of a random hash there is none.
"""

from collections.abc import Iterator
from random import Random

from lastword.api.resp.view import View
from lastword.crdt.stamp import is_removed
from lastword.replication.hashing import POSITION_BITS, element_of, first_key

SMALL_MEMBERS = 256
"""A set of up to so many members is read whole, which is as fast as a few draws."""

CELL_MEMBERS = 32
CELL_MEMBERS_MAX = 96

CELL_ROWS = 10_000
"""Rows of a cell that are read at once: where most are tombstones it has many."""

DENSE = 4
"""A draw of more than one in so many of all members reads the set whole: single draws would
repeat themselves."""


def sample(view: View, set_name: bytes, count: int, rng: Random) -> list[bytes]:
    """Return `count` different members, or all where there are fewer."""
    present = view.totals(set_name).present
    if present <= SMALL_MEMBERS or count * DENSE >= present:
        members = _all_members(view, set_name)
        return rng.sample(members, min(count, len(members)))
    chosen: dict[bytes, None] = {}
    drawn = draws(view, set_name, rng)
    while len(chosen) < count:
        chosen[next(drawn)] = None
    return list(chosen)


def draws(view: View, set_name: bytes, rng: Random) -> Iterator[bytes]:
    """Yield one member after another, each drawn from all of a set that has any."""
    present = view.totals(set_name).present
    if present <= SMALL_MEMBERS:
        members = _all_members(view, set_name)
        while members:
            yield rng.choice(members)
        return
    bits = (present // CELL_MEMBERS).bit_length()
    while True:
        members = _cell(view, set_name, rng.getrandbits(bits), bits)
        if rng.randrange(CELL_MEMBERS_MAX) < len(members):
            yield rng.choice(members)


def _cell(view: View, set_name: bytes, index: int, bits: int) -> list[bytes]:
    """Return the members whose positions begin with the `bits` bits of `index`."""
    shift = POSITION_BITS - bits
    low, high = first_key(index << shift), first_key(index + 1 << shift)
    members: list[bytes] = []
    while low is not None:
        rows = view.rows(set_name, low, high, CELL_ROWS)
        members += [element_of(key) for key, stamp in rows if not is_removed(stamp)]
        low = rows[-1][0] + b"\0" if len(rows) == CELL_ROWS else None
    return members


def _all_members(view: View, set_name: bytes) -> list[bytes]:
    return [member for chunk in view.chunks(set_name) for member in chunk]
