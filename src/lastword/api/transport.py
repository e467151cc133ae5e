"""Frames over HTTP: `POST /_/peer`, the reply in the answer's body. One connection pool a node."""

import os

import aiohttp

from lastword.errors import UnknownProtocol, Unreachable
from lastword.limits import FRAME_BYTES_MAX

TIMEOUT_S = 5.0
"""A frame and its reply, connecting included. A page takes milliseconds; what takes longer is
tried again, with nothing lost."""

CONNECT_TIMEOUT_S = 1.0
"""A node that is there accepts at once; a partition swallows the attempt."""

REFUSAL_BYTES_MAX = 1_024
"""An error's body is shorter; its code stands at its beginning."""


class HttpTransport:
    """A Transport over HTTP. It may be made on a running event loop only."""

    def __init__(self, *, timeout_s: float = TIMEOUT_S) -> None:
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=timeout_s, connect=CONNECT_TIMEOUT_S),
            connector=aiohttp.TCPConnector(limit=0, limit_per_host=4),
            auto_decompress=False,
            trust_env=False,
        )

    async def send(self, address: str, frame: bytes) -> bytes:
        """Return the reply of the node at `address`.

        Raises Unreachable where none came, UnknownProtocol where the frame's version is not
        spoken there.
        """
        url = f"http://{address}/_/peer"
        try:
            async with self._session.post(url, data=frame, allow_redirects=False) as answer:
                body = await answer.content.read(FRAME_BYTES_MAX + 1)
                while not answer.content.at_eof() and len(body) <= FRAME_BYTES_MAX:
                    body += await answer.content.read(FRAME_BYTES_MAX + 1 - len(body))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise Unreachable(f"{address} did not answer: {_reason(error)}") from error
        if answer.status == 400 and UnknownProtocol.code.encode() in body[:REFUSAL_BYTES_MAX]:
            raise UnknownProtocol(f"{address} does not speak the version of a frame")
        if answer.status != 200:
            raise Unreachable(f"{address} answered with status {answer.status}")
        return body

    async def close(self) -> None:
        """Let go of every connection."""
        await self._session.close()


def _reason(error: Exception) -> str:
    """Return what happened, in words: the system's own where it said why."""
    if isinstance(error, aiohttp.ClientConnectorError) and error.os_error.errno:
        return os.strerror(abs(error.os_error.errno)).lower()
    return str(error) or type(error).__name__
