"""What is fuzzed: one decoder, what must hold of it, and messages to begin from."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Final, TypeVar
from zlib import crc32

from lastword.errors import LastwordError

T = TypeVar("T")

Examine = Callable[[bytes], None]
Change = Callable[[bytes, Random], bytes]

INPUT_BYTES_MAX: Final = 4_096
"""Of one input: room for every structure, and some thousand inputs a second."""

PIECES_MAX: Final = 8
BYTEWISE_MAX: Final = 200
TOLD_CHARS_MAX: Final = 1_000


@dataclass(frozen=True, slots=True)
class Target:
    """One decoder.

    `prepare` returns what examines one input: it raises AssertionError where something does not
    hold, and lets out whatever the decoder should not have raised. An input is examined the same
    way whatever came before it. `seeds` are real messages, `words` what such messages are made
    of, and `change` alters the structure of one where bytes alone would seldom stay whole.
    """

    name: str
    prepare: Callable[[], Examine]
    seeds: Callable[[], Iterable[bytes]]
    words: tuple[bytes, ...] = ()
    change: Change | None = None


def tried(decode: Callable[[], T], *refusals: type[LastwordError]) -> T | None:
    """Return what `decode` returns, None where it refuses by one of `refusals` in few words."""
    try:
        return decode()
    except refusals as error:
        told = str(error)
    assert len(told) < TOLD_CHARS_MAX, "a refusal grows with what it refuses"
    return None


def pieces(data: bytes) -> Iterator[bytes]:
    """Yield `data` in pieces, always the same ones for the same bytes."""
    rng = Random(crc32(data))
    cuts = sorted(rng.randrange(len(data) + 1) for _ in range(rng.randrange(PIECES_MAX)))
    for begin, end in zip((0, *cuts), (*cuts, len(data)), strict=True):
        yield data[begin:end]


def bytewise(data: bytes) -> Iterator[bytes]:
    """Yield `data` byte by byte, what is long from some hundred bytes on as one piece."""
    yield from (data[at : at + 1] for at in range(min(len(data), BYTEWISE_MAX)))
    if len(data) > BYTEWISE_MAX:
        yield data[BYTEWISE_MAX:]
