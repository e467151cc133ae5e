"""One node, called over REST.

It promises that every call ends within its timeout, that what is read is bounded, that elements
arrive as the bytes that they are, and that nothing from outside raises anything but an error of
ours. A call that ends by Unreachable may have been carried out: repeating it does no harm.
"""

import os
from collections.abc import Mapping
from typing import Final, Self

import aiohttp
from yarl import URL

from lastword.client.answers import Answer
from lastword.client.clock import ClockReport, FuturePage
from lastword.client.paths import base_url, element_url, set_url
from lastword.client.text import printable
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


class AsyncNode:
    """A node at an address, host:port; an async context manager with one pool of connections.

    Every call raises Unreachable where the node does not answer, or not as a node does, and the
    error that the node told of, with its message and hint, where it refuses.
    """

    def __init__(self, address: str, *, timeout_s: float = TIMEOUT_S) -> None:
        self.address = address
        self._base = base_url(address)
        self._timeout = aiohttp.ClientTimeout(total=timeout_s, connect=CONNECT_TIMEOUT_S)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            timeout=self._timeout,
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

    async def merge(self, set_name: str, stamps: Mapping[bytes, int]) -> int:
        """Merge a state, element -> stamp; return the smallest of its times."""
        body = encode_json(stamps.items())
        return (await self._call("POST", set_url(self._base, set_name), body=body)).time()

    async def clock(self) -> ClockReport:
        """Return what the node says of its clock."""
        url = URL(f"{self._base}/_/clock", encoded=True)
        return (await self._call("GET", url, bytes_max=STATE_BYTES_MAX)).shaped(ClockReport)

    async def future(self, after: str = "") -> FuturePage:
        """Return the page after `after` of elements with times too far ahead."""
        query = f"?after={after}" if after else ""
        url = URL(f"{self._base}/_/future{query}", encoded=True)
        return (await self._call("GET", url, bytes_max=STATE_BYTES_MAX)).shaped(FuturePage)

    async def _call(
        self,
        method: str,
        url: URL,
        *,
        body: bytes | None = None,
        bytes_max: int = ANSWER_BYTES_MAX,
    ) -> Answer:
        assert self._session is not None, "used outside `async with`"  # noqa: S101 - our own fault
        headers = {} if body is None else {"Content-Type": "application/json"}
        try:
            async with self._session.request(
                method, url, data=body, headers=headers, allow_redirects=False
            ) as answer:
                read = await _read(answer.content, bytes_max)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise Unreachable(f"{self.address} does not answer: {_reason(error)}") from error
        return Answer(self.address, answer.status, answer.headers, read)


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


def _reason(error: Exception) -> str:
    """Return in a few words why there was no answer."""
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno) if error.errno > 0 else printable(str(error.strerror))
    return printable(str(error)) or "it took too long"
