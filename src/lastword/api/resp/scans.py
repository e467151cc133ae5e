"""SSCAN and SCAN: some at a time, by position, without any state on the server.

A cursor is the cell of positions, those that share their first 53 bits, where the next call
begins, and 0 at the begin and the end. A call goes to the end of a cell that it has begun, so
what is there throughout is returned; once, where nobody renames it.
"""

import re
from dataclasses import dataclass, replace
from typing import Any

from lastword.access.glob import matcher
from lastword.api.resp.command import Reading, Reply, integer
from lastword.api.resp.names import checked_key
from lastword.api.resp.reader import Arguments
from lastword.api.resp.view import View
from lastword.crdt.stamp import is_removed
from lastword.errors import InvalidCommand
from lastword.replication.hashing import (
    POSITION_BITS,
    element_of,
    first_key,
    position_of,
)

COUNT_DEFAULT = 10
COUNT_MAX = 10_000
"""Rows, or names, of one call, whatever COUNT asks for: a few hundredths of a second."""

_CURSOR = re.compile(rb"|[+-]?[0-9]{1,40}").fullmatch
_CURSOR_SHIFT = POSITION_BITS - 53
"""Cursors have 53 bits: there are clients that keep them as floating-point numbers."""

_CELLS = 1 << 53
_NUMBERS = 1 << 64


@dataclass(frozen=True, slots=True)
class Options:
    """What a scan was asked for."""

    count: int = COUNT_DEFAULT
    pattern: bytes = b"*"
    type: bytes = b"set"


def sscan(arguments: Arguments) -> Reading:
    """SSCAN key cursor [MATCH pattern] [COUNT count]."""
    name, cursor = checked_key(arguments[1]), _cursor(arguments[2])
    options: Options | InvalidCommand
    try:
        options = _options(arguments[3:], (b"MATCH", b"COUNT"))
    except InvalidCommand as error:
        options = error  # only where there is something to scan, as in Redis

    def run(view: View, reply: Reply) -> Any:
        if not view.totals(name).present:
            return [b"0", []]
        if isinstance(options, InvalidCommand):
            raise options
        return _scan_members(view, reply, name, cursor, options)

    return Reading(run, rows=0 if isinstance(options, InvalidCommand) else options.count)


def scan(arguments: Arguments) -> Reading:
    """SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]."""
    cursor = _cursor(arguments[1])
    options = _options(arguments[2:], (b"MATCH", b"COUNT", b"TYPE"))
    return Reading(lambda view, _: _scan_names(view, cursor, options))


def _scan_members(view: View, reply: Reply, name: bytes, cursor: int, options: Options) -> Any:
    low = _key_above(cursor)
    rows = [] if low is None else list(view.rows(name, low, None, options.count))
    following = 0
    if len(rows) == options.count:
        following = (position_of(rows[-1][0]) >> _CURSOR_SHIFT) + 1
        while more := view.rows(name, rows[-1][0] + b"\0", _key_above(following), COUNT_MAX):
            rows += more
    matches = matcher(options.pattern)
    members = [element_of(key) for key, stamp in rows if not is_removed(stamp)]
    gathered = reply.gathered()
    gathered.add([member for member in members if matches(member)])
    return [b"%d" % (following % _CELLS), gathered]


def _key_above(cell: int) -> bytes | None:
    """Return the first key of a cell, or None where it is behind the last one."""
    return first_key(cell << _CURSOR_SHIFT)


def _scan_names(view: View, cursor: int, options: Options) -> Any:
    """Return the names of a stretch of positions that has about `count` of them."""
    step = max(_CELLS * options.count // max(view.names_held(), 1), 1)
    following = min(cursor + step, _CELLS)
    matches = matcher(options.pattern)
    low, high = cursor << _CURSOR_SHIFT, following << _CURSOR_SHIFT
    names = view.names_between(low, high) if options.type.lower() == b"set" else []
    return [b"%d" % (following % _CELLS), [name for name in names if matches(name)]]


def _cursor(argument: bytes) -> int:
    """Return an unsigned 64-bit number, as C's strtoul reads it."""
    if _CURSOR(argument) is None or abs(number := int(argument or b"0")) >= _NUMBERS:
        raise InvalidCommand("invalid cursor")
    return min(number % _NUMBERS, _CELLS)  # behind the last cell there is nothing


def _options(words: Arguments, known: tuple[bytes, ...]) -> Options:
    options = Options()
    for at in range(0, len(words), 2):
        word = words[at].upper()
        if word not in known or at + 1 == len(words):
            raise InvalidCommand("syntax error")
        value = words[at + 1]
        if word == b"COUNT":
            count = integer(value)
            if count < 1:
                raise InvalidCommand("syntax error")
            options = replace(options, count=min(count, COUNT_MAX))
        elif word == b"MATCH":
            options = replace(options, pattern=value)
        else:
            options = replace(options, type=value)
    return options
