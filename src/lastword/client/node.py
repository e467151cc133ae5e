"""One node, called over REST.

It promises that every call ends within its timeout, that what is read is bounded, that elements
arrive as the bytes that they are, and that nothing from outside raises anything but an error of
ours. A call that ends by Unreachable may have been carried out: repeating it does no harm.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from io import BytesIO
from typing import Final, Self
from urllib.parse import quote

import aiohttp
import msgspec
from yarl import URL

from lastword.client.answers import (
    Answer,
    BackingUp,
    Leaves,
    Listed,
    Ready,
    SetsPage,
    Tombstones,
)
from lastword.client.clock import ClockReport, FuturePage
from lastword.client.paths import base_url, element_url, set_url
from lastword.client.reasons import reason_of
from lastword.client.states import StateReader
from lastword.crdt.wire import encode_json
from lastword.errors import BodyTooLarge, Unreachable
from lastword.limits import BODY_BYTES_MAX

TIMEOUT_S: Final = 30.0
"""For a call from its beginning to the end of its answer. A large state takes seconds; more waits
longer for a node that hangs, less gives up on states over slow links."""

CONNECT_TIMEOUT_S: Final = 3.0
"""A node that is there accepts at once; one lost packet costs a second."""

ANSWER_BYTES_MAX: Final = 64 << 10
"""Of any answer but a state: true, false, null, or an error with what it quotes."""

STATE_BYTES_MAX: Final = BODY_BYTES_MAX
"""Of a state: it is held whole, and what a node takes in one body it may give in one."""


SETS_BYTES_MAX: Final = 4 << 20
"""Of a page of sets: a thousand names of 255 bytes, where JSON writes six bytes for one."""

SIZE_HEADER: Final = "Lastword-Bytes"

CONNECTION_ERRORS: Final = (aiohttp.ClientError, TimeoutError, OSError, ValueError)


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
        self.address = address
        self._tls = tls
        self._token = token
        self._base = base_url(address, secure=tls is not None)
        self._timeout = aiohttp.ClientTimeout(total=timeout_s, connect=CONNECT_TIMEOUT_S)
        self._waits = aiohttp.ClientTimeout(connect=CONNECT_TIMEOUT_S, sock_read=timeout_s)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            timeout=self._timeout,
            headers={} if self._token is None else {"Authorization": f"Bearer {self._token}"},
            connector=aiohttp.TCPConnector(ssl=self._tls or True),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def get(self, set_name: str, element: bytes) -> bool | None:
        """Return whether the element is present; None for a set without entries."""
        return (await self._call("GET", element_url(self._base, set_name, element))).presence()

    async def put(self, set_name: str, element: bytes) -> int:
        """Add an element; return the time that it got, in microseconds since 1970."""
        return (await self._call("PUT", element_url(self._base, set_name, element))).time()

    async def delete(self, set_name: str, element: bytes) -> int:
        """Remove an element; return the time that it got, in microseconds since 1970."""
        return (await self._call("DELETE", element_url(self._base, set_name, element))).time()

    async def state(self, set_name: str) -> dict[bytes, int]:
        """Return the stamp of each element, removed ones too; empty for a set without entries.

        Raises BodyTooLarge for a state over STATE_BYTES_MAX.
        """
        url = set_url(self._base, set_name)
        return (await self._call("GET", url, bytes_max=STATE_BYTES_MAX)).state()

    async def entries(self, set_name: str) -> AsyncIterator[list[tuple[bytes, int]]]:
        """Yield the entries of a set of any size as they arrive, removed ones too.

        An element stands there once. The time limit is for each wait for more, not for all.
        """
        reader = StateReader(self.address)
        url = set_url(self._base, set_name)
        try:
            async with self._requested("GET", url, timeout=self._waits) as answer:
                if answer.status != 200:
                    body = await _read(answer.content, ANSWER_BYTES_MAX)
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
            query = f"?after={quote(after, safe='')}" if after else ""
            url = URL(f"{self._base}/_/sets{query}", encoded=True)
            page = (await self._call("GET", url, bytes_max=SETS_BYTES_MAX)).shaped(SetsPage)
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
        url = set_url(self._base, set_name)
        if ghosts is not None:
            url = URL(f"{url}?ghosts={quote(ghosts, safe='')}", encoded=True)
        return (await self._call("POST", url, body=encode_json(stamps.items()))).time()

    async def clock(self) -> ClockReport:
        """Return what the node says of its clock."""
        url = URL(f"{self._base}/_/clock", encoded=True)
        return (await self._call("GET", url, bytes_max=STATE_BYTES_MAX)).shaped(ClockReport)

    async def future(self, after: str = "") -> FuturePage:
        """Return the page after `after` of elements with times too far ahead."""
        query = f"?after={after}" if after else ""
        url = URL(f"{self._base}/_/future{query}", encoded=True)
        return (await self._call("GET", url, bytes_max=STATE_BYTES_MAX)).shaped(FuturePage)

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
            async with self._requested("POST", self._url("backup"), timeout=waits) as answer:
                if answer.status != 200:
                    body = await _read(answer.content, ANSWER_BYTES_MAX)
                    Answer(self.address, answer.status, answer.headers, body).nothing()
                size, part = int(answer.headers.get(SIZE_HEADER, "")), b""
                yield size, part
                while part := await asyncio.wait_for(answer.content.readany(), TIMEOUT_S):
                    yield size, part
        except CONNECTION_ERRORS as error:
            raise self._unreachable(error) from error

    async def backing_up(self) -> BackingUp | None:
        """Return how far the backup is that the node is making, if it is making one."""
        return (await self._call("GET", self._url("ready"))).shaped(Ready).backing_up

    def _url(self, call: str) -> URL:
        return URL(f"{self._base}/_/{call}", encoded=True)

    async def _call(
        self,
        method: str,
        url: URL,
        *,
        body: bytes | None = None,
        bytes_max: int = ANSWER_BYTES_MAX,
    ) -> Answer:
        try:
            async with self._requested(method, url, body, timeout=self._timeout) as answer:
                read = await _read(answer.content, bytes_max)
        except CONNECTION_ERRORS as error:
            raise self._unreachable(error) from error
        return Answer(self.address, answer.status, answer.headers, read)

    def _requested(
        self, method: str, url: URL, body: bytes | None = None, *, timeout: aiohttp.ClientTimeout
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        assert self._session is not None, "used outside `async with`"  # noqa: S101 - our own fault
        headers = {} if body is None else {"Content-Type": "application/json"}
        data = None if body is None else BytesIO(body)  # so a large one is sent in pieces
        return self._session.request(
            method, url, data=data, headers=headers, allow_redirects=False, timeout=timeout
        )

    def _unreachable(self, error: Exception) -> Unreachable:
        return Unreachable(f"{self.address} does not answer: {reason_of(error)}")


async def _read(content: aiohttp.StreamReader, bytes_max: int) -> bytes:
    """Return all of a body; raise BodyTooLarge where it is over `bytes_max`."""
    parts: list[bytes] = []
    left = bytes_max
    async for part in content.iter_any():
        left -= len(part)
        if left < 0:
            raise BodyTooLarge(
                f"the answer has more than {bytes_max} bytes",
                hint="Ask for single elements of a set as large as this.",
            )
        parts.append(part)
    return b"".join(parts)
