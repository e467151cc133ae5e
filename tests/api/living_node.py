"""A node that runs within the test: its file, its interface, its server, and clients of it."""

import asyncio
import contextlib
import json
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from secrets import randbits
from typing import Any

from lastword.api.http import HttpLimits, HttpServer, Request
from lastword.api.rest import Answer as Answered
from lastword.api.rest import Rest
from lastword.api.transport import HttpTransport
from lastword.node.jobs import Faults
from lastword.node.node import Node
from lastword.node.watch_limits import WatchLimits
from lastword.replication import frames
from lastword.replication.entries import Entry
from lastword.replication.membership import Identity
from lastword.replication.settings import ReplicaSettings
from lastword.store.base import StoreOptions
from lastword.store.ledger import Key, Row
from lastword.store.sqlite.store import SqliteStore
from tests.api.http.raw_http import PATIENCE_S, Answer, RawClient
from tests.crdt.walls import HandWall

NOW_US = 1_750_000_000_000_000
"""Where the wall of a test stands at first."""

STRANGER = "stranger.invalid:1"
"""The address that planted entries come from; nobody calls it."""

STRANGER_RUN = 77
LIMITS = HttpLimits()
WATCH_LIMITS = WatchLimits()


class LivingNode:
    """One node. Its wall is moved by hand, and any fault of ours within it fails the test."""

    server: HttpServer
    node: Node
    _running: asyncio.Task[None]

    def __init__(self, path: Path) -> None:
        self.wall = HandWall(NOW_US)
        self.store = SqliteStore(path, StoreOptions(self.wall, lambda: randbits(63)))
        self.faults: list[BaseException] = []
        self._clients: list[RawClient] = []
        self._kept: RawClient | None = None
        self._planted = 0

    async def start(
        self,
        limits: HttpLimits = LIMITS,
        *,
        contacts: tuple[str, ...] = (),
        listed: bool = False,
        watch_limits: WatchLimits = WATCH_LIMITS,
    ) -> None:
        """Serve and replicate. Only a node that is to be `listed` enters `_peers_`."""
        faults = Faults(self.faults.append)
        self.server = await HttpServer.start(
            self._answer,
            host="127.0.0.1",
            port=0,
            limits=limits,
            on_fault=lambda fault: faults.note("a request", fault),
        )
        self.node = Node(
            self.store,
            HttpTransport(),
            Identity(self.address if listed else "", contacts=contacts),
            settings=ReplicaSettings(),
            interval_s=0.05,
            faults=faults,
            watch_limits=watch_limits,
        )
        self.rest = Rest(self.node, version("lastword"))
        self._running = asyncio.create_task(self.node.run())

    def _answer(self, request: Request) -> Answered:
        return self.rest(request)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server.port}"

    # What a client does.

    async def client(self, send: bytes = b"") -> RawClient:
        client = await RawClient.connect(self.server.port)
        self._clients.append(client)
        await client.send(send)
        return client

    async def ask(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> Answer:
        """Return the answer to one request; `path` is sent as it stands, its text in Latin-1."""
        if self._kept is None:
            self._kept = await self.client()
        await self._kept.send(self.request(method, path, body, headers))
        answer = await self._kept.read_answer(to_head=method == "HEAD")
        if answer.closes:
            self._kept = None
        return answer

    def request(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> bytes:
        lines = {"Host": self.address, "Content-Length": str(len(body))} | (headers or {})
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body

    async def say(self, method: str, path: str, value: Any) -> Answer:
        """Send `value` as JSON."""
        return await self.ask(method, path, json.dumps(value).encode())

    async def state(self, set_name: str) -> Any:
        """Return what GET says of a set."""
        return json.loads((await self.ask("GET", f"/{set_name}")).body)

    # What another node does.

    async def send_frame(self, data: bytes) -> Answer:
        return await self.ask("POST", "/_/peer", data)

    async def plant(self, entries: Iterable[tuple[bytes, bytes, int]]) -> None:
        """Bring entries (set, element, stamp) by a page of another node, as replication does."""
        rows = []
        for set_name, element, stamp in entries:
            self._planted += 1
            rows.append(Entry(set_name, element, stamp, STRANGER_RUN, self._planted))
        frame = self.page_frame(tuple(rows), reached=self._planted)
        answer = await self.send_frame(frames.encode(frame))
        assert answer.status == 200
        for set_name, element, stamp in entries:
            assert (self.store.stamp_of(set_name, element) or 0) >= stamp

    def page_frame(self, rows: tuple[Entry, ...], *, reached: int) -> frames.Frame:
        """Return a frame with the page that this node waits for from a stranger."""
        page = frames.PageBody(
            for_run=self.store.run,
            cursor=self.store.cursor(STRANGER),
            reached=reached,
            from_start=False,
            rows=frames.pack_entries(rows),
            seen=frames.VouchedBody(0, {STRANGER_RUN: reached}),
        )
        return frames.Frame(NOW_US, STRANGER_RUN, STRANGER, frames.Log(reached, 1), page=page)

    # What the test looks at.

    def held(self) -> tuple[dict[Key, Row], int]:
        """Return all that a request may change: every row, and the log's end."""
        return dict(self.store.all_rows()), self.store.log_end

    async def close(self) -> None:
        """Stop as the service does, then verify the file and that nothing is left running."""
        for client in self._clients:
            client.close()
        await self.server.close(drain_s=PATIENCE_S)
        self._running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._running
        try:
            self.store.check()
        finally:
            self.store.close()
        assert self.faults == []
