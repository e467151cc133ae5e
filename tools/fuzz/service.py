"""A whole node, asked over REST and over the Redis protocol; each input meets a new one.

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
from typing import Any, Final, cast

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
PLACES: Final = (b"/s", b"/s/a", b"/_/bulk", b"/_/sets", b"/_/peer", b"/_/future", b"/", b"/_peers_")
TYPES: Final = (None, b"application/json", b"application/msgpack", b"text/html")
ANSWER_BYTES_MAX: Final = 1 << 20
PATIENCE_S: Final = 5.0
LIMITS: Final = RespLimits(bulk_bytes_max=2_000, arguments_max=100, query_buffer_bytes_max=8_000)
WAITING: Final = frozenset({b"wait"})
"""Commands that wait for other nodes, which are not there."""


class Host:
    """One node at a time on an event loop of its own, made anew for each input."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._folder = Path(mkdtemp(prefix="lastword-fuzz-"))
        self._numbers = count()
        self.faults: list[BaseException] = []
        self.loop.set_exception_handler(lambda _, context: self._note(context))
        atexit.register(rmtree, self._folder, ignore_errors=True)

    def examine(self, work: Callable[[Node], Awaitable[None]]) -> None:
        """Do `work` with a node, then verify its file, and that nothing failed within it."""
        self.faults.clear()
        self.loop.run_until_complete(self._examine(work))
        assert not self.faults, self.faults

    def _note(self, context: dict[str, Any]) -> None:
        self.faults.append(context.get("exception") or RuntimeError(context["message"]))

    async def _examine(self, work: Callable[[Node], Awaitable[None]]) -> None:
        path = self._folder / f"{next(self._numbers)}.db"
        runs = count(1_001)
        store = SqliteStore(path, StoreOptions(wall, lambda: next(runs)))
        settings, identity = ReplicaSettings(), Identity("127.0.0.1:3000")
        node = Node(store, _Nobody(), identity, settings=settings, interval_s=1_000.0)
        running = asyncio.ensure_future(node.run())
        try:
            await node.commits.submit(Write(b"s", (b"a", b"\xff"), (b"c",)), bool)
            async with asyncio.timeout(PATIENCE_S):
                await work(node)
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
            try:
                store.check()
            finally:
                store.close()
                for file in self._folder.iterdir():
                    file.unlink()


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
            host.examine(lambda node: _ask(node, request_of(data)))

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


async def _ask(node: Node, request: Request) -> None:
    rest = Rest(node, "0")
    before = dict(node.store.all_rows())
    try:
        answer = rest(request)
        response = answer if isinstance(answer, Response) else await answer
    except LastwordError as error:
        response = error_response(error, request)
    body = response.body
    if not isinstance(body, bytes):
        body = b"".join([part async for part in body])
    assert response.status < 500, (response.status, body)
    assert len(body) <= ANSWER_BYTES_MAX
    after = dict(node.store.all_rows())
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
        self.closed = False

    def write(self, data: Any) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

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

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        return


def _prepare_redis() -> Examine:
    host, table = Host(), Table(allow_flush=True)

    def examine(data: bytes) -> None:
        if not any(word in data.lower() for word in WAITING):
            host.examine(lambda node: _talk(host, node, table, data))

    return examine


async def _talk(host: Host, node: Node, table: Table, data: bytes) -> None:
    """Send the same bytes in pieces and at once, to the same node; every reply is a reply."""
    facts = Facts("0", allow_flush=True)
    service = Service(node, LIMITS, facts, host.faults.append, rng=Random(0))
    for parts in (pieces(data), (data,)):
        wire, connection = _Wire(), Connection(service, Roster(), table)
        connection.connection_made(wire)
        for part in parts:
            connection.data_received(part)
        await _settled(connection)
        connection.connection_lost(None)
        _check_replies(bytes(wire.written))
    await service.ended()


async def _settled(connection: Connection) -> None:
    dialogue = cast("Any", connection)._dialogue
    while dialogue.is_at_work or (dialogue.is_waiting and not connection.is_ending):
        await asyncio.sleep(0)


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


REST: Final = Target(
    "rest", _prepare_rest, _rest_seeds, (*bodies.JSON_WORDS, *http.PATH_WORDS)
)
REDIS: Final = Target("redis", _prepare_redis, _redis_seeds, resp.WORDS)
