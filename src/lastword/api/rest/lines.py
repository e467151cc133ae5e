"""The lines of a bulk request: read, checked, and gathered into groups that one commit takes.

In JSON a body is NDJSON: an object a line, blank lines passed over, the last line with or without
its end. In msgpack it is an array of such maps, and a line is an entry of it.
"""

import re
from collections.abc import Iterator
from typing import Annotated, Final, NamedTuple

import msgspec

from lastword.access.rights import OPEN, RESERVED, Right, Rights
from lastword.api.paths import SET_NAME_SCHEMA, checked_set_name
from lastword.api.rest.bodies import (
    Changed,
    PackedPatch,
    Patch,
    Time,
    changes,
    check_patch_once,
    decoded,
    packed_changes,
)
from lastword.api.rest.checks import check_added
from lastword.crdt.once import check_msgpack
from lastword.crdt.wire import element_bytes
from lastword.errors import InvalidRequest, InvalidTime, LastwordError
from lastword.limits import BULK_LINES, BULK_PACKED_LINES_MAX, GROUP_ROWS_MAX
from lastword.store.base import BaseStore
from lastword.store.ghosts import Ghosts
from lastword.store.operations import PEERS_SET, Write

SetName = Annotated[str, msgspec.Meta(extra_json_schema=SET_NAME_SCHEMA)]


class Line(Patch, kw_only=True, rename="camel"):
    """What is to be added to a set and removed from it, and at which time."""

    set_name: SetName = msgspec.field(name="set")
    time: Time | None = None


class PackedLine(PackedPatch, kw_only=True):
    """What is to be added to a set and removed from it, and at which time."""

    set_name: SetName = msgspec.field(name="set")
    time: Time | None = None


PackedLines = Annotated[list[PackedLine], msgspec.Meta(max_length=BULK_PACKED_LINES_MAX)]

Numbered = tuple[int, bytes | msgspec.Raw]
"""A line with its number, from 1."""

_line: Final = msgspec.json.Decoder(Line)
_packed_line: Final = msgspec.msgpack.Decoder(PackedLine)
_packed_lines: Final = msgspec.msgpack.Decoder(
    Annotated[list[msgspec.Raw], msgspec.Meta(max_length=BULK_PACKED_LINES_MAX)]
)
_BLANK: Final = re.compile(rb"[ \t\r\n]*")


class Group(NamedTuple):
    """Writes that are applied at once.

    `numbers` are those of their lines, `reached` that of the last line that is in order or
    blank, and `refusal` says why the next one is not.
    """

    writes: tuple[Write, ...]
    numbers: tuple[int, ...]
    reached: int
    refusal: LastwordError | None = None


def read_groups(
    store: BaseStore,
    body: bytes,
    *,
    packed: bool,
    ghosts: Ghosts = Ghosts.REFUSE,
    rights: Rights = OPEN,
) -> Iterator[Group]:
    """Yield the groups of a body, up to the first line that is refused."""
    read = _Reader(store, ghosts, rights, packed=packed).write
    gathered: list[tuple[int, Write]] = []
    rows = reached = 0
    try:
        for number, line in _packed_of(body) if packed else _lines_of(body):
            reached = number - 1
            write = read(number, line)
            rows += len(write.add) + len(write.remove)
            if len(gathered) == BULK_LINES or (rows > GROUP_ROWS_MAX and gathered):
                yield _group(gathered, reached)
                gathered, rows = [], len(write.add) + len(write.remove)
            gathered.append((number, write))
            reached = number
    except LastwordError as refusal:
        yield _group(gathered, reached, refusal)
    else:
        yield _group(gathered, reached)


def _group(
    gathered: list[tuple[int, Write]], reached: int, refusal: LastwordError | None = None
) -> Group:
    numbers, writes = zip(*gathered, strict=True) if gathered else ((), ())
    return Group(writes, numbers, reached, refusal)


class _Reader:
    """Makes writes of lines. `_listed` are the addresses that lines so far add to `_peers_`."""

    def __init__(self, store: BaseStore, ghosts: Ghosts, rights: Rights, *, packed: bool) -> None:
        self._store = store
        self._rights = rights
        self._ghosts = ghosts
        self._read = self._packed_write if packed else self._write
        self._names: dict[str, bytes] = {}
        self._listed: set[str] = set()

    def write(self, number: int, line: bytes | msgspec.Raw) -> Write:
        """Return the write of a line; an error says which line it was."""
        try:
            return self._read(line)
        except LastwordError as error:
            raise at_line(number, error) from None

    def _write(self, line: bytes) -> Write:
        found = decoded(_line.decode, line)
        names = 1 if found.time is None else 2
        check_patch_once(line, found, strings=1, names=names)
        return self._checked(found.set_name, changes(found), found.time)

    def _packed_write(self, line: bytes | msgspec.Raw) -> Write:
        found = decoded(_packed_line.decode, line)
        check_msgpack(line, {})
        return self._checked(found.set_name, packed_changes(found), found.time)

    def _checked(self, name: str, changed: Changed, time: int | None) -> Write:
        add, remove = changed
        set_name = self._names.get(name)
        if set_name is None:
            set_name = checked_set_name(element_bytes(name))
            self._rights.check(Right.WRITE, set_name)
            self._names[name] = set_name
        if set_name.startswith(RESERVED):
            check_added(self._store, set_name, add, self._listed)
            if set_name == PEERS_SET:
                self._listed.update(element.decode() for element in add)
        return Write(set_name, add, remove, time, self._ghosts)


def at_line(number: int, error: LastwordError) -> LastwordError:
    """Return `error`, saying in which line."""
    message = f"line {number}: {error}"
    if isinstance(error, InvalidRequest) and message.endswith("`$.time`"):
        return InvalidTime(message)
    return error.reworded(message)


def _lines_of(body: bytes) -> Iterator[Numbered]:
    number, at = 1, 0
    while at < len(body):
        blank = _BLANK.match(body, at)
        begin = blank.end() if blank else at
        number += body.count(b"\n", at, begin)
        if begin == len(body):
            return
        end = body.find(b"\n", begin)
        at = len(body) if end < 0 else end
        yield number, body[begin:at]


def _packed_of(body: bytes) -> Iterator[Numbered]:
    yield from enumerate(decoded(_packed_lines.decode, body), 1)
