"""Bundles: states of many sets in one file, to be merged into a node.

docs/BUNDLES.md has the format.

NDJSON: a line that says what it is, a line for each slice of a set, a line of counts. It promises
that what was read to its end is whole: one that is cut short, that something follows, or whose
counts are not those of its lines is refused. Lines come from anywhere and go anywhere; writer and
reader hold one slice at a time.
"""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple, Protocol, TypeVar

import msgspec

from lastword.crdt.wire import (
    MESSAGE_CHARS_MAX,
    Entries,
    JsonState,
    check_state_once,
    json_maps,
    stamps_of,
)
from lastword.errors import InvalidBundle, InvalidRequest, LastwordError, NewerFormat
from lastword.limits import MERGE_SLICE_ELEMENTS, SET_NAME_BYTES_MAX

T = TypeVar("T")

FORMAT: Final = "lastword-bundle"
VERSION: Final = 1

SLICE_BYTES: Final = 256 << 10
"""A slice is full with so many bytes of elements, or with what a node merges at once."""

LINE_BYTES_MAX: Final = 4 << 20
"""A full slice and one element of 64 KiB more, where JSON writes six bytes for one: 2 MiB."""


class Header(msgspec.Struct):
    """The first line. `node` is who wrote it, `time` when, in microseconds since 1970."""

    format: str
    version: int
    node: str
    time: int


class Counts(msgspec.Struct):
    """What a bundle holds. A set counts anew where its slices are apart."""

    sets: int = 0
    slices: int = 0
    elements: int = 0


class Slice(NamedTuple):
    """Part of a set's state: the stamps of some of its elements."""

    set_name: str
    stamps: dict[bytes, int]


class _Format(msgspec.Struct):
    format: str
    version: int


class _SliceLine(JsonState, frozen=True, kw_only=True, rename="camel"):
    set_name: str = msgspec.field(name="set")


class _End(msgspec.Struct, forbid_unknown_fields=True):
    end: Counts


_format: Final = msgspec.json.Decoder(_Format)
_header: Final = msgspec.json.Decoder(Header)
_slice: Final = msgspec.json.Decoder(_SliceLine)
_end: Final = msgspec.json.Decoder(_End)
_END_BEGINS: Final = b'{"end":'


class Readable(Protocol):
    """A file that is open for reading bytes."""

    def readline(self, size: int, /) -> bytes:
        """Return the next line, or `size` bytes of it; nothing at the end."""


def bundle_lines(file: Readable) -> Iterator[bytes]:
    """Yield the lines of a file; raise InvalidBundle for one that is over LINE_BYTES_MAX."""
    while line := file.readline(LINE_BYTES_MAX + 1):
        if len(line) > LINE_BYTES_MAX:
            raise InvalidBundle(f"a line has more than {LINE_BYTES_MAX} bytes")
        yield line


class BundleWriter:
    """Makes the lines of a bundle out of entries, set by set."""

    def __init__(self) -> None:
        self.counts = Counts()
        self._set_name: str | None = None
        self._waiting: list[tuple[bytes, int]] = []
        self._size = 0

    @staticmethod
    def begin(node: str, time: int) -> bytes:
        """Return the first line."""
        return _line(Header(FORMAT, VERSION, node, time))

    def put(self, set_name: str, entries: Entries) -> Iterator[bytes]:
        """Take entries of a set; yield the lines that are full by now."""
        if set_name != self._set_name:
            yield from self._flush()
            self._set_name = set_name
            self.counts.sets += 1
        for element, stamp in entries:
            self._waiting.append((element, stamp))
            self._size += len(element)
            if len(self._waiting) >= MERGE_SLICE_ELEMENTS or self._size >= SLICE_BYTES:
                yield from self._flush()

    def end(self) -> Iterator[bytes]:
        """Yield what is still to come, and the last line."""
        yield from self._flush()
        yield _line(_End(self.counts))

    def _flush(self) -> Iterator[bytes]:
        if self._waiting:
            self.counts.slices += 1
            self.counts.elements += len(self._waiting)
            yield _line({"set": self._set_name, **json_maps(self._waiting)})
            self._waiting, self._size = [], 0


class BundleReader:
    """Reads the slices of a bundle out of its lines, once.

    Raises InvalidBundle for what is none or is not whole, and NewerFormat.
    """

    def __init__(self, lines: Iterable[bytes]) -> None:
        self._lines = iter(lines)
        self.counts = Counts()
        self.header = self._read_header()

    def __iter__(self) -> Iterator[Slice]:
        """Yield the slices; that the bundle is whole is known at the end only."""
        last = None
        for number, line in enumerate(self._lines, 2):
            if line.startswith(_END_BEGINS):
                return self._check_end(number, line)
            found = _read_slice(number, line)
            self.counts.sets += found.set_name != last
            self.counts.slices += 1
            self.counts.elements += len(found.stamps)
            last = found.set_name
            yield found
        raise InvalidBundle(f"it is cut short after {self.counts.slices} slices: no counts follow")

    def _read_header(self) -> Header:
        line = next(self._lines, b"")
        try:
            said = _format.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            said = None
        if said is None or said.format != FORMAT:
            raise InvalidBundle("its first line does not say that it is a bundle")
        if said.version > VERSION:
            raise NewerFormat(f"the bundle is of version {said.version}, this reads {VERSION}")
        return _decoded(_header, 1, line)

    def _check_end(self, number: int, line: bytes) -> None:
        said = _decoded(_end, number, line).end
        if said != self.counts:
            raise InvalidBundle(f"its last line counts {said}, its lines are {self.counts}")
        if not line.endswith(b"\n") or next(self._lines, None) is not None:
            raise InvalidBundle(f"line {number} should be its last, with its line end")


def _read_slice(number: int, line: bytes) -> Slice:
    read = _decoded(_slice, number, line)
    try:
        name = read.set_name.encode()
        if not 1 <= len(name) <= SET_NAME_BYTES_MAX or b"/" in name:
            raise InvalidRequest("no set has that name")
        check_state_once(line, read, others=1)
        stamps = stamps_of(read)
        if not stamps:
            raise InvalidRequest("the slice is empty")
    except (LastwordError, UnicodeEncodeError) as error:
        raise InvalidBundle(f"line {number}: {error}") from error
    return Slice(read.set_name, stamps)


def _decoded(decoder: msgspec.json.Decoder[T], number: int, line: bytes) -> T:
    try:
        return decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        reason = str(error)[:MESSAGE_CHARS_MAX]
        raise InvalidBundle(f"line {number} is cut short or none of a bundle: {reason}") from error


def _line(value: object) -> bytes:
    return msgspec.json.encode(value) + b"\n"
