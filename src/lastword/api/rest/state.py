"""The whole state of a set, however large, in bounded memory.

One pass over the keys, a chunk at a time and at the client's pace, gives every element exactly one
state, though no snapshot is held between chunks: one that a slow client keeps open would keep the
file's log from being reset. What is read later may be newer, and whoever merges takes that.

A state has several maps and a pass meets them all at once. In JSON the first is sent as it is read
and the others wait in temporary files; msgpack says first how many there are of each, so there
both maps wait. The files have no names, and are gone with the answer or with the process.
"""

from collections import Counter
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import ExitStack, suppress
from tempfile import SpooledTemporaryFile
from typing import Any, Final

import msgspec

from lastword.api.door import one_address
from lastword.api.http.forms import Form
from lastword.api.http.messages import Response
from lastword.crdt.wire import encode_json, encode_msgpack, json_maps, msgpack_maps, text_or_bytes
from lastword.errors import Unavailable
from lastword.node.node import Node
from lastword.replication.hashing import element_of
from lastword.store.base import BaseStore

STREAMS_MAX: Final = 64
"""Large states on their way at once: each may need temporary files as large as its set."""

ADDRESS_STREAMS_MAX: Final = 48
"""Of these, those of one address: who reads as slowly as one may leaves some to others."""

CHUNK_ENTRIES: Final = 256
"""Entries read at once: of the longest elements they are 16 MiB."""

PART_BYTES: Final = 256 << 10
"""What is read, encoded and sent at once, about. Smaller files stay in memory."""

PART_ENTRIES: Final = 5_000
"""And in entries: some milliseconds."""

NOTHING_YET: Final = b""
"""Ends a step that has nothing to send, so that others get their turn and no snapshot lasts."""

Entries = list[tuple[bytes, int]]
Parts = Generator[bytes, None, None]


def whole_state(entries: Entries, form: Form) -> bytes:
    """Return a small state at once."""
    if form.is_msgpack:
        return encode_msgpack((text_or_bytes(element), stamp) for element, stamp in entries)
    return encode_json(entries)


async def nothing() -> AsyncIterator[bytes]:
    """Stand for a streamed state where only its head is asked for."""
    no_parts: tuple[bytes, ...] = ()
    for part in no_parts:
        yield part


class StateStreams:
    """Streams large states; no more than STREAMS_MAX at once, and ADDRESS_STREAMS_MAX to one."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self._to: Counter[str] = Counter()

    @property
    def running(self) -> int:
        """How many are on their way."""
        return self._to.total()

    def answer(
        self, client: str, set_name: bytes, form: Form, headers: tuple[tuple[bytes, bytes], ...]
    ) -> Response:
        """Return the answer with the state of a set; raise Unavailable for one too many."""
        client = one_address(client)
        if self.running >= STREAMS_MAX or (client and self._to[client] >= ADDRESS_STREAMS_MAX):
            raise Unavailable(
                f"{self.running} large states are being sent already, {self._to[client]} to you",
                hint="Try again, or read by pages: GET /<set>?members.",
            )
        entries = read_entries(self.node.store, set_name)
        parts = msgpack_parts(entries) if form.is_msgpack else json_parts(entries)
        return Response(200, _Stream(self, client, parts), form.content_type, headers)

    def begin(self, client: str) -> None:
        """Count one that is promised to `client`."""
        self._to[client] += 1

    def end(self, client: str) -> None:
        """Count one less."""
        self._to[client] -= 1
        if not self._to[client]:
            del self._to[client]


class _Stream:
    """A state on its way: each of its parts is made beside the loop when it is asked for.

    It counts from when it is promised, since many may be before the first is begun, until it is
    closed, which the server sees to.
    """

    def __init__(self, streams: StateStreams, client: str, parts: Parts) -> None:
        self._streams = streams
        self._client = client
        self._parts = parts
        self._closed = False
        streams.begin(client)

    def __aiter__(self) -> "_Stream":
        return self

    async def __anext__(self) -> bytes:
        part = await self._streams.node.read(lambda: next(self._parts, None))
        if part is None:
            raise StopAsyncIteration
        return part

    async def aclose(self) -> None:
        """Let go of what waits, and make room for another one."""
        if self._closed:
            return
        self._closed = True
        self._streams.end(self._client)
        with suppress(ValueError):  # it is at work yet: then it ends with its last holder
            self._parts.close()


def read_entries(store: BaseStore, set_name: bytes) -> Iterator[Entries]:
    """Yield a set's entries in the order of keys, PART_BYTES or PART_ENTRIES of them at a time."""
    after = b""
    more = True
    while more:
        entries: Entries = []
        size = 0
        while more and size < PART_BYTES and len(entries) < PART_ENTRIES:
            chunk = store.entries(set_name, after=after, limit=CHUNK_ENTRIES)
            more = len(chunk) == CHUNK_ENTRIES
            for key, stamp in chunk:
                entries.append((element_of(key), stamp))
                size += len(key)
                after = key
        yield entries


class _Waiting:
    """A map that is not sent yet: its entries, encoded, in a temporary file."""

    def __init__(self, stack: ExitStack) -> None:
        self.count = 0
        file = SpooledTemporaryFile(max_size=PART_BYTES)  # noqa: SIM115 - the stack closes it
        self._file = stack.enter_context(file)

    def add(self, encoded: bytes, count: int) -> None:
        """Append `count` entries."""
        self._file.write(encoded)
        self.count += count

    def parts(self) -> Iterator[bytes]:
        """Yield what was added."""
        self._file.seek(0)
        while part := self._file.read(PART_BYTES):
            yield part


def json_parts(source: Iterator[Entries]) -> Parts:
    """Yield a state in JSON: what is present and text as it is met, then what waited."""
    with ExitStack() as stack:
        names = ("lwwRemoved", "lwwAddedBase64", "lwwRemovedBase64")
        waiting = {name: _Waiting(stack) for name in names}
        begin = b'{"lwwAdded":{'
        for entries in source:
            maps = json_maps(entries)
            added = maps.pop("lwwAdded", {})
            for name, times in maps.items():
                comma = b"," if waiting[name].count else b""
                waiting[name].add(comma + _json_inside(times), len(times))
            yield begin + _json_inside(added) if added else NOTHING_YET
            begin = b"," if added else begin
        yield begin + b"}" if begin != b"," else b"}"
        for name, waited in waiting.items():
            if waited.count or name == "lwwRemoved":
                yield b',"%b":{' % name.encode()
                yield from waited.parts()
                yield b"}"
        yield b"}"


def msgpack_parts(source: Iterator[Entries]) -> Parts:
    """Yield a state in msgpack."""
    with ExitStack() as stack:
        waiting = {name: _Waiting(stack) for name in ("lwwAdded", "lwwRemoved")}
        for entries in source:
            maps = msgpack_maps((text_or_bytes(element), stamp) for element, stamp in entries)
            for name, times in maps.items():
                waiting[name].add(_msgpack_inside(times), len(times))
            yield NOTHING_YET
        yield _map_head(len(waiting))
        for name, waited in waiting.items():
            yield msgspec.msgpack.encode(name) + _map_head(waited.count)
            yield from waited.parts()


def _json_inside(times: dict[str, int]) -> bytes:
    return msgspec.json.encode(times)[1:-1]


def _msgpack_inside(times: dict[Any, int]) -> bytes:
    return msgspec.msgpack.encode(times)[len(_map_head(len(times))) :]


def _map_head(count: int) -> bytes:
    """Return how msgpack begins a map of `count` entries, in the shortest of its three ways."""
    if count < 16:
        return bytes([0x80 | count])
    if count < 1 << 16:
        return b"\xde" + count.to_bytes(2)
    return b"\xdf" + count.to_bytes(4)
