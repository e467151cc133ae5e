"""The wire forms of a state: round trips over everything, and nothing else accepted."""

import json
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastword.crdt import wire
from lastword.crdt.stamp import pack
from lastword.errors import InvalidElement, InvalidRequest, InvalidTime
from lastword.limits import ELEMENT_BYTES_MAX, STAMP_MAX, TIME_MAX

STAMPS = st.integers(0, STAMP_MAX)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
ELEMENTS = st.binary() | TEXTS.map(str.encode)

SAMPLE = {"é".encode(): pack(3, removed=False), b"\xff": pack(5, removed=True), b"": 2}


@given(st.dictionaries(ELEMENTS, STAMPS))
def test_json_gives_back_every_element_and_stamp(stamps: dict[bytes, int]) -> None:
    assert wire.decode_json(wire.encode_json(stamps.items())) == stamps


@given(st.dictionaries(ELEMENTS, STAMPS))
def test_msgpack_gives_back_every_element_and_stamp(stamps: dict[bytes, int]) -> None:
    assert wire.decode_msgpack(wire.encode_msgpack(stamps.items())) == stamps


@given(st.dictionaries(TEXTS | st.binary(), STAMPS))
def test_msgpack_tells_text_from_bytes(stamps: dict[str | bytes, int]) -> None:
    assert wire.decode_msgpack_keys(wire.encode_msgpack(stamps.items())) == stamps


@given(st.dictionaries(TEXTS, STAMPS))
def test_any_json_reader_sees_text_as_text_and_times_as_numbers(stamps: dict[str, int]) -> None:
    entries = [(key.encode(), stamp) for key, stamp in stamps.items()]
    assert json.loads(wire.encode_json(entries)) == {
        "lwwAdded": {key: stamp >> 1 for key, stamp in stamps.items() if not stamp & 1},
        "lwwRemoved": {key: stamp >> 1 for key, stamp in stamps.items() if stamp & 1},
    }


def test_json_is_exactly_this() -> None:
    assert wire.encode_json(SAMPLE.items()) == (
        '{"lwwAdded":{"é":3,"":1},"lwwRemoved":{},"lwwRemovedBase64":{"/w==":5}}'.encode()
    )


def test_msgpack_is_exactly_this() -> None:
    assert wire.encode_msgpack([("é", 6), (b"\xff", 11)]) == (
        b"\x82\xa8lwwAdded\x81\xa2\xc3\xa9\x03\xaalwwRemoved\x81\xc4\x01\xff\x05"
    )


def test_an_empty_state_has_both_maps_and_a_missing_map_is_empty() -> None:
    assert wire.encode_json([]) == b'{"lwwAdded":{},"lwwRemoved":{}}'
    assert wire.decode_json(b" {} ") == wire.decode_msgpack(b"\x80") == {}


@pytest.mark.parametrize(
    ("added", "removed", "stamp"),
    [(4, 5, pack(5, removed=True)), (5, 5, pack(5, removed=True)), (6, 5, pack(6, removed=False))],
)
def test_an_element_in_both_maps_has_its_greatest_stamp(
    added: int, removed: int, stamp: int
) -> None:
    state = {"lwwAdded": {"a": added}, "lwwRemoved": {"a": removed}}
    assert wire.decode_json(msgspec.json.encode(state)) == {b"a": stamp}
    assert wire.decode_msgpack(msgspec.msgpack.encode(state)) == {b"a": stamp}


def test_one_element_under_two_spellings_has_its_greatest_stamp() -> None:
    assert wire.decode_json(b'{"lwwAddedBase64": {"YQ==": 7}, "lwwAdded": {"a": 6}}') == {b"a": 14}
    twice = msgspec.msgpack.encode({"lwwAdded": {"a": 6, b"a": 7}})
    assert wire.decode_msgpack(twice) == {b"a": 14}
    assert wire.decode_msgpack_keys(twice) == {"a": 12, b"a": 14}


@pytest.mark.parametrize("form", ["json", "msgpack"])
def test_every_truncation_is_refused(form: str) -> None:
    encode, decode = {
        "json": (wire.encode_json, wire.decode_json),
        "msgpack": (wire.encode_msgpack, wire.decode_msgpack),
    }[form]
    whole = encode(SAMPLE.items())
    assert decode(whole) == SAMPLE
    for length in range(len(whole)):
        with pytest.raises(InvalidRequest):
            decode(whole[:length])


@given(st.binary(max_size=60))
def test_arbitrary_bytes_are_read_or_refused_and_nothing_else(data: bytes) -> None:
    for decode in (wire.decode_json, wire.decode_msgpack):
        with suppress(InvalidRequest, InvalidTime, InvalidElement):
            assert all(0 <= stamp <= STAMP_MAX for stamp in decode(data).values())


def test_a_state_with_any_one_byte_changed_is_read_or_refused() -> None:
    decoders: list[tuple[bytes, Callable[[bytes], dict[bytes, int]]]] = [
        (wire.encode_json(SAMPLE.items()), wire.decode_json),
        (wire.encode_msgpack(SAMPLE.items()), wire.decode_msgpack),
    ]
    for whole, decode in decoders:
        for at in range(len(whole)):
            for byte in range(256):
                data = whole[:at] + bytes([byte]) + whole[at + 1 :]
                with suppress(InvalidRequest, InvalidTime, InvalidElement):
                    assert all(0 <= stamp <= STAMP_MAX for stamp in decode(data).values())


def json_key(key: bytes) -> bytes:
    return b'{"lwwAdded": {"' + key + b'": 1}}'


def json_time(time: bytes) -> bytes:
    return b'{"lwwAdded": {"a": ' + time + b"}}"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" ",
        b"null",
        b"[]",
        b"5",
        b'"lwwAdded"',
        b"{} {}",
        b"{}x",
        b'{"lwwAdded": {},}',
        b"{'lwwAdded': {}}",
        b'{"lwwAdded": {}} // no',
        b"\xef\xbb\xbf{}",
        '{"lwwAdded": {}}'.encode("utf-16"),
        b'{"lwwAdded": null}',
        b'{"lwwAdded": []}',
        b'{"lwwAdded": 5}',
        b'{"added": {}}',
        b'{"lww_added": {}}',
        b'{"' + b"x" * 1_000_000 + b'": 1}',
        b'{"' + b"x" * 1_000_000 + b'[...]": 1}',
        b'{"\xff": {}}',
        b"[" * 1_000_000,
        b'{"x": ' * 500_000,
        b'{"x": ' + b"[" * 1_000_000,
        json_time(b"NaN"),
        json_time(b"Infinity"),
        json_time(b"-Infinity"),
        json_time(b"01"),
        json_time(b"+1"),
        json_time(b"1_0"),
        json_time(b"0x1"),
        json_time(b""),
        json_key(b"\xff"),
        json_key(b"\xc0\xaf"),
        json_key(b"\xed\xa0\x80"),
        json_key(b"\xf4\x90\x80\x80"),
        json_key(rb"\ud800"),
        json_key(rb"\udfff"),
        json_key(rb"\ud800a"),
        json_key(rb"\ud800\u0041"),
        json_key(rb"\ud800\ud800"),
        json_key(rb"\x41"),
        json_key(b"\n"),
        b'{"lwwAddedBase64": {"YQ": 1}}',
        b'{"lwwAddedBase64": {"YQ===": 1}}',
        b'{"lwwAddedBase64": {"YR==": 1}}',
        b'{"lwwAddedBase64": {"Y Q==": 1}}',
        b'{"lwwAddedBase64": {"_w==": 1}}',
        b'{"lwwAddedBase64": {"YQ==YQ==": 1}}',
        '{"lwwRemovedBase64": {"é": 1}}'.encode(),
    ],
    ids=lambda data: data[:30].decode("latin-1"),
)
def test_json_of_another_shape_is_an_invalid_request_in_few_words(data: bytes) -> None:
    with pytest.raises(InvalidRequest) as refused:
        wire.decode_json(data)
    assert 0 < len(str(refused.value)) < 200


@pytest.mark.parametrize(
    "time",
    [
        b"-1",
        b"1.5",
        b"1.0",
        b"1e3",
        b"1E400",
        b"true",
        b"null",
        b'"5"',
        b"{}",
        b"[1]",
        b"[" * 1_000_000,
        b'{"a": ' * 500_000,
        b"%d" % (TIME_MAX + 1),
        b"%d" % 2**63,
        b"%d" % 2**64,
        b"9" * 5_000,
        b"-" + b"9" * 5_000,
        b"9" * 5_000 + b".5",
    ],
    ids=lambda time: time[:20].decode(),
)
def test_json_times_that_are_no_times_are_invalid_in_few_words(time: bytes) -> None:
    with pytest.raises(InvalidTime) as refused:
        wire.decode_json(json_time(time))
    assert 0 < len(str(refused.value)) < 200


def packed(key: bytes = b"\xa1a", time: bytes = b"\x01") -> bytes:
    return b"\x81\xa8lwwAdded\x81" + key + time


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc0",
        b"\xc1",
        b"\x90",
        b"\x05",
        b"\x80\x80",
        b"\x81\xa8lwwAdded\xc0",
        b"\x81\xa8lwwAdded\x90",
        b"\x81\xa5added\x80",
        b"\x81\xc4\x08lwwAdded\x80",
        b"\x81\x01\x80",
        b"\x91" * 1_000_000,
        b"\x81" * 1_000_000,
        b"\xdf\xff\xff\xff\xff",
        b"\x81\xa8lwwAdded\xdf\xff\xff\xff\xff\xa1a\x01",
        packed(key=b"\x01"),
        packed(key=b"\xc0"),
        packed(key=b"\xc3"),
        packed(key=b"\x91\x01"),
        packed(key=b"\x81\xa1a\x01"),
        packed(key=b"\x91" * 1_000_000),
        packed(key=b"\x81" * 1_000_000),
        packed(key=b"\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00"),
        packed(key=b"\xd6\xff\x00\x00\x00\x00"),
        packed(key=b"\xc7\x00\x01"),
        packed(key=b"\xa1\xff"),
        packed(key=b"\xa3\xed\xa0\x80"),
    ],
    ids=lambda data: data[:20].hex(),
)
def test_msgpack_of_another_shape_is_an_invalid_request_in_few_words(data: bytes) -> None:
    for decode in (wire.decode_msgpack, wire.decode_msgpack_keys):
        with pytest.raises(InvalidRequest) as refused:
            decode(data)
        assert 0 < len(str(refused.value)) < 200


@pytest.mark.parametrize(
    "time",
    [-1, -(2**63), TIME_MAX + 1, 2**64 - 1, 1.0, float("nan"), True, None, "5", b"5", [], {}],
    ids=repr,
)
def test_msgpack_times_that_are_no_times_are_invalid_in_few_words(time: object) -> None:
    with pytest.raises(InvalidTime) as refused:
        wire.decode_msgpack(packed(time=msgspec.msgpack.encode(time)))
    assert 0 < len(str(refused.value)) < 200


@pytest.mark.parametrize("name", ["lwwAdded", "lwwRemoved"])
def test_an_element_has_at_most_its_limit_in_every_form(name: str) -> None:
    longest, longer = "x" * ELEMENT_BYTES_MAX, "é" * (ELEMENT_BYTES_MAX // 2 + 1)
    for encode, decode in (
        (msgspec.json.encode, wire.decode_json),
        (msgspec.msgpack.encode, wire.decode_msgpack),
        (msgspec.msgpack.encode, wire.decode_msgpack_keys),
    ):
        assert len(decode(encode({name: {longest: 1}}))) == 1
        with pytest.raises(InvalidElement):
            decode(encode({name: {longer: 1}}))


@pytest.mark.parametrize("name", ["lwwAddedBase64", "lwwRemovedBase64"])
def test_the_limit_of_an_element_is_that_of_its_bytes_also_in_base64(name: str) -> None:
    longest, longer = (
        b64encode(b"\xff" * length).decode()
        for length in (ELEMENT_BYTES_MAX, ELEMENT_BYTES_MAX + 1)
    )
    assert len(wire.decode_json(msgspec.json.encode({name: {longest: 1}}))) == 1
    with pytest.raises(InvalidElement):
        wire.decode_json(msgspec.json.encode({name: {longer: 1}}))
