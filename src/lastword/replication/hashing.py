"""Where an element lies, and what it adds to its set's digest sums.

One keyed BLAKE2b call (RFC 7693) of 40 bytes over set and element gives the position `h` (8 bytes,
the order of elements in a set) and two lanes of a pair `(a, b)`. An entry counts
`a * stamp + b` modulo the prime 2^61 - 1 in each lane, so that a new stamp costs one
multiplication by the difference, and sums of equal sets are equal whatever the history.

No `a` or `b` ever leaves the node: with them, one could make two sets of equal sums.
"""

from functools import lru_cache
from hashlib import blake2b
from struct import Struct
from typing import NamedTuple

PRIME = (1 << 61) - 1
POSITION_BYTES = 8
POSITION_BITS = 64
DIGEST_KEY_DEFAULT = b"lastword digest key, published 1"

HASHERS_MAX = 1_024
"""Sets whose hashers are kept, at 400 bytes each: to begin one costs as much as to hash once."""

_LANES = Struct("<8s4Q").unpack
_new_place = tuple.__new__  # what a named tuple's own constructor calls, without its call


class Sums(NamedTuple):
    """The digest sums of a set of entries, one number below 2^61 - 1 in each lane."""

    first: int = 0
    second: int = 0

    def plus(self, other: "Sums") -> "Sums":
        """Return the sums of both sets of entries together."""
        return Sums((self.first + other.first) % PRIME, (self.second + other.second) % PRIME)

    def minus(self, other: "Sums") -> "Sums":
        """Return the sums without those of `other`."""
        return Sums((self.first - other.first) % PRIME, (self.second - other.second) % PRIME)


NO_SUMS = Sums()


class Place(NamedTuple):
    """Where an element lies in its set, and its factors in the digest sums."""

    key: bytes
    a_first: int
    b_first: int
    a_second: int
    b_second: int

    def change(self, old: int | None, new: int) -> Sums:
        """Return what the sums grow by when the element's stamp goes from `old` to `new`."""
        if old is None:
            return Sums(
                (self.a_first * new + self.b_first) % PRIME,
                (self.a_second * new + self.b_second) % PRIME,
            )
        step = new - old
        return Sums(self.a_first * step % PRIME, self.a_second * step % PRIME)


class Hasher:
    """Hashes the elements of one set: key and name, which all share, are hashed once."""

    __slots__ = ("_begun",)

    def __init__(self, set_name: bytes, digest_key: bytes) -> None:
        # A name has no '/', so that joining the two by one is unambiguous.
        self._begun = blake2b(set_name + b"/", digest_size=40, key=digest_key)

    def place(self, element: bytes) -> Place:
        """Return the place of `element`; its key is the position, big-endian, and the element."""
        hashed = self._begun.copy()
        hashed.update(element)
        position, a_first, b_first, a_second, b_second = _LANES(hashed.digest())
        return _new_place(
            Place,
            (
                position + element,
                a_first & PRIME,
                b_first & PRIME,
                a_second & PRIME,
                b_second & PRIME,
            ),
        )

    def key(self, element: bytes) -> bytes:
        """Return the key of `element`'s place alone."""
        hashed = self._begun.copy()
        hashed.update(element)
        return hashed.digest()[:POSITION_BYTES] + element


hasher = lru_cache(maxsize=HASHERS_MAX)(Hasher)
"""Return the hasher of a set, by its name and the digest key; those of the last sets are kept."""


def place(set_name: bytes, element: bytes, digest_key: bytes) -> Place:
    """Return the place of `element` in its set."""
    return hasher(set_name, digest_key).place(element)


def key_of(set_name: bytes, element: bytes, digest_key: bytes) -> bytes:
    """Return the key of `element`'s place alone."""
    return hasher(set_name, digest_key).key(element)


def set_position(set_name: bytes, digest_key: bytes) -> int:
    """Return where a set lies in the directory of sets, below 2^64."""
    return int.from_bytes(blake2b(set_name, digest_size=POSITION_BYTES, key=digest_key).digest())


def position_of(key: bytes) -> int:
    """Return the position that `key` begins with, below 2^64."""
    return int.from_bytes(key[:POSITION_BYTES])


def first_key(position: int) -> bytes | None:
    """Return what no key from `position` on is below; None above all positions."""
    return None if position >> POSITION_BITS else position.to_bytes(POSITION_BYTES)


def element_of(key: bytes) -> bytes:
    """Return the element that `key` was made of."""
    return key[POSITION_BYTES:]
