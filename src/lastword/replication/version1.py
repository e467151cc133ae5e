"""Version 1 of the protocol, as long as there may be nodes that speak nothing else.

Its frames are turned into those of the present version and back. What only it has, the scan, is
answered here. docs/PROTOCOL.md, "Version 1".
"""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from lastword.errors import InvalidFrame
from lastword.replication.entries import Cursor
from lastword.replication.frames import (
    Address,
    Count,
    CursorBody,
    Frame,
    Log,
    PageBody,
    Pull,
    Rows,
    VectorBody,
    VouchedBody,
    check_rows,
    pack_entries,
)
from lastword.replication.hashing import PRIME
from lastword.replication.port import State
from lastword.replication.vectors import vector_hash

VERSION = 1

_Lane = Annotated[int, Meta(ge=0, le=PRIME)]


class _Pull(Struct, array_like=True, frozen=True):
    cursor: CursorBody
    seen: VectorBody


class _PageBody(Struct, array_like=True, frozen=True):
    for_run: Count
    cursor: CursorBody
    reached: Count
    from_start: bool
    rows: Rows
    seen: VectorBody | None = None


class ScanPull(Struct, array_like=True, frozen=True):
    """A wish for what follows a log number, whatever the asker has seen."""

    after: Count
    sums: tuple[_Lane, _Lane]


class ScanBody(Struct, array_like=True, frozen=True):
    """A stretch of all that a node holds, in log order."""

    reached: Count
    last: bool
    equal: bool
    rows: Rows


class _Frame(Struct, array_like=True, frozen=True):
    wall_us: Count
    run: Count
    address: Address
    head: Count
    pull: _Pull | None = None
    page: _PageBody | None = None
    scan_pull: ScanPull | None = None
    scan: ScanBody | None = None


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Frame)


def decode(data: bytes) -> tuple[Frame, ScanPull | None]:
    """Return the frame in `data` as one of the present version, and its wish for a scan.

    Raises InvalidFrame for everything that is not a whole, valid frame.
    """
    try:
        old = _decoder.decode(memoryview(data)[1:])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidFrame(f"not a frame: {error}") from None
    for part in (old.page, old.scan):
        if part is not None:
            check_rows(part.rows)
    if old.page is not None and old.page.reached > old.head:
        raise InvalidFrame("a page reaches further than the log that it is of")
    return _new(old), old.scan_pull


def encode(frame: Frame, scan: ScanBody | None = None) -> bytes:
    """Return the bytes of `frame` in this version; it has whole vectors or none."""
    pull, page = frame.pull, frame.page
    old = _Frame(
        wall_us=frame.wall_us,
        run=frame.run,
        address=frame.address,
        head=frame.log.head if frame.log else 0,
        pull=None if pull is None else _Pull(pull.cursor, pull.seen),
        page=None if page is None else _old_page(page),
        scan=scan,
    )
    return bytes((VERSION,)) + _encoder.encode(old)


def scan(state: State, pull: ScanPull) -> ScanBody:
    """Return what follows a log number, or, at 0, that the sums agree."""
    if pull.after == 0 and pull.sums == state.sums():
        return ScanBody(0, last=True, equal=True, rows=Rows())
    cursor = Cursor(state.run, pull.after, pull.after)
    page = state.page(cursor, for_run=0, seen={}, vouched={})
    return ScanBody(
        page.reached,
        last=page.reached == page.head,
        equal=False,
        rows=pack_entries(page.entries),
    )


def _new(old: _Frame) -> Frame:
    pull, page = old.pull, old.page
    seen = (pull and pull.seen) or (page and page.seen) or {}
    return Frame(
        wall_us=old.wall_us,
        run=old.run,
        address=old.address,
        log=Log(old.head, vector_hash(seen)),
        pull=None if pull is None else Pull(pull.cursor, 0, pull.seen),
        page=None if page is None else _new_page(page),
    )


def _new_page(page: _PageBody) -> PageBody:
    seen = None if page.seen is None else VouchedBody(0, page.seen)
    return PageBody(page.for_run, page.cursor, page.reached, page.from_start, page.rows, seen)


def _old_page(page: PageBody) -> _PageBody:
    seen = None if page.seen is None else page.seen.entries
    return _PageBody(page.for_run, page.cursor, page.reached, page.from_start, page.rows, seen)
