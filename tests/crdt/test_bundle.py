"""Bundles: what is written is read back, and what is not whole is refused."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastword.crdt.bundle import (
    LINE_BYTES_MAX,
    BundleReader,
    BundleWriter,
    Counts,
    Slice,
    bundle_lines,
)
from lastword.errors import InvalidBundle, NewerFormat
from lastword.limits import ELEMENT_BYTES_MAX, MERGE_SLICE_ELEMENTS, STAMP_MAX


def is_name(text: str) -> bool:
    return "/" not in text


STATES = st.dictionaries(
    st.binary(max_size=9) | st.text(max_size=9).map(str.encode),
    st.integers(0, STAMP_MAX),
    min_size=1,
    max_size=9,
)
NAMES = st.text(min_size=1, max_size=60).filter(is_name)
SETS = st.dictionaries(NAMES, STATES, max_size=4)


def written(sets: dict[str, dict[bytes, int]]) -> list[bytes]:
    writer = BundleWriter()
    lines = [writer.begin("a:1", 7)]
    for name, stamps in sets.items():
        lines += writer.put(name, stamps.items())
    return [*lines, *writer.end()]


def read(data: bytes) -> list[Slice]:
    return list(BundleReader(bundle_lines(io.BytesIO(data))))


def merged(slices: list[Slice]) -> dict[str, dict[bytes, int]]:
    sets: dict[str, dict[bytes, int]] = {}
    for part in slices:
        sets.setdefault(part.set_name, {}).update(part.stamps)
    return sets


SAMPLE = {"s": {b"a": 2, b"\xff": 5}, "é": {b"": 3}}


@given(SETS)
def test_what_is_written_is_read(sets: dict[str, dict[bytes, int]]) -> None:
    reader = BundleReader(written(sets))
    assert merged(list(reader)) == sets
    assert (reader.header.node, reader.header.time, reader.header.version) == ("a:1", 7, 1)
    assert reader.counts.elements == sum(map(len, sets.values()))


def test_every_character_of_unicode_and_every_byte_comes_back() -> None:
    points = (*range(0xD800), *range(0xE000, 0x110000, 17))
    elements = [chr(point).encode() for point in points] + [bytes([at]) for at in range(256)]
    sets = {"s": dict.fromkeys(elements, 2)}
    assert merged(read(b"".join(written(sets)))) == sets


def test_slices_are_what_a_node_merges_at_once_and_lines_are_bounded() -> None:
    small = {b"%d" % number: 2 for number in range(2 * MERGE_SLICE_ELEMENTS + 1)}
    assert [len(part.stamps) for part in BundleReader(written({"s": small}))] == [1_000, 1_000, 1]
    large = {bytes(ELEMENT_BYTES_MAX - at): 2 for at in range(20)}
    lines = written({"s": large})
    assert max(map(len, lines)) < LINE_BYTES_MAX
    assert merged(read(b"".join(lines))) == {"s": large}


def test_whatever_is_cut_off_is_noticed() -> None:
    data = b"".join(written(SAMPLE))
    assert merged(read(data)) == SAMPLE
    for end in range(len(data)):
        with pytest.raises(InvalidBundle):
            read(data[:end])


def test_a_line_that_is_missing_or_stands_twice_or_follows_is_noticed() -> None:
    lines = written(SAMPLE)
    for wrong in (
        [lines[0], *lines[2:]],
        [*lines[:2], *lines[1:]],
        [*lines, lines[1]],
        [*lines, b"\n"],
        [lines[0], *lines],
    ):
        with pytest.raises(InvalidBundle):
            read(b"".join(wrong))


@pytest.mark.parametrize(
    "line",
    [
        *(b"", b"\n", b"{}\n", b"[]\n", b'{"set":"s"}\n', b'{"lwwAdded":{"a":1}}\n'),
        *(b'{"set":"s","lwwAdded":{"a":-1}}\n', b'{"set":"s","lwwAddedBase64":{"!":1}}\n'),
        *(b'{"set":"","lwwAdded":{"a":1}}\n', b'{"set":"a/b","lwwAdded":{"a":1}}\n'),
        *(b'{"set":"s","lwwAdded":{"a":1},"x":1}\n', b"[" * 100_000 + b"\n", b"\xff\n"),
        b'{"set":"s","lwwAdded":{"' + b"a" * (ELEMENT_BYTES_MAX + 1) + b'":1}}\n',
        b'{"set":"s","lwwAdded":{"a":1,"a":2}}\n',
        b'{"set":"t","set":"s","lwwAdded":{"a":1}}\n',
        b"a" * (LINE_BYTES_MAX + 1),
    ],
    ids=range(17),
)
def test_what_is_no_line_of_a_bundle_is_refused_in_few_words(line: bytes) -> None:
    end = b'{"end":{"sets":1,"slices":1,"elements":1}}\n'
    for data in (line + end, BundleWriter.begin("a:1", 7) + line + end):
        with pytest.raises(InvalidBundle) as caught:
            read(data)
        assert len(str(caught.value)) < 300


def test_a_newer_version_is_told_from_what_is_no_bundle() -> None:
    newer = b'{"format":"lastword-bundle","version":2,"what":[]}\n'
    with pytest.raises(NewerFormat, match="version 2"):
        read(newer)
    with pytest.raises(InvalidBundle):
        read(newer.replace(b"lastword-", b""))


def test_an_empty_bundle_is_one() -> None:
    reader = BundleReader(written({}))
    assert (list(reader), reader.counts) == ([], Counts())
