"""Frames: what nodes say to each other, as bytes. docs/PROTOCOL.md is the authority.

A frame is a version byte and a msgpack array, which may be compressed. It is checked against its
schema, its indexes against its tables, before anyone sees it; bytes that fail are refused whole.
"""

from collections.abc import Iterable
from typing import Annotated

import msgspec
import zstandard
from msgspec import Meta, Struct
from msgspec.structs import astuple

from lastword.errors import InvalidFrame, UnknownProtocol
from lastword.limits import (
    ADDRESS_BYTES_MAX,
    COMPARE_ROWS_MAX,
    ELEMENT_BYTES_MAX,
    FRAME_BYTES_MAX,
    SET_NAME_BYTES_MAX,
    STAMP_MAX,
)
from lastword.replication.claims import STEP_MAX, Claims, Range, pack_claims, unpack_claims
from lastword.replication.comparison import Reply, Step
from lastword.replication.entries import Cursor, Entry, Page
from lastword.replication.hashing import POSITION_BITS
from lastword.replication.survey import LOOKS_MAX, Look

PROTOCOL_VERSION = 3
PROTOCOL_VERSION_MIN = 2

COMPRESSED = 0x80
COMPRESSED_BYTES_MIN = 1_024
"""Below that a frame is one packet anyway."""

COMPRESSION_LEVEL = 1
"""The fastest: a page loses a third to two thirds by it, in a fraction of a millisecond; a higher
level takes half as long again for a hundredth more."""

Count = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]
Number = Annotated[int, Meta(ge=1, le=(1 << 63) - 1)]
Stamp = Annotated[int, Meta(ge=0, le=STAMP_MAX)]
Name = Annotated[bytes, Meta(min_length=1, max_length=SET_NAME_BYTES_MAX)]
Element = Annotated[bytes, Meta(max_length=ELEMENT_BYTES_MAX)]
Address = Annotated[str, Meta(max_length=ADDRESS_BYTES_MAX)]
Key = Annotated[bytes, Meta(max_length=ELEMENT_BYTES_MAX + 8)]
CursorBody = tuple[Count, Count, Count]
VectorBody = dict[Count, Count]
_AS_ROWS = Meta(max_length=COMPARE_ROWS_MAX)
_AS_LOOKS = Meta(max_length=LOOKS_MAX)


class Log(Struct, array_like=True, frozen=True):
    """The end of the sender's log, and the hash of its vector."""

    head: Count
    seen_hash: Count


class Pull(Struct, array_like=True, frozen=True):
    """A wish for the page that follows a cursor; where `is_copy`, with more about its sets."""

    cursor: CursorBody
    taken: Count = 0
    seen: VectorBody = {}
    is_enough: bool = True
    is_copy: bool = False


class Rows(Struct, array_like=True, frozen=True):
    """Entries, with the sets and runs that they name held once."""

    sets: Annotated[list[Name], _AS_ROWS] = []
    runs: Annotated[list[Count], _AS_ROWS] = []
    rows: Annotated[list[tuple[Count, Element, Stamp, Count, Number]], _AS_ROWS] = []


class VouchedBody(Struct, array_like=True, frozen=True):
    """A vector, as what is to be added to the one of hash `base`, which is 0 for none."""

    base: Count
    entries: VectorBody


class FenceBody(Struct, array_like=True, frozen=True):
    """What the sender says of collection: see replication.fence.

    `collected` is the hash of its vector, `known` that of the receiver's which it has and, if it
    `covers` that, has seen all of; `told` is its vector, where the receiver may not have it.
    `has_met_all` says that it knows as members all whom it was told of, `collected_time` is the
    greatest time that it ever collected.
    """

    collected: Count = 0
    known: Count = 0
    covers: bool = True
    told: VouchedBody | None = None
    may_collect: bool = False
    has_met_all: bool = False
    collected_time: Count = 0


class PageBody(Struct, array_like=True, frozen=True):
    """A page, on the wire. `ask` names runs whose entries in the asker's vector are needed.

    For a copy, the first has what its giver had seen as `start`, and each the times up to which
    tombstones of the sets in `rows` were collected.
    """

    for_run: Count
    cursor: CursorBody
    reached: Count
    from_start: bool
    rows: Rows
    seen: VouchedBody | None = None
    ask: Annotated[list[Count], _AS_ROWS] | None = None
    start: VectorBody | None = None
    times: Annotated[list[Count], _AS_ROWS] | None = None


class Compare(Struct, array_like=True, frozen=True):
    """A step of a comparison."""

    turn: Count
    nonce: Count
    root: Count | None = None
    after: Key | None = None
    claims: list[Claims] = []
    rows: Rows | None = None
    collected: Rows | None = None


class Compared(Struct, array_like=True, frozen=True):
    """The answer to a step of a comparison."""

    turn: Count
    differs: bool = False
    done: Count = 0
    after: Key | None = None
    claims: list[Claims] = []
    rows: Rows | None = None
    collected: Rows | None = None


LookBody = tuple[
    Annotated[int, Meta(ge=0)] | None,
    Annotated[int, Meta(ge=0, le=POSITION_BITS)],
    Annotated[int, Meta(ge=0)],
    Annotated[int, Meta(ge=0, le=STEP_MAX)] | None,
]


class SurveyBody(Struct, array_like=True, frozen=True):
    """Ranges that a surveyor looks at: set, bits, prefix, and the step to their parts."""

    nonce: Count
    looks: Annotated[list[LookBody], _AS_LOOKS] = []


class Surveyed(Struct, array_like=True, frozen=True):
    """What is seen there, and the root fingerprint of all that is held."""

    root: Count
    views: Annotated[list[tuple[bytes | None, Annotated[list[Name], _AS_ROWS]]], _AS_LOOKS] = []


class Frame(Struct, array_like=True, frozen=True):
    """One message: who speaks, when, and up to one wish and one answer of each kind.

    `wall_us` is the sender's wall, `run` its run, `address` where it serves.
    """

    wall_us: Count
    run: Count
    address: Address = ""
    log: Log | None = None
    pull: Pull | None = None
    page: PageBody | None = None
    compare: Compare | None = None
    compared: Compared | None = None
    survey: SurveyBody | None = None
    surveyed: Surveyed | None = None
    fence: FenceBody | None = None


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Frame)


def encode(frame: Frame) -> bytes:
    """Return the bytes of `frame`, compressed where that makes them fewer."""
    plain = encode_plain(frame)
    if len(plain) > COMPRESSED_BYTES_MIN:
        compressed = zstandard.compress(memoryview(plain)[1:], COMPRESSION_LEVEL)
        if len(compressed) + 1 < len(plain):
            return bytes((PROTOCOL_VERSION | COMPRESSED,)) + compressed
    return plain


def encode_plain(frame: Frame) -> bytes:
    """Return the bytes of `frame` without compression, which are the same on every machine."""
    fields = astuple(frame)
    while fields[-1] is None:
        fields = fields[:-1]
    return bytes((PROTOCOL_VERSION,)) + _encoder.encode(fields)


def version_of(data: bytes) -> int:
    """Return the protocol version of a frame.

    Raises UnknownProtocol for one that is not spoken here, InvalidFrame for no or too many bytes.
    """
    if not data or len(data) > FRAME_BYTES_MAX:
        raise InvalidFrame(f"a frame has 1 to {FRAME_BYTES_MAX} bytes, not {len(data)}")
    version = data[0] & ~COMPRESSED
    if not PROTOCOL_VERSION_MIN <= version <= PROTOCOL_VERSION:
        raise UnknownProtocol(
            f"protocol version {version} is not spoken here, only "
            f"{PROTOCOL_VERSION_MIN} to {PROTOCOL_VERSION}"
        )
    return version


def decode(data: bytes) -> Frame:
    """Return the frame of this version in `data`.

    Raises UnknownProtocol for another version, InvalidFrame for everything else that is not a
    whole, valid frame.
    """
    if version_of(data) != PROTOCOL_VERSION:
        raise UnknownProtocol(f"a frame is of version {data[0]}, not {PROTOCOL_VERSION}")
    body = memoryview(data)[1:]
    try:
        frame = _decoder.decode(decompressed(body) if data[0] & COMPRESSED else body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidFrame(f"not a frame: {error}") from None
    if frame.page is not None:
        check_rows(frame.page.rows)
    for step in (frame.compare, frame.compared):  # here too, before a page beside it is applied
        if step is not None:
            unpack_claims(step.claims)
            for rows in (step.rows, step.collected):
                if rows is not None:
                    check_rows(rows)
    if frame.survey is not None:
        looks_of(frame.survey)
    if frame.page is not None and (frame.log is None or frame.page.reached > frame.log.head):
        raise InvalidFrame("a page reaches further than the log that it is of")
    return frame


def decompressed(body: memoryview) -> bytes:
    """Return what a compressed frame says after its first byte; bounded by what it states."""
    try:
        size = zstandard.get_frame_parameters(body).content_size
        if size > FRAME_BYTES_MAX:  # an unknown size is greater than any
            raise InvalidFrame(f"a frame has at most {FRAME_BYTES_MAX} bytes, and says its size")
        return zstandard.ZstdDecompressor().decompress(body, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise InvalidFrame(f"a frame is not compressed as it says: {error}") from None


def check_rows(rows: Rows) -> None:
    """Check what the schema cannot say; a '/' in a set's name would make its hashes ambiguous."""
    for name in rows.sets:
        if b"/" in name:
            raise InvalidFrame("a set's name has a '/'")
        try:
            name.decode()
        except UnicodeDecodeError:
            raise InvalidFrame("a set's name is not UTF-8") from None
    sets, runs = len(rows.sets), len(rows.runs)
    for row in rows.rows:
        if row[0] >= sets or row[3] >= runs:
            raise InvalidFrame("a row names a set or a run that its frame does not list")


def furthest(frame: Frame, run: int) -> int:
    """Return the greatest number of `run` that anything in `frame` names, or 0."""
    pull, page = frame.pull, frame.page
    vectors = (pull and pull.seen, page and page.seen and page.seen.entries)
    numbers = [vector.get(run, 0) for vector in vectors if vector]
    if pull is not None and pull.cursor[0] == run:
        numbers.append(pull.cursor[2])
    for part in (page, frame.compare, frame.compared):
        if part is not None and part.rows is not None and run in part.rows.runs:
            index = part.rows.runs.index(run)
            numbers += [row[4] for row in part.rows.rows if row[3] == index]
    return max(numbers, default=0)


def pack_entries(entries: Iterable[Entry]) -> Rows:
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


def unpack_entries(rows: Rows | None) -> tuple[Entry, ...]:
    """Return the entries of `rows`, whose indexes were checked."""
    if rows is None:
        return ()
    sets, runs = rows.sets, rows.runs
    return tuple(
        Entry(sets[set_index], element, stamp, runs[run_index], number)
        for set_index, element, stamp, run_index, number in rows.rows
    )


def page_of(frame: Frame, body: PageBody) -> Page:
    """Return the page that `frame` carries as `body`."""
    return Page(
        run=frame.run,
        for_run=body.for_run,
        cursor=Cursor(*body.cursor),
        reached=body.reached,
        head=frame.log.head if frame.log else 0,
        entries=unpack_entries(body.rows),
        seen=None if body.seen is None else body.seen.entries,
        from_start=body.from_start,
        may_collect=frame.fence is not None and frame.fence.may_collect,
        times=dict(zip(body.rows.sets, body.times or (), strict=False)),
    )


def page_body(page: Page, base: int) -> PageBody:
    """Return `page` as it stands in a frame, whose head and run it shares."""
    return PageBody(
        for_run=page.for_run,
        cursor=page.cursor,
        reached=page.reached,
        from_start=page.from_start,
        rows=pack_entries(page.entries),
        seen=None if page.seen is None else VouchedBody(base, dict(page.seen)),
    )


def compare_body(step: Step) -> Compare:
    """Return a step of a comparison as it stands in a frame."""
    rows = pack_entries(step.entries) if step.entries else None
    claims = pack_claims(step.claims)
    collected = pack_entries(step.collected) if step.collected else None
    return Compare(step.turn, step.nonce, step.root, step.after, claims, rows, collected)


def step_of(body: Compare) -> Step:
    """Return the step that a frame carries; raise InvalidFrame where its claims are none."""
    claims = unpack_claims(body.claims)
    rows, collected = list(unpack_entries(body.rows)), list(unpack_entries(body.collected))
    return Step(body.turn, body.nonce, body.root, body.after, claims, rows, collected)


def compared_body(reply: Reply) -> Compared:
    """Return the answer to a step as it stands in a frame."""
    rows = pack_entries(reply.entries) if reply.entries else None
    claims = pack_claims(reply.claims)
    collected = pack_entries(reply.collected) if reply.collected else None
    return Compared(reply.turn, reply.differs, reply.done, reply.after, claims, rows, collected)


def survey_body(nonce: int, looks: Iterable[Look]) -> SurveyBody:
    """Return what a surveyor looks at as it stands in a frame."""
    return SurveyBody(nonce, [(*at, step) for at, step in looks])


def looks_of(body: SurveyBody) -> list[Look]:
    """Return what a frame asks to look at; raise InvalidFrame where there is no such range."""
    looks = []
    for set_position, bits, prefix, step in body.looks:
        if prefix >> bits or bits + (step or 0) > POSITION_BITS:
            raise InvalidFrame("a survey is about a range that there is not")
        looks.append(Look(Range(set_position, bits, prefix), step))
    return looks


def reply_of(body: Compared) -> Reply:
    """Return the answer that a frame carries; raise InvalidFrame where its claims are none."""
    claims = unpack_claims(body.claims)
    rows, collected = list(unpack_entries(body.rows)), list(unpack_entries(body.collected))
    return Reply(body.turn, body.differs, body.done, body.after, claims, rows, collected)
