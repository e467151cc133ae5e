"""Frames: what nodes say to each other, as bytes. docs/PROTOCOL.md is the authority.

A frame is a version byte and a msgpack array. It is checked against its schema, its indexes
against its tables, before anyone sees it; bytes that fail are refused whole.
"""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from lastword.errors import InvalidFrame, UnknownProtocol
from lastword.limits import (
    ADDRESS_BYTES_MAX,
    ELEMENT_BYTES_MAX,
    FRAME_BYTES_MAX,
    SET_NAME_BYTES_MAX,
    STAMP_MAX,
)
from lastword.replication.entries import Cursor, Entry, Page, Scan
from lastword.replication.hashing import PRIME, Sums

PROTOCOL_VERSION = 1
PROTOCOL_VERSION_MIN = max(1, PROTOCOL_VERSION - 1)

_Count = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]
_Number = Annotated[int, Meta(ge=1, le=(1 << 63) - 1)]
_Lane = Annotated[int, Meta(ge=0, le=PRIME)]
_Stamp = Annotated[int, Meta(ge=0, le=STAMP_MAX)]
_Name = Annotated[bytes, Meta(min_length=1, max_length=SET_NAME_BYTES_MAX)]
_Element = Annotated[bytes, Meta(max_length=ELEMENT_BYTES_MAX)]
_Address = Annotated[str, Meta(max_length=ADDRESS_BYTES_MAX)]


class Pull(Struct, array_like=True, frozen=True):
    """A wish for the page that follows a cursor."""

    cursor: tuple[_Count, _Count, _Count]
    seen: dict[_Count, _Count]


class ScanPull(Struct, array_like=True, frozen=True):
    """A wish for what follows a log number, whatever the asker has seen."""

    after: _Count
    sums: tuple[_Lane, _Lane]


class Rows(Struct, array_like=True, frozen=True):
    """Entries, with the sets and runs that they name held once."""

    sets: list[_Name] = []
    runs: list[_Count] = []
    rows: list[tuple[_Count, _Element, _Stamp, _Count, _Number]] = []


class PageBody(Struct, array_like=True, frozen=True):
    """A page, on the wire."""

    for_run: _Count
    cursor: tuple[_Count, _Count, _Count]
    reached: _Count
    from_start: bool
    rows: Rows
    seen: dict[_Count, _Count] | None = None


class ScanBody(Struct, array_like=True, frozen=True):
    """A stretch of a scan, on the wire."""

    reached: _Count
    last: bool
    equal: bool
    rows: Rows


class Frame(Struct, array_like=True, frozen=True):
    """One message: who speaks, when, and up to one wish and one answer of each kind.

    `wall_us` is the sender's wall, `run` its run, `address` where it serves, `head` its log's end.
    """

    wall_us: _Count
    run: _Count
    address: _Address
    head: _Count
    pull: Pull | None = None
    page: PageBody | None = None
    scan_pull: ScanPull | None = None
    scan: ScanBody | None = None


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Frame)


def encode(frame: Frame) -> bytes:
    """Return the bytes of `frame`."""
    return bytes((PROTOCOL_VERSION,)) + _encoder.encode(frame)


def decode(data: bytes) -> Frame:
    """Return the frame in `data`.

    Raises UnknownProtocol for a version that is not spoken here, InvalidFrame for everything
    else that is not a whole, valid frame.
    """
    if not data or len(data) > FRAME_BYTES_MAX:
        raise InvalidFrame(f"a frame has 1 to {FRAME_BYTES_MAX} bytes, not {len(data)}")
    if not PROTOCOL_VERSION_MIN <= data[0] <= PROTOCOL_VERSION:
        raise UnknownProtocol(
            f"protocol version {data[0]} is not spoken here, only "
            f"{PROTOCOL_VERSION_MIN} to {PROTOCOL_VERSION}"
        )
    try:
        frame = _decoder.decode(memoryview(data)[1:])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidFrame(f"not a frame: {error}") from None
    for body in (frame.page, frame.scan):
        if body is not None:
            _check_rows(body.rows)
    if frame.page is not None and frame.page.reached > frame.head:
        raise InvalidFrame("a page reaches further than the log that it is of")
    return frame


def _check_rows(rows: Rows) -> None:
    """Check what the schema cannot say; a '/' in a set's name would make its hashes ambiguous."""
    if any(b"/" in name for name in rows.sets):
        raise InvalidFrame("a set's name has a '/'")
    sets, runs = len(rows.sets), len(rows.runs)
    for row in rows.rows:
        if row[0] >= sets or row[3] >= runs:
            raise InvalidFrame("a row names a set or a run that its frame does not list")


def furthest(frame: Frame, run: int) -> int:
    """Return the greatest number of `run` that a vector or an entry in `frame` names, or 0."""
    vectors = (frame.pull and frame.pull.seen, frame.page and frame.page.seen)
    numbers = [vector.get(run, 0) for vector in vectors if vector]
    for body in (frame.page, frame.scan):
        if body is not None and run in body.rows.runs:
            index = body.rows.runs.index(run)
            numbers += [row[4] for row in body.rows.rows if row[3] == index]
    return max(numbers, default=0)


def pack_entries(entries: tuple[Entry, ...]) -> Rows:
    """Return `entries` with each set and run named once."""
    sets: dict[bytes, int] = {}
    runs: dict[int, int] = {}
    rows = [
        (
            sets.setdefault(entry.set_name, len(sets)),
            entry.element,
            entry.stamp,
            runs.setdefault(entry.run, len(runs)),
            entry.number,
        )
        for entry in entries
    ]
    return Rows(list(sets), list(runs), rows)


def unpack_entries(rows: Rows) -> tuple[Entry, ...]:
    """Return the entries of `rows`, whose indexes were checked."""
    sets, runs = rows.sets, rows.runs
    return tuple(
        Entry(sets[set_index], element, stamp, runs[run_index], number)
        for set_index, element, stamp, run_index, number in rows.rows
    )


def page_body(page: Page) -> PageBody:
    """Return `page` as it stands in a frame, whose head and run it shares."""
    return PageBody(
        for_run=page.for_run,
        cursor=page.cursor,
        reached=page.reached,
        from_start=page.from_start,
        rows=pack_entries(page.entries),
        seen=None if page.seen is None else dict(page.seen),
    )


def page_of(frame: Frame, body: PageBody) -> Page:
    """Return the page that `frame` carries as `body`."""
    return Page(
        run=frame.run,
        for_run=body.for_run,
        cursor=Cursor(*body.cursor),
        reached=body.reached,
        head=frame.head,
        entries=unpack_entries(body.rows),
        seen=body.seen,
        from_start=body.from_start,
    )


def scan_body(scan: Scan) -> ScanBody:
    """Return `scan` as it stands in a frame."""
    return ScanBody(scan.reached, scan.last, scan.equal, pack_entries(scan.entries))


def scan_of(frame: Frame, body: ScanBody) -> Scan:
    """Return the stretch of a scan that `frame` carries as `body`."""
    return Scan(frame.run, body.reached, unpack_entries(body.rows), body.last, body.equal)


def sums_of(pull: ScanPull) -> Sums:
    """Return the sums that the asker of a scan has."""
    return Sums(*pull.sums)
