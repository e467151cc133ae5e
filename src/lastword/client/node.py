"""One node, called over REST.

It promises that every call ends within its timeout, that what is read is bounded, that elements
arrive as the bytes that they are, and that nothing from outside raises anything but an error of
ours. A call that ends by Unreachable may have been carried out: repeating it does no harm.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from typing import Final, Self
from urllib.parse import quote

import aiohttp
import msgspec

from lastword.address import checked_address
from lastword.client.aio import CONNECTION_ERRORS, AioWire, read_bounded
from lastword.client.answers import (
    Answer,
    BackingUp,
    Leaves,
    Listed,
    Ready,
    Root,
    Scrubbed,
    SetsPage,
    Tombstones,
)
from lastword.client.clock import ClockReport, FuturePage
from lastword.client.condition import Condition
from lastword.client.explanation import Explanation
from lastword.client.health import Converged
from lastword.client.paths import element_path, set_path
from lastword.client.reasons import reason_of
from lastword.client.requests import ANSWER_BYTES_MAX, CONNECT_TIMEOUT_S, STATE_BYTES_MAX, Request
from lastword.client.states import StateReader
from lastword.crdt.wire import encode_json
from lastword.errors import Unreachable

TIMEOUT_S: Final = 30.0
"""For a call from its beginning to the end of its answer. A large state takes seconds; more waits
longer for a node that hangs, less gives up on states over slow links."""

SETS_BYTES_MAX: Final = 4 << 20
"""Of a page of sets: a thousand names of 255 bytes, where JSON writes six bytes for one."""

SIZE_HEADER: Final = "Lastword-Bytes"


class AsyncNode:
    """A node at an address, host:port; an async context manager with one pool of connections.

    With `tls` it is called over TLS, and that says which certificates are believed; with `token`
    every call shows that.
    Every call raises Unreachable where the node does not answer, or not as a node does, and the
    error that the node told of, with its message and hint, where it refuses.
    """

    def __init__(
        self,
        address: str,
        *,
        timeout_s: float = TIMEOUT_S,
        tls: ssl.SSLContext | None = None,
        token: str | None = None,
    ) -> None:
        self.address = checked_address(address)
        self._tls = tls
        self._token = token
        self._timeout = aiohttp.ClientTimeout(total=timeout_s, connect=CONNECT_TIMEOUT_S)
        self._waits = aiohttp.ClientTimeout(connect=CONNECT_TIMEOUT_S, sock_read=timeout_s)
        self._opened: AioWire | None = None

    async def __aenter__(self) -> Self:
        self._opened = AioWire(tls=self._tls, token=self._token)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._opened is not None:
            await self._opened.close()

    async def get(self, set_name: str, element: bytes) -> bool | None:
        """Return whether the element is present; None for a set without entries."""
        return (await self._call("GET", element_path(set_name, element))).presence()

    async def explain(self, set_name: str, element: bytes) -> Explanation:
        """Return why the element is as it is on this node."""
        path = element_path(set_name, element)
        answer = await self._call("GET", path, "explain", bytes_max=SETS_BYTES_MAX)
        return answer.shaped(Explanation)

    async def put(self, set_name: str, element: bytes) -> int:
        """Add an element; return the time that it got, in microseconds since 1970."""
        return (await self._call("PUT", element_path(set_name, element))).time()

    async def delete(self, set_name: str, element: bytes) -> int:
        """Remove an element; return the time that it got, in microseconds since 1970."""
        return (await self._call("DELETE", element_path(set_name, element))).time()

    async def state(self, set_name: str) -> dict[bytes, int]:
        """Return the stamp of each element, removed ones too; empty for a set without entries.

        Raises BodyTooLarge for a state over STATE_BYTES_MAX.
        """
        path = set_path(set_name)
        return (await self._call("GET", path, bytes_max=STATE_BYTES_MAX)).state()

    async def entries(self, set_name: str) -> AsyncIterator[list[tuple[bytes, int]]]:
        """Yield the entries of a set of any size as they arrive, removed ones too.

        An element stands there once. The time limit is for each wait for more, not for all.
        """
        reader = StateReader(self.address)
        path = set_path(set_name)
        try:
            request = Request("GET", path)
            async with self._wire.requested(self.address, request, self._waits) as answer:
                if answer.status != 200:
                    body = await read_bounded(answer.content, ANSWER_BYTES_MAX)
                    Answer(self.address, answer.status, answer.headers, body).state()
                    return
                async for part in answer.content.iter_any():
                    yield reader.feed(part)
        except CONNECTION_ERRORS as error:
            raise self._unreachable(error) from error
        reader.close()

    async def sets(self) -> AsyncIterator[Listed]:
        """Yield the sets that hold entries, but for the reserved ones."""
        after = ""
        while True:
            query = f"after={quote(after, safe='')}" if after else ""
            answer = await self._call("GET", "/_/sets", query, bytes_max=SETS_BYTES_MAX)
            page = answer.shaped(SetsPage)
            for listed in page.sets:
                yield listed
            if page.after is None:
                return
            if page.after <= after:
                raise Unreachable(f"{self.address} does not come to an end of its sets")
            after = page.after

    async def merge(
        self, set_name: str, stamps: Mapping[bytes, int], *, ghosts: str | None = None
    ) -> int:
        """Merge a state, element -> stamp; return the smallest of its times.

        `ghosts` is remove or readd. Without it GhostElements is raised where there are some.
        """
        path = set_path(set_name)
        query = "" if ghosts is None else f"ghosts={quote(ghosts, safe='')}"
        return (await self._call("POST", path, query, body=encode_json(stamps.items()))).time()

    async def clock(self) -> ClockReport:
        """Return what the node says of its clock."""
        return (await self._call("GET", "/_/clock", bytes_max=STATE_BYTES_MAX)).shaped(ClockReport)

    async def future(self, after: str = "") -> FuturePage:
        """Return the page after `after` of elements with times too far ahead."""
        query = f"after={after}" if after else ""
        answer = await self._call("GET", "/_/future", query, bytes_max=STATE_BYTES_MAX)
        return answer.shaped(FuturePage)

    async def tombstones(self) -> Tombstones:
        """Return how collection is, and how the node stands to its members."""
        return (
            await self._call("GET", self._url("tombstones"), bytes_max=SETS_BYTES_MAX)
        ).tombstones()

    async def leave(self) -> Leaves:
        """Let the node go on with leaving; it may be stopped when it left and waits for nobody."""
        return (await self._call("POST", self._url("leave"), bytes_max=SETS_BYTES_MAX)).leaves()

    async def rejoin(self, address: str) -> None:
        """Let the node begin to copy another; raises Conflict where it is not behind that one."""
        body = msgspec.json.encode({"address": address})
        (await self._call("POST", self._url("rejoin"), body=body)).nothing()

    async def backup(self) -> AsyncIterator[tuple[int, bytes]]:
        """Yield a backup of the node's file as it arrives: its length in bytes, and a part.

        The first part is empty: the backup is made by then. That may take long and has no time
        limit, while `backing_up` tells how far it is; there is one for each wait for more.
        """
        waits = aiohttp.ClientTimeout(connect=CONNECT_TIMEOUT_S)
        try:
            request = Request("POST", self._url("backup"))
            async with self._wire.requested(self.address, request, waits) as answer:
                if answer.status != 200:
                    body = await read_bounded(answer.content, ANSWER_BYTES_MAX)
                    Answer(self.address, answer.status, answer.headers, body).nothing()
                size, part = int(answer.headers.get(SIZE_HEADER, "")), b""
                yield size, part
                while part := await asyncio.wait_for(answer.content.readany(), TIMEOUT_S):
                    yield size, part
        except CONNECTION_ERRORS as error:
            raise self._unreachable(error) from error

    async def backing_up(self) -> BackingUp | None:
        """Return how far the backup is that the node is making, if it is making one."""
        return (await self.ready()).backing_up

    async def ready(self) -> Ready:
        """Return what the node says of itself, ready or not."""
        answer = await self._call("GET", self._url("ready"), bytes_max=SETS_BYTES_MAX)
        return answer.shaped(Ready, statuses=(200, 503))

    async def root(self) -> Root:
        """Return what is said to who asks for nothing: the name and the version."""
        return (await self._call("GET", "/")).shaped(Root)

    async def condition(self) -> Condition:
        """Return the node's settings, its disk, and how near it is to its limits."""
        return (await self._call("GET", self._url("condition"))).shaped(Condition)

    async def converged(self, max_lag: str = "") -> Converged:
        """Return whether all members have what the others had a moment ago, and why not."""
        query = f"max_lag={quote(max_lag, safe='')}" if max_lag else ""
        answer = await self._call("GET", self._url("converged"), query, bytes_max=SETS_BYTES_MAX)
        return answer.shaped(Converged, statuses=(200, 503))

    async def scrub(self) -> Scrubbed:
        """Let the node look for damage now; return what scrubs came to before."""
        return (await self._call("POST", self._url("scrub"))).shaped(Scrubbed)

    async def scrubbed(self) -> Scrubbed:
        """Return how far scrubs are."""
        return (await self._call("GET", self._url("scrub"))).shaped(Scrubbed)

    async def rebuild(self, source: str | None) -> None:
        """Let the node begin to copy a member; raises Conflict where that cannot be."""
        body = msgspec.json.encode({"source": source})
        (await self._call("POST", self._url("rebuild"), body=body)).nothing()

    @staticmethod
    def _url(call: str) -> str:
        return f"/_/{call}"

    @property
    def _wire(self) -> AioWire:
        assert self._opened is not None, "used outside `async with`"  # noqa: S101 - our own fault
        return self._opened

    async def _call(
        self,
        method: str,
        path: str,
        query: str = "",
        *,
        body: bytes | None = None,
        bytes_max: int = ANSWER_BYTES_MAX,
    ) -> Answer:
        request = Request(method, path, query, body, bytes_max)
        try:
            return await self._wire.answer(self.address, request, self._timeout)
        except CONNECTION_ERRORS as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: Exception) -> Unreachable:
        return Unreachable(f"{self.address} does not answer: {reason_of(error)}")
