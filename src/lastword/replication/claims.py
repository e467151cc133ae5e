"""What two nodes say of their digests while they compare: claims about ranges, and their bytes.

docs/PROTOCOL.md, "The comparison", is the authority.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from struct import Struct as Layout
from typing import Annotated, NamedTuple

from msgspec import Meta, Struct

from lastword.errors import InvalidFrame
from lastword.limits import CLAIMS_MAX, COMPARE_BYTES_MAX
from lastword.replication.hashing import POSITION_BITS, first_key

STEP_MAX = 6
"""Bits that one claim goes further: 64 fingerprints, 128 bytes."""

ITEMS_BYTES_MAX = 2 * COMPARE_BYTES_MAX
"""Items of all claims of a frame: they count as bytes of a step, which goes over with its last
claim by some kilobytes."""

NUMBER_BYTES_MAX = 10
"""A number of 64 bits as LEB128."""

FINGERPRINT_BYTES = 2
SET_ITEM = Layout("<QH")
"""A set in a list of the directory: its position, its fingerprint."""


class Range(NamedTuple):
    """Positions that begin with `prefix`, `bits` bits long: of elements, or of sets.

    `set_position` names the set whose elements are meant; None is the directory of sets.
    """

    set_position: int | None
    bits: int = 0
    prefix: int = 0

    @property
    def low(self) -> int:
        """The least position in it."""
        return self.prefix << (POSITION_BITS - self.bits)

    @property
    def high(self) -> int:
        """The least position above it, up to 2^64."""
        return (self.prefix + 1) << (POSITION_BITS - self.bits)

    def child(self, step: int, index: int) -> "Range":
        """Return one of its `2^step` equal parts."""
        return Range(self.set_position, self.bits + step, self.prefix << step | index)

    def keys(self) -> tuple[bytes, bytes | None]:
        """Return the least key in it, and the least above it; None where there is none."""
        return first_key(self.low) or b"", first_key(self.high)


DIRECTORY = Range(None)


class Children(NamedTuple):
    """The parts of a range have these short fingerprints, 2 bytes each."""

    range: Range
    step: int
    items: bytes


class Listing(NamedTuple):
    """These items are held in a range, and no others."""

    range: Range
    items: bytes = b""


class Want(NamedTuple):
    """The items of a range that have these fingerprints are wanted."""

    range: Range
    items: bytes


Claim = Children | Listing | Want
KINDS: tuple[type[Claim], ...] = (Children, Listing, Want)


class Claims(Struct, array_like=True, frozen=True):
    """Claims of one kind about ranges of one length, on the wire."""

    kind: Annotated[int, Meta(ge=0, le=len(KINDS) - 1)]
    set_position: Annotated[int, Meta(ge=0)] | None
    bits: Annotated[int, Meta(ge=0, le=POSITION_BITS)]
    step: Annotated[int, Meta(ge=0, le=STEP_MAX)]
    prefixes: bytes
    counts: bytes
    items: bytes


def size_of(claim: Claim) -> int:
    """Return about how many bytes a claim takes on the wire."""
    return len(claim.items) + 4


def in_order(claims: Iterable[Claim]) -> list[Claim]:
    """Return claims in the order in which they travel."""
    return sorted(claims, key=lambda claim: (*_group(claim), claim.range.prefix))


def pack_claims(claims: Sequence[Claim]) -> list[Claims]:
    """Return claims, which are in order, as they stand in a frame."""
    packed = []
    for (kind, at, bits, step), grouped in groupby(claims, key=_group):
        group = list(grouped)
        prefixes, before = bytearray(), 0
        for claim in group:
            _put_number(prefixes, claim.range.prefix - before)
            before = claim.range.prefix
        counts = bytearray()
        if kind:
            for claim in group:
                _put_number(counts, len(claim.items) // _item_bytes(claim))
        set_position = None if at < 0 else at
        items = b"".join(claim.items for claim in group)
        packed.append(
            Claims(kind, set_position, bits, step, bytes(prefixes), bytes(counts), items)
        )
    return packed


def unpack_claims(packed: Sequence[Claims]) -> list[Claim]:
    """Return the claims of a frame, in their order; raise InvalidFrame where they are none."""
    claims: list[Claim] = []
    if sum(len(group.items) for group in packed) > ITEMS_BYTES_MAX:
        raise InvalidFrame(f"a frame has more than {ITEMS_BYTES_MAX} bytes of items")
    for group in packed:
        claims += _unpack_group(group, CLAIMS_MAX - len(claims))
    return claims


def _unpack_group(group: Claims, limit: int) -> Iterator[Claim]:
    distances = _numbers(group.prefixes)
    if len(distances) > limit:
        raise InvalidFrame(f"a frame has more than {CLAIMS_MAX} claims")
    width = _width(group.kind, group.set_position)
    if KINDS[group.kind] is Children:
        lengths = [width << group.step] * len(distances)
    else:
        lengths = [width * count for count in _numbers(group.counts)]
    if len(lengths) != len(distances) or sum(lengths) != len(group.items):
        raise InvalidFrame("claims and their items do not match")
    if group.bits + group.step > POSITION_BITS or sum(distances) >> group.bits:
        raise InvalidFrame("a claim is about a range that there is not")
    prefix = start = 0
    for distance, length in zip(distances, lengths, strict=True):
        prefix += distance
        at = Range(group.set_position, group.bits, prefix)
        items = group.items[start : start + length]
        start += length
        yield _claim(group, at, items)


def _claim(group: Claims, at: Range, items: bytes) -> Claim:
    if KINDS[group.kind] is Children:
        return Children(at, group.step, items)
    return Listing(at, items) if KINDS[group.kind] is Listing else Want(at, items)


def _group(claim: Claim) -> tuple[int, int, int, int]:
    at = claim.range
    step = claim.step if isinstance(claim, Children) else 0
    set_position = -1 if at.set_position is None else at.set_position
    return KINDS.index(type(claim)), set_position, at.bits, step


def _item_bytes(claim: Claim) -> int:
    return _width(KINDS.index(type(claim)), claim.range.set_position)


def _width(kind: int, set_position: int | None) -> int:
    is_list = KINDS[kind] is Listing
    return SET_ITEM.size if is_list and set_position is None else FINGERPRINT_BYTES


def _put_number(data: bytearray, number: int) -> None:
    """Append an unsigned LEB128."""
    while number > 0x7F:
        data.append(number & 0x7F | 0x80)
        number >>= 7
    data.append(number)


def _numbers(data: bytes) -> list[int]:
    """Return the unsigned LEB128 numbers below 2^64 that `data` consists of."""
    if len(data) > NUMBER_BYTES_MAX * CLAIMS_MAX:
        raise InvalidFrame(f"a frame has more than {CLAIMS_MAX} claims")
    numbers, number, shift = [], 0, 0
    for byte in data:
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            numbers.append(number)
            number = shift = 0
        elif shift > POSITION_BITS:
            raise InvalidFrame("a number is longer than 64 bits")
    if shift or any(number >> POSITION_BITS for number in numbers):
        raise InvalidFrame("a number is cut short or longer than 64 bits")
    return numbers
