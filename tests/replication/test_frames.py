"""What nodes say, as bytes: pinned, whole or refused."""

import msgspec
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from lastword.errors import InvalidFrame, UnknownProtocol
from lastword.limits import (
    ADDRESS_BYTES_MAX,
    CLAIMS_MAX,
    ELEMENT_BYTES_MAX,
    FRAME_BYTES_MAX,
    SET_NAME_BYTES_MAX,
    STAMP_MAX,
)
from lastword.replication import frames
from lastword.replication.claims import (
    DIRECTORY,
    Children,
    Claim,
    Claims,
    Listing,
    Range,
    Want,
    in_order,
)
from lastword.replication.comparison import Reply, Step
from lastword.replication.entries import Cursor, Entry, Page
from lastword.replication.frames import (
    COMPRESSED,
    Compare,
    Compared,
    FenceBody,
    Frame,
    Log,
    PageBody,
    Pull,
    Rows,
    VouchedBody,
    compare_body,
    compared_body,
    decode,
    encode,
    furthest,
    pack_entries,
    page_body,
    page_of,
    reply_of,
    step_of,
    unpack_entries,
    version_of,
)

COUNT_MAX = 2**63 - 1
ENTRY = Entry(b"s", b"e", 21, 8, 9)

LOG = Log(3, 44)
SET = 0xFEDC_BA98_7654_3210
FRAMES = {
    "greeting": Frame(1, 2, "a:1", LOG),
    "pull": Frame(
        1_700_000_000_000_000,
        COUNT_MAX,
        "[::1]:3000",
        Log(7, COUNT_MAX),
        pull=Pull((5, 6, 7), 45, {8: 9, 1 << 40: 1}),
    ),
    "pull by a hash": Frame(1, 2, "a:1", LOG, pull=Pull((5, 6, 7), 45, {}, False)),
    "last page": Frame(
        1,
        2,
        "a:1",
        LOG,
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
                    (
                        0,
                        b"",
                        20,
                        0,
                        10,
                    ),
                    (1, b"e", STAMP_MAX, 1, 3),
                ],
            ),
            seen=VouchedBody(45, {8: 9}),
        ),
    ),
    "page with more behind it": Frame(
        1,
        2,
        "a:1",
        Log(30, 44),
        page=PageBody(4, (0, 0, 0), 3, from_start=False, rows=pack_entries((ENTRY,))),
    ),
    "page that asks": Frame(
        1,
        2,
        "a:1",
        LOG,
        page=PageBody(4, (0, 0, 0), 0, from_start=False, rows=Rows(), ask=[5, 6]),
    ),
    "a pass begun": Frame(1, 2, "a:1", LOG, compare=Compare(1, 45, 46)),
    "a step": Frame(
        1,
        2,
        compare=compare_body(
            Step(
                2,
                45,
                None,
                b"12345678e",
                [
                    Children(DIRECTORY, 1, b"\x01\x02\x03\x04"),
                    Children(Range(SET, 9, 1), 0, b"\x05\x06"),
                    Children(Range(SET, 9, 300), 0, b"\x07\x08"),
                    Listing(Range(SET)),
                    Want(Range(SET, 1, 1), b"\x09\x0a\x0b\x0c"),
                ],
                [ENTRY],
            )
        ),
    ),
    "the answer to it": Frame(
        1,
        2,
        compared=compared_body(
            Reply(2, True, 1, b"12345678", [Listing(DIRECTORY, b"12345678ab")], [ENTRY], [ENTRY])
        ),
    ),
    "a fence of nothing": Frame(1, 2, "a:1", LOG, fence=FenceBody()),
    "a fence": Frame(
        1,
        2,
        "a:1",
        LOG,
        fence=FenceBody(47, 48, False, VouchedBody(49, {8: 9}), True, True, 50),
    ),
    "pull of a copy": Frame(
        1, 2, "", Log(0, 0), pull=Pull((0, 0, 0), is_copy=True), fence=FenceBody(known=47)
    ),
    "first page of a copy": Frame(
        1,
        2,
        "a:1",
        LOG,
        page=PageBody(
            4,
            (0, 0, 0),
            3,
            from_start=True,
            rows=pack_entries((ENTRY,)),
            seen=VouchedBody(0, {8: 9}),
            start={8: 9},
            times=[7],
        ),
        fence=FenceBody(47, 0, True, VouchedBody(0, {8: 5}), True, True, 50),
    ),
}

BYTES = {
    "greeting": "03940102a3613a3192032c",
    "pull": (
        "0395cf00060a24181e4000cf7fffffffffffffffaa5b3a3a315d3a333030309207cf7fff"
        "ffffffffffff95930506072d820809cf000001000000000001c3c2"
    ),
    "pull by a hash": "03950102a3613a3192032c95930506072d80c2c2",
    "last page": (
        "03960102a3613a3192032cc099049305060703c39392c40173c40174920802939500c402"
        "00ff1500099500c40014000a9501c40165cf3fffffffffffffff0103922d810809c0c0c0"
    ),
    "page with more behind it": (
        "03960102a3613a31921e2cc099049300000003c29391c401739108919500c40165150009c0c0c0c0"
    ),
    "page that asks": "03960102a3613a3192032cc099049300000000c293909090c0920506c0c0",
    "a pass begun": "03970102a3613a3192032cc0c097012d2ec090c0c0",
    "a step": (
        "03970102a0c0c0c097022dc0c409313233343536373865949700c00001c40100c400c404"
        "010203049700cffedcba98765432100900c40301ab02c400c404050607089701cffedcba"
        "98765432100000c40100c40100c4009702cffedcba98765432100100c40101c40102c404"
        "090a0b0c9391c401739108919500c40165150009c0"
    ),
    "the answer to it": (
        "03980102a0c0c0c0c09702c301c4083132333435363738919701c00000c40100c40101c4"
        "0a313233343536373861629391c401739108919500c401651500099391c4017391089195"
        "00c40165150009"
    ),
    "a fence of nothing": "039b0102a3613a3192032cc0c0c0c0c0c0970000c3c0c2c200",
    "a fence": "039b0102a3613a3192032cc0c0c0c0c0c0972f30c29231810809c3c332",
    "pull of a copy": "039b0102a092000095930000000080c3c3c0c0c0c0c097002fc3c0c2c200",
    "first page of a copy": (
        "039b0102a3613a3192032cc099049300000003c39391c401739108919500c40165150009"
        "9200810809c08108099107c0c0c0c0972f00c39200810805c3c332"
    ),
}


GOLDEN = {name: (frame, BYTES[name]) for name, frame in FRAMES.items()}

COUNTS = st.integers(0, COUNT_MAX)
CURSORS = st.builds(Cursor, COUNTS, COUNTS, COUNTS)
VECTORS = st.dictionaries(COUNTS, COUNTS, max_size=4)
ENTRIES = st.lists(
    st.builds(
        Entry,
        st.text(st.characters(exclude_characters="/", codec="utf-8"), min_size=1, max_size=6).map(
            str.encode
        ),
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
RANGES = st.builds(
    lambda at, bits, prefix: Range(at, bits, prefix % (1 << bits)),
    st.none() | st.integers(0, 2**64 - 1),
    st.integers(0, 58),
    st.integers(0, 2**64),
)


def _claims_about(at: Range) -> st.SearchStrategy[Claim]:
    width = 10 if at.set_position is None else 2
    listed = st.integers(0, 5).flatmap(lambda n: st.binary(min_size=width * n, max_size=width * n))
    wanted = st.integers(0, 5).flatmap(lambda n: st.binary(min_size=2 * n, max_size=2 * n))
    children = st.integers(0, 6).flatmap(
        lambda step: st.builds(
            Children,
            st.just(at),
            st.just(step),
            st.binary(min_size=2 << step, max_size=2 << step),
        )
    )
    return (
        children | st.builds(Listing, st.just(at), listed) | st.builds(Want, st.just(at), wanted)
    )


CLAIMS = st.lists(RANGES.flatmap(_claims_about), max_size=8).map(in_order)
KEYS = st.none() | st.binary(max_size=20)
FEW = ENTRIES.map(list)
STEPS = st.builds(Step, COUNTS, COUNTS, st.none() | COUNTS, KEYS, CLAIMS, FEW, FEW)
REPLIES = st.builds(Reply, COUNTS, st.booleans(), COUNTS, KEYS, CLAIMS, FEW, FEW)
FENCES = st.builds(
    FenceBody,
    COUNTS,
    COUNTS,
    st.booleans(),
    st.none() | st.builds(VouchedBody, COUNTS, VECTORS),
    st.booleans(),
    st.booleans(),
    COUNTS,
)


@pytest.mark.parametrize(("frame", "golden"), GOLDEN.values(), ids=GOLDEN.keys())
def test_a_frame_is_the_published_bytes(frame: Frame, golden: str) -> None:
    assert encode(frame).hex() == golden
    assert decode(bytes.fromhex(golden)) == frame


@given(PAGES, st.text(max_size=60), COUNTS, COUNTS)
def test_a_page_survives_its_way(page: Page, address: str, wall_us: int, base: int) -> None:
    frame = Frame(wall_us, page.run, address, Log(page.head, 1), page=page_body(page, base))
    arrived = decode(encode(frame))
    assert arrived == frame
    assert arrived.page is not None
    assert page_of(arrived, arrived.page) == page


@given(STEPS, REPLIES)
def test_steps_of_a_comparison_survive_their_way(step: Step, reply: Reply) -> None:
    arrived = decode(
        encode(Frame(1, 2, compare=compare_body(step), compared=compared_body(reply)))
    )
    assert arrived.compare is not None
    assert step_of(arrived.compare) == step
    assert arrived.compared is not None
    assert reply_of(arrived.compared) == reply


@given(CURSORS, COUNTS, VECTORS, st.booleans(), st.booleans())
def test_wishes_survive_their_way(
    cursor: Cursor, taken: int, seen: dict[int, int], is_enough: bool, is_copy: bool
) -> None:
    wish = Frame(1, 2, "", LOG, Pull(cursor, taken, seen, is_enough, is_copy))
    assert decode(encode(wish)) == wish


@given(FENCES)
def test_what_is_said_of_collection_survives_its_way(fence: FenceBody) -> None:
    frame = Frame(1, 2, "", LOG, fence=fence)
    assert decode(encode(frame)) == frame


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
    decoded(b"\x03" + tail)


@given(st.recursive(st.none() | st.integers() | st.binary() | st.text(), st.lists, max_leaves=20))
def test_any_msgpack_is_a_frame_or_refused(value: object) -> None:
    try:
        data = msgspec.msgpack.encode(value)
    except OverflowError:
        return
    decoded(b"\x03" + data)


def test_what_follows_a_frame_is_refused() -> None:
    for _, golden in GOLDEN.values():
        assert decoded(bytes.fromhex(golden) + b"\xc0") is None


def test_a_nest_of_a_million_arrays_is_refused() -> None:
    assert decoded(b"\x03" + b"\x91" * 1_000_000) is None


def test_no_bytes_are_refused() -> None:
    with pytest.raises(InvalidFrame):
        decode(b"")


@pytest.mark.parametrize("version", [0, 1, 4, 127])
@pytest.mark.parametrize("flag", [0, COMPRESSED])
def test_another_version_is_refused_by_name(version: int, flag: int) -> None:
    data = bytes([version | flag]) + encode(Frame(1, 2, "", LOG))[1:]
    with pytest.raises(UnknownProtocol, match=f"version {version} is not .*, only 2 to 3"):
        version_of(data)


def test_a_frame_over_the_limit_is_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    assert FRAME_BYTES_MAX == 64 << 20
    data = encode(Frame(1, 2, "", LOG))
    monkeypatch.setattr(frames, "FRAME_BYTES_MAX", len(data) - 1)
    with pytest.raises(InvalidFrame, match="a frame has 1 to"):
        version_of(data)


def test_a_large_frame_is_compressed_and_survives_it() -> None:
    rows = pack_entries(Entry(b"s", b"element %d" % index, 20, 8, 9) for index in range(1_000))
    frame = page_frame(rows)
    data = encode(frame)
    assert data[0] == 3 | COMPRESSED
    assert len(data) < len(msgspec.msgpack.encode(frame)) / 2
    assert decode(data) == frame


def compressed(body: bytes) -> bytes:
    return bytes([3 | COMPRESSED]) + zstandard.ZstdCompressor().compress(body)


def test_what_is_compressed_is_checked_like_all_else() -> None:
    body = encode(Frame(1, 2, "", LOG))[1:]
    assert decode(compressed(body)) == Frame(1, 2, "", LOG)
    for data in (compressed(body[:-1]), compressed(body) + b"x", compressed(body)[:-1], b"\x83"):
        with pytest.raises(InvalidFrame):
            decode(data)


def test_a_bomb_is_refused_before_it_is_blown_up() -> None:
    with pytest.raises(InvalidFrame, match="at most"):
        decode(compressed(bytes(FRAME_BYTES_MAX + 1)))
    unsized = zstandard.ZstdCompressor(write_content_size=False).compress(b"x")
    with pytest.raises(InvalidFrame, match="says its size"):
        decode(bytes([3 | COMPRESSED]) + unsized)


def page_frame(rows: Rows, *, reached: int = 1) -> Frame:
    return Frame(1, 2, "", LOG, page=PageBody(4, (0, 0, 0), reached, from_start=True, rows=rows))


def claims_frame(*claims: Claims) -> Frame:
    return Frame(1, 2, compare=Compare(1, 2, claims=list(claims)))


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
    "a long address": Frame(1, 2, "x" * (ADDRESS_BYTES_MAX + 1), LOG),
    "a head below": Frame(1, 2, "", Log(-1, 0)),
    "a hash beyond": Frame(1, 2, "", Log(1, COUNT_MAX + 1)),
    "a collected hash beyond": Frame(1, 2, "", LOG, fence=FenceBody(COUNT_MAX + 1)),
    "a collected vector below": Frame(
        1, 2, "", LOG, fence=FenceBody(told=VouchedBody(0, {1: -1}))
    ),
    "a collected time below": Frame(1, 2, "", LOG, fence=FenceBody(collected_time=-1)),
    "a start below": Frame(
        1, 2, "", LOG, page=PageBody(4, (0, 0, 0), 1, True, Rows(), start={1: -1})
    ),
    "a time of a set below": Frame(
        1, 2, "", LOG, page=PageBody(4, (0, 0, 0), 1, True, Rows(), times=[-1])
    ),
    "a row that was collected": Frame(1, 2, compared=Compared(1, collected=Rows([], [], [ROW]))),
    "a vector below": Frame(1, 2, "", LOG, Pull((0, 0, 0), 0, {1: -1})),
    "a page without a log": Frame(
        1, 2, page=PageBody(4, (0, 0, 0), 0, from_start=True, rows=Rows())
    ),
    "a row of a step": Frame(1, 2, compare=Compare(1, 2, rows=Rows([], [], [ROW]))),
    "a row of an answer": Frame(1, 2, compared=Compared(1, rows=Rows([], [], [ROW]))),
    "a key too long": Frame(1, 2, compare=Compare(1, 2, after=bytes(ELEMENT_BYTES_MAX + 9))),
    "a claim of no kind": claims_frame(Claims(3, None, 0, 0, b"\0", b"", b"ab")),
    "a step too far": claims_frame(Claims(0, None, 0, 7, b"\0", b"", bytes(256))),
    "more bits than there are": claims_frame(Claims(0, None, 65, 0, b"\0", b"", b"ab")),
}

MISMATCHED = {
    "an item too few": Claims(0, 1, 0, 1, b"\0", b"", b"ab"),
    "an item too many": Claims(2, 1, 0, 0, b"\0", b"\1", b"abcd"),
    "a count too few": Claims(1, 1, 1, 0, b"\0\1", b"\0", b""),
    "a prefix beyond": Claims(1, 1, 1, 0, b"\2", b"\0", b""),
    "prefixes beyond": Claims(1, 1, 1, 0, b"\1\1", b"\0\0", b""),
    "children of nothing": Claims(0, 1, 64, 1, b"\0", b"", b"abcd"),
    "a number cut short": Claims(1, 1, 1, 0, b"\x80", b"\0", b""),
    "a number too long": Claims(1, 1, 1, 0, b"\xff" * 11 + b"\0", b"\0", b""),
    "a number beyond 64 bits": Claims(1, 1, 64, 0, b"\xff" * 9 + b"\x7f", b"\0", b""),
    "too many claims": Claims(1, 1, 20, 0, bytes(CLAIMS_MAX + 1), bytes(CLAIMS_MAX + 1), b""),
}


@pytest.mark.parametrize("claims", MISMATCHED.values(), ids=MISMATCHED.keys())
def test_claims_that_do_not_fit_together_are_refused(claims: Claims) -> None:
    with pytest.raises(InvalidFrame):
        decode(encode(claims_frame(claims)))


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


def test_how_far_a_run_went_is_read_from_cursors_vectors_and_entries() -> None:
    rows = pack_entries((Entry(b"s", b"e", 2, 7, 4), Entry(b"s", b"f", 2, 8, 9)))
    page = PageBody(4, (0, 0, 0), 1, True, rows, VouchedBody(0, {7: 3}))
    further = PageBody(4, (0, 0, 0), 1, True, rows, VouchedBody(0, {7: 6}))
    assert furthest(Frame(1, 2, "", LOG, Pull((0, 0, 0), 0, {7: 5, 8: 6})), 7) == 5
    assert furthest(Frame(1, 2, "", LOG, Pull((7, 5, 6))), 7) == 6
    assert furthest(Frame(1, 2, "", LOG, page=page), 7) == 4
    assert furthest(Frame(1, 2, "", LOG, page=further), 7) == 6
    assert furthest(Frame(1, 2, compare=Compare(1, 2, rows=rows)), 7) == 4
    assert furthest(Frame(1, 2, compared=Compared(1, rows=rows)), 7) == 4
    assert furthest(Frame(1, 2, "", LOG, page=page), 1) == 0
    assert furthest(Frame(1, 7, "", LOG), 7) == 0


@pytest.mark.parametrize(("name", "why"), [(b"a/b", "'/'"), (b"\xfe", "UTF-8")])
def test_a_set_name_that_none_may_have_is_refused(name: bytes, why: str) -> None:
    page = PageBody(7, (0, 0, 0), 1, from_start=True, rows=Rows([name], [8], [(0, b"e", 2, 0, 1)]))
    with pytest.raises(InvalidFrame, match=why):
        decode(encode(Frame(1, 8, "a:1", LOG, page=page)))
