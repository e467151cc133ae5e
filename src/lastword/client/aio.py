"""Requests over aiohttp, to any node: what `AsyncNode` and `AsyncClient` are built on."""

import ssl
from contextlib import AbstractAsyncContextManager
from io import BytesIO
from typing import Final, Self

import aiohttp
from yarl import URL

from lastword.client.answers import Answer
from lastword.client.paths import base_url
from lastword.client.reasons import reason_of
from lastword.client.requests import CONNECT_TIMEOUT_S, Broken, Outcome, Request, too_large

CONNECTION_ERRORS: Final = (aiohttp.ClientError, TimeoutError, OSError, ValueError)

_NEVER_ARRIVED: Final = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)


class AioWire:
    """A pool of connections to nodes. It is made within a running loop, and belongs to it."""

    def __init__(self, *, tls: ssl.SSLContext | None = None, token: str | None = None) -> None:
        self._tls = tls
        self._token = token
        self._connector = aiohttp.TCPConnector(ssl=tls or True)
        self._session = aiohttp.ClientSession(
            connector=self._connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
        )

    async def close(self) -> None:
        """Close all connections; may be called again."""
        await self._session.close()

    def __del__(self) -> None:
        """Leave the warning of what was not closed to the connector alone."""
        self._session.detach()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def requested(
        self, address: str, request: Request, timeout: aiohttp.ClientTimeout
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """Send a request; the answer is read within the context."""
        base = base_url(address, secure=self._tls is not None)
        data = None if request.body is None else BytesIO(request.body)  # sent in pieces
        return self._session.request(
            request.method,
            URL(base + request.target, encoded=True),
            data=data,
            headers=request.headers(self._token),
            allow_redirects=False,
            timeout=timeout,
        )

    async def answer(
        self, address: str, request: Request, limits: aiohttp.ClientTimeout
    ) -> Answer:
        """Return the answer to a request; raises CONNECTION_ERRORS, and BodyTooLarge."""
        async with self.requested(address, request, limits) as response:
            body = await read_bounded(response.content, request.bytes_max)
            return Answer(address, response.status, response.headers, body)

    async def outcome(self, address: str, request: Request, timeout_s: float) -> Outcome:
        """Return what became of a request."""
        try:
            return await self.answer(address, request, limits_of(request, timeout_s))
        except CONNECTION_ERRORS as error:
            arrived = not isinstance(error, _NEVER_ARRIVED)
            return Broken(reason_of(error), arrived=arrived)


def limits_of(request: Request, timeout_s: float) -> aiohttp.ClientTimeout:
    """Return the time limits of a request."""
    connect_s = min(CONNECT_TIMEOUT_S, timeout_s)
    if request.patient:
        return aiohttp.ClientTimeout(connect=connect_s, sock_read=timeout_s)
    return aiohttp.ClientTimeout(total=timeout_s, connect=connect_s)


async def read_bounded(content: aiohttp.StreamReader, bytes_max: int) -> bytes:
    """Return all of a body; raise BodyTooLarge where it is over `bytes_max`."""
    parts: list[bytes] = []
    left = bytes_max
    async for part in content.iter_any():
        left -= len(part)
        if left < 0:
            raise too_large(bytes_max)
        parts.append(part)
    return b"".join(parts)
