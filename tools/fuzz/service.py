"""A whole node, asked over REST and over the Redis protocol.

The node, its file and its interfaces are those of the service; only sockets are left out.
"""

import asyncio
import atexit
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from random import Random
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any, Final

import hiredis

from lastword.api.http import Request
from lastword.api.http.answers import error_response
from lastword.api.http.messages import Response
from lastword.api.resp.connection import Connection
from lastword.api.resp.limits import RespLimits
from lastword.api.resp.service import Facts, Service
from lastword.api.resp.session import Roster
from lastword.api.resp.table import Table
from lastword.api.rest import Rest
from lastword.errors import LastwordError, Unreachable
from lastword.node.node import Node
from lastword.replication.membership import Identity
from lastword.replication.settings import ReplicaSettings
from lastword.store.base import StoreOptions
from lastword.store.operations import Write
from lastword.store.sqlite.store import SqliteStore
from tools.fuzz import bodies, http, resp
from tools.fuzz.memory import wall
from tools.fuzz.target import Examine, Target, pieces

METHODS: Final = ("GET", "PUT", "PATCH", "POST", "DELETE", "HEAD", "OPTIONS")
PLACES: Final = (
    b"/s",
    b"/s/a",
    b"/_/bulk",
    b"/_/sets",
    b"/_/peer",
    b"/_/future",
    b"/",
    b"/_peers_",
)
TYPES: Final = (None, b"application/json", b"application/msgpack", b"text/html")
ANSWER_BYTES_MAX: Final = 1 << 20
PATIENCE_S: Final = 15.0
"""For one input, on a machine that others use too."""
INPUTS_OF_ONE: Final = 50
BEGINNING: Final = Write(b"s", (b"a", b"\xff"), (b"c",))
"""What each input finds, beside what others left."""

LIMITS: Final = RespLimits(bulk_bytes_max=2_000, arguments_max=100, query_buffer_bytes_max=8_000)
WAITING: Final = frozenset({b"wait"})
"""Commands that wait for other nodes, which are not there."""


class Host:
    """A node on an event loop of its own, used for some inputs and then made anew.

    Making one takes a hundred times as long as asking it. What fails on a used one is tried on a
    new one; where it holds there, the error says which inputs came before.
    """

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.faults: list[BaseException] = []
        self.loop.set_exception_handler(lambda _, context: self._note(context))
        self._folder = Path(mkdtemp(prefix="lastword-fuzz-"))
        self._numbers = count()
        self._house: _House | None = None
        self._before: list[bytes] = []
        atexit.register(rmtree, self._folder, ignore_errors=True)

    def examine(self, data: bytes, work: Callable[["_House"], Awaitable[None]]) -> None:
        """Do `work` with a node, then verify its store, and that nothing failed within it."""
        if len(self._before) >= INPUTS_OF_ONE:
            self._renew()
        try:
            self._do(work)
        except Exception as error:
            before = self._before
            self._renew()
            if before:
                self._do(work)
                error.add_note(f"it holds on a new node; before came {before}")
            raise
        self._before.append(data)

    def _do(self, work: Callable[["_House"], Awaitable[None]]) -> None:
        self.faults.clear()
        self.loop.run_until_complete(self._work(work))
        assert not self.faults, self.faults

    async def _work(self, work: Callable[["_House"], Awaitable[None]]) -> None:
        if self._house is None:
            path = self._folder / f"{next(self._numbers)}.db"
            self._house = _House(path, self.faults.append)
        async with asyncio.timeout(PATIENCE_S):
            await self._house.node.commits.submit(BEGINNING, lambda done: done)
            await work(self._house)
        self._house.store.check()

    def _renew(self) -> None:
        house, self._house, self._before = self._house, None, []
        if house is not None:
            self.loop.run_until_complete(house.close())
        for file in self._folder.iterdir():
            file.unlink()

    def _note(self, context: dict[str, Any]) -> None:
        self.faults.append(context.get("exception") or RuntimeError(context["message"]))


class _House:
    """A node with its interfaces, but for sockets."""

    def __init__(self, path: Path, on_fault: Callable[[BaseException], None]) -> None:
        runs = count(1_001)
        self.store = SqliteStore(path, StoreOptions(wall, lambda: next(runs)))
        settings, identity = ReplicaSettings(), Identity("127.0.0.1:3000")
        self.node = Node(self.store, _Nobody(), identity, settings=settings, interval_s=1_000.0)
        self.rest = Rest(self.node, "0")
        facts = Facts("0", allow_flush=True)
        self.redis = Service(self.node, LIMITS, facts, on_fault, rng=Random(0))
        self.table = Table(allow_flush=True)
        self._running = asyncio.ensure_future(self.node.run())

    async def close(self) -> None:
        """End the node."""
        await self.redis.ended()
        self._running.cancel()
        with suppress(asyncio.CancelledError):
            await self._running
        self.store.close()


class _Nobody:
    """Carries frames to nobody."""

    async def send(self, address: str, frame: bytes) -> bytes:
        raise Unreachable(f"nobody is at {address}, to hear {len(frame)} bytes")

    async def close(self) -> None:
        return


def _prepare_rest() -> Examine:
    host = Host()

    def examine(data: bytes) -> None:
        if len(data) >= 3:
            host.examine(data, lambda house: _ask(house, request_of(data)))

    return examine


def request_of(data: bytes) -> Request:
    """Return the request that an input stands for: three choices, a line, and a body."""
    line, _, body = data[3:].partition(b"\n")
    path, _, query = line.partition(b"?")
    method = METHODS[data[0] % len(METHODS)]
    place = PLACES[data[1] % len(PLACES)] + path
    kind = TYPES[data[2] % len(TYPES)]
    headers = {b"host": b"127.0.0.1:3000"} | ({} if kind is None else {b"content-type": kind})
    if data[2] & 0x80:
        headers[b"accept"] = b"application/msgpack"
    return Request(method, line, place, query, headers, body)


async def _ask(house: _House, request: Request) -> None:
    before = dict(house.store.all_rows())
    try:
        answer = house.rest(request)
        response = answer if isinstance(answer, Response) else await answer
    except LastwordError as error:
        response = error_response(error, request)
    body = response.body
    if not isinstance(body, bytes):
        body = b"".join([part async for part in body])
    assert response.status < 500, (response.status, body)
    assert len(body) <= ANSWER_BYTES_MAX
    after = dict(house.store.all_rows())
    is_bulk = request.path == b"/_/bulk"
    if response.status >= 400 and not is_bulk:
        assert after == before, "a refusal, and something is done"
    if request.method in {"GET", "HEAD", "OPTIONS"}:
        assert after == before, "a read that writes"
    for key, row in before.items():
        assert after[key].stamp >= row.stamp, "a stamp fell"


def _rest_seeds() -> Iterator[bytes]:
    for at, body in enumerate(bodies.JSON.seeds()):
        yield bytes((1 + at % 3, 0, 1)) + b"\n" + body
    for body in bodies.MSGPACK.seeds():
        yield bytes((2, 0, 2 | 0x80)) + b"?time=5\n" + body
    yield from (bytes((3, 2, 0)) + b"\n" + body for body in bodies.NDJSON.seeds())
    yield from (bytes((3, 2, 2)) + b"\n" + body for body in bodies.MSGPACK.seeds())
    for method in range(len(METHODS)):
        yield from (bytes((method, place, 0)) + b"\n" for place in range(len(PLACES)))
    yield bytes((0, 0, 0x80)) + b"?members&prefix=a&limit=1\n"
    yield bytes((1, 1, 0)) + b"/b%00%ff?time=7&ghosts=readd\n"
    yield bytes((1, 7, 0)) + b"/a:1\n"


class _Wire(asyncio.Transport):
    """The socket of a connection: what is written is kept, and it has an end."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 2)})
        self.written = bytearray()
        self.ended = asyncio.Event()

    def write(self, data: Any) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return self.ended.is_set()

    def close(self) -> None:
        self.ended.set()

    abort = close

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        return

    def pause_reading(self) -> None:
        return

    def resume_reading(self) -> None:
        return

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, *_: Any, **__: Any) -> None:
        return


def _prepare_redis() -> Examine:
    host = Host()

    def examine(data: bytes) -> None:
        if not any(word in data.lower() for word in WAITING):
            host.examine(data, lambda house: _talk(house, data))

    return examine


async def _talk(house: _House, data: bytes) -> None:
    """Send the same bytes in pieces and at once, to the same node; every reply is a reply."""
    for parts in (pieces(data), (data,)):
        wire = _Wire()
        connection = Connection(house.redis, Roster(), house.table)
        connection.connection_made(wire)
        for part in parts:
            connection.data_received(part)
        if connection.eof_received():  # it closes its side when all is answered
            await wire.ended.wait()
        connection.connection_lost(None)
        _check_replies(bytes(wire.written))
    await house.redis.ended()


def _check_replies(written: bytes) -> None:
    reader = hiredis.Reader(errors="surrogateescape", encoding="utf-8")
    reader.feed(written)
    while (reply := reader.gets()) is not False:
        assert not (isinstance(reply, hiredis.ReplyError) and "internal" in str(reply)), reply
    assert not reader.has_data(), "half a reply"


def _redis_seeds() -> Iterator[bytes]:
    lines = (
        *("SADD s a b", "SREM s a", "SMEMBERS s", "SISMEMBER s a", "SMISMEMBER s a b", "SCARD s"),
        *("SPOP s 1", "SRANDMEMBER s -3", "SMOVE s t a", "SUNION s t", "SINTER s t", "SDIFF s t"),
        *("SUNIONSTORE u s t", "SINTERCARD 2 s t LIMIT 1", "SSCAN s 0 MATCH a* COUNT 5", "SCAN 0"),
        *("KEYS *", "DEL s t", "EXISTS s", "TYPE s", "RENAME s t", "COPY s t REPLACE", "DBSIZE"),
        *("HELLO 3 AUTH a b SETNAME c", "CLIENT REPLY SKIP", "CLIENT LIST", "CLIENT KILL ID 1"),
        *("COMMAND DOCS sadd", "CONFIG GET *", "INFO all", "FLUSHALL", "SELECT 0", "ECHO a"),
        *("OBJECT ENCODING s", "RANDOMKEY", "UNWATCH", "RESET", "QUIT", "TOUCH s", "UNLINK s"),
    )
    yield from (resp.encoded(line.encode().split()) for line in lines)
    yield b"MULTI\r\nSADD s x\r\nSMEMBERS s\r\nEXEC\r\n"
    yield b"WATCH s\r\nMULTI\r\nSADD s y\r\nDISCARD\r\nHELLO 3\r\nSMEMBERS s\r\n"
    yield from resp.RESP.seeds()


REST: Final = Target("rest", _prepare_rest, _rest_seeds, (*bodies.JSON_WORDS, *http.PATH_WORDS))
REDIS: Final = Target("redis", _prepare_redis, _redis_seeds, resp.WORDS)
