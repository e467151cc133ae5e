"""What nodes say, as bytes: pinned, whole or refused."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastword.errors import InvalidFrame, UnknownProtocol
from lastword.limits import (
    ADDRESS_BYTES_MAX,
    ELEMENT_BYTES_MAX,
    FRAME_BYTES_MAX,
    SET_NAME_BYTES_MAX,
    STAMP_MAX,
)
from lastword.replication import frames
from lastword.replication.entries import Cursor, Entry, Page, Scan
from lastword.replication.frames import (
    Frame,
    PageBody,
    Pull,
    Rows,
    ScanBody,
    ScanPull,
    decode,
    encode,
    furthest,
    pack_entries,
    page_body,
    page_of,
    scan_body,
    scan_of,
    sums_of,
    unpack_entries,
)
from lastword.replication.hashing import PRIME, Sums

COUNT_MAX = 2**63 - 1
ENTRY = Entry(b"s", b"e", 21, 8, 9)

GOLDEN = {
    "greeting": (Frame(1, 2, "a:1", 3), "01980102a3613a3103c0c0c0c0"),
    "pull": (
        Frame(
            1_700_000_000_000_000,
            COUNT_MAX,
            "[::1]:3000",
            7,
            pull=Pull((5, 6, 7), {8: 9, 1 << 40: 1}),
        ),
        (
            "0198cf00060a24181e4000cf7fffffffffffffffaa5b3a3a315d3a3330303007"
            "9293050607820809cf000001000000000001c0c0c0"
        ),
    ),
    "last page": (
        Frame(
            1,
            2,
            "a:1",
            3,
            page=PageBody(
                4,
                (5, 6, 7),
                3,
                from_start=True,
                rows=Rows(
                    [b"s", b"t"],
                    [8, 2],
                    [
                        (0, b"\x00\xff", 21, 0, 9),
                        (0, b"", 20, 0, 10),
                        (1, b"e", STAMP_MAX, 1, 3),
                    ],
                ),
                seen={8: 9},
            ),
        ),
        (
            "01980102a3613a3103c096049305060703c39392c40173c40174920802939500"
            "c40200ff1500099500c40014000a9501c40165cf3fffffffffffffff01038108"
            "09c0c0"
        ),
    ),
    "page with more behind it": (
        Frame(
            1,
            2,
            "a:1",
            30,
            page=PageBody(4, (0, 0, 0), 3, from_start=False, rows=pack_entries((ENTRY,))),
        ),
        "01980102a3613a311ec096049300000003c29391c401739108919500c40165150009c0c0c0",
    ),
    "scan pull": (
        Frame(1, 2, "", 3, scan_pull=ScanPull(4, (5, PRIME - 1))),
        "01980102a003c0c092049205cf1ffffffffffffffec0",
    ),
    "scan": (
        Frame(
            1,
            2,
            "a:1",
            3,
            scan=ScanBody(4, last=True, equal=False, rows=pack_entries((ENTRY,))),
        ),
        "01980102a3613a3103c0c0c09404c3c29391c401739108919500c40165150009",
    ),
}

COUNTS = st.integers(0, COUNT_MAX)
CURSORS = st.builds(Cursor, COUNTS, COUNTS, COUNTS)
VECTORS = st.dictionaries(COUNTS, COUNTS, max_size=4)
ENTRIES = st.lists(
    st.builds(
        Entry,
        st.binary(min_size=1, max_size=12).filter(lambda name: b"/" not in name),
        st.binary(max_size=40),
        st.integers(0, STAMP_MAX),
        COUNTS,
        st.integers(1, COUNT_MAX),
    ),
    max_size=6,
).map(tuple)
PAGES = st.builds(
    Page,
    run=COUNTS,
    for_run=COUNTS,
    cursor=CURSORS,
    reached=st.integers(0, 1_000),
    head=st.integers(1_000, COUNT_MAX),
    entries=ENTRIES,
    seen=st.none() | VECTORS,
    from_start=st.booleans(),
)
SCANS = st.builds(
    Scan, run=COUNTS, reached=COUNTS, entries=ENTRIES, last=st.booleans(), equal=st.booleans()
)


@pytest.mark.parametrize(("frame", "golden"), GOLDEN.values(), ids=GOLDEN.keys())
def test_a_frame_is_the_published_bytes(frame: Frame, golden: str) -> None:
    assert encode(frame).hex() == golden
    assert decode(bytes.fromhex(golden)) == frame


@given(PAGES, st.text(max_size=60), COUNTS)
def test_a_page_survives_its_way(page: Page, address: str, wall_us: int) -> None:
    frame = Frame(wall_us, page.run, address, page.head, page=page_body(page))
    arrived = decode(encode(frame))
    assert arrived == frame
    assert arrived.page is not None
    assert page_of(arrived, arrived.page) == page


@given(SCANS)
def test_a_scan_survives_its_way(scan: Scan) -> None:
    arrived = decode(encode(Frame(1, scan.run, "", 0, scan=scan_body(scan))))
    assert arrived.scan is not None
    assert scan_of(arrived, arrived.scan) == scan


@given(CURSORS, VECTORS, COUNTS, st.integers(0, PRIME - 1), st.integers(0, PRIME - 1))
def test_wishes_survive_their_way(
    cursor: Cursor, seen: dict[int, int], after: int, first: int, second: int
) -> None:
    wishes = Frame(1, 2, "", 3, Pull(cursor, seen), None, ScanPull(after, (first, second)))
    arrived = decode(encode(wishes))
    assert arrived == wishes
    assert arrived.scan_pull is not None
    assert sums_of(arrived.scan_pull) == Sums(first, second)


@given(ENTRIES)
def test_each_set_and_run_is_named_once(entries: tuple[Entry, ...]) -> None:
    rows = pack_entries(entries)
    assert unpack_entries(rows) == entries
    assert len(set(rows.sets)) == len(rows.sets)
    assert len(set(rows.runs)) == len(rows.runs)


def decoded(data: bytes) -> Frame | None:
    """Return the frame in `data`, or None where it is refused as it should be."""
    try:
        return decode(data)
    except (InvalidFrame, UnknownProtocol):
        return None


@pytest.mark.parametrize("golden", [golden for _, golden in GOLDEN.values()], ids=GOLDEN.keys())
def test_every_frame_cut_short_is_refused(golden: str) -> None:
    data = bytes.fromhex(golden)
    assert not any(decoded(data[:length]) for length in range(len(data)))


@pytest.mark.parametrize("golden", [golden for _, golden in GOLDEN.values()], ids=GOLDEN.keys())
def test_every_frame_with_one_other_byte_is_a_frame_or_refused(golden: str) -> None:
    data = bytes.fromhex(golden)
    refused = 0
    for index in range(len(data)):
        for byte in range(256):
            frame = decoded(data[:index] + bytes([byte]) + data[index + 1 :])
            refused += frame is None
            if frame is not None:
                assert decode(encode(frame)) == frame
    assert refused >= 255


@given(st.binary(max_size=60))
def test_any_bytes_are_a_frame_or_refused(tail: bytes) -> None:
    decoded(tail)
    decoded(b"\x01" + tail)


@given(st.recursive(st.none() | st.integers() | st.binary() | st.text(), st.lists, max_leaves=20))
def test_any_msgpack_is_a_frame_or_refused(value: object) -> None:
    try:
        data = msgspec.msgpack.encode(value)
    except OverflowError:
        return
    decoded(b"\x01" + data)


def test_what_follows_a_frame_is_refused() -> None:
    for _, golden in GOLDEN.values():
        assert decoded(bytes.fromhex(golden) + b"\xc0") is None


def test_a_nest_of_a_million_arrays_is_refused() -> None:
    assert decoded(b"\x01" + b"\x91" * 1_000_000) is None


def test_no_bytes_are_refused() -> None:
    with pytest.raises(InvalidFrame):
        decode(b"")


@pytest.mark.parametrize("version", [0, 2, 255])
def test_another_version_is_refused_by_name(version: int) -> None:
    data = bytes([version]) + encode(Frame(1, 2, "", 3))[1:]
    with pytest.raises(UnknownProtocol, match=f"version {version} is not .*, only 1 to 1"):
        decode(data)


def test_a_frame_over_the_limit_is_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    assert FRAME_BYTES_MAX == 64 << 20
    data = encode(Frame(1, 2, "", 3))
    monkeypatch.setattr(frames, "FRAME_BYTES_MAX", len(data) - 1)
    with pytest.raises(InvalidFrame, match="a frame has 1 to"):
        decode(data)


def page_frame(rows: Rows, *, reached: int = 1) -> Frame:
    return Frame(1, 2, "", 3, page=PageBody(4, (0, 0, 0), reached, from_start=True, rows=rows))


ROW = (0, b"e", 20, 0, 1)
REFUSED = {
    "no such set": page_frame(Rows([b"s"], [8], [(1, b"e", 20, 0, 1)])),
    "no such run": page_frame(Rows([b"s"], [8], [(0, b"e", 20, 1, 1)])),
    "a set in another row": page_frame(Rows([b"s"], [8], [ROW, (1, b"e", 20, 0, 1)])),
    "a set without a name": page_frame(Rows([b""], [8], [ROW])),
    "a long set": page_frame(Rows([b"s" * (SET_NAME_BYTES_MAX + 1)], [8], [ROW])),
    "a long element": page_frame(
        Rows([b"s"], [8], [(0, b"e" * (ELEMENT_BYTES_MAX + 1), 20, 0, 1)])
    ),
    "a stamp beyond": page_frame(Rows([b"s"], [8], [(0, b"e", STAMP_MAX + 1, 0, 1)])),
    "a stamp below": page_frame(Rows([b"s"], [8], [(0, b"e", -1, 0, 1)])),
    "a run beyond": page_frame(Rows([b"s"], [COUNT_MAX + 1], [ROW])),
    "a dot of nothing": page_frame(Rows([b"s"], [8], [(0, b"e", 20, 0, 0)])),
    "a page past its log": page_frame(Rows(), reached=4),
    "a long address": Frame(1, 2, "x" * (ADDRESS_BYTES_MAX + 1), 3),
    "a head below": Frame(1, 2, "", -1),
    "a sum beyond": Frame(1, 2, "", 3, scan_pull=ScanPull(0, (PRIME + 1, 0))),
    "a vector below": Frame(1, 2, "", 3, Pull((0, 0, 0), {1: -1})),
    "a row of a scan": Frame(
        1, 2, "", 3, scan=ScanBody(1, last=True, equal=False, rows=Rows([], [], [ROW]))
    ),
}


@pytest.mark.parametrize("frame", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_out_of_its_bounds_is_refused(frame: Frame) -> None:
    with pytest.raises(InvalidFrame):
        decode(encode(frame))


def test_the_greatest_of_everything_is_taken() -> None:
    rows = Rows(
        [b"s" * SET_NAME_BYTES_MAX],
        [COUNT_MAX],
        [(0, b"e" * ELEMENT_BYTES_MAX, STAMP_MAX, 0, COUNT_MAX)],
    )
    assert decode(encode(page_frame(rows, reached=3))).page is not None


def test_how_far_a_run_went_is_read_from_wishes_vectors_and_entries() -> None:
    rows = pack_entries((Entry(b"s", b"e", 2, 7, 4), Entry(b"s", b"f", 2, 8, 9)))
    page = PageBody(4, (0, 0, 0), 1, from_start=True, rows=rows, seen={7: 3})
    scan = ScanBody(1, last=True, equal=False, rows=rows)
    assert furthest(Frame(1, 2, "", 3, Pull((0, 0, 0), {7: 5, 8: 6})), 7) == 5
    assert furthest(Frame(1, 2, "", 3, page=page), 7) == 4
    assert furthest(Frame(1, 2, "", 3, page=msgspec.structs.replace(page, seen={7: 6})), 7) == 6
    assert furthest(Frame(1, 2, "", 3, scan=scan), 7) == 4
    assert furthest(Frame(1, 2, "", 3, page=page, scan=scan), 1) == 0
    assert furthest(Frame(1, 7, "", 3), 7) == 0


def test_a_set_name_with_a_slash_is_refused() -> None:
    page = PageBody(
        7, (0, 0, 0), 1, from_start=True, rows=Rows([b"a/b"], [8], [(0, b"e", 2, 0, 1)])
    )
    with pytest.raises(InvalidFrame, match="'/'"):
        decode(encode(Frame(1, 8, "a:1", 1, page=page)))
