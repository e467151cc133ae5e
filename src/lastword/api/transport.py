"""Frames over HTTP: `POST /_/peer`, the reply in the answer's body. One connection pool a node."""

import ssl
from collections.abc import Callable

import aiohttp

from lastword.access.proof import HEADER, WINDOW_US, Proof
from lastword.client.reasons import reason_of
from lastword.errors import UnknownProtocol, Unproven, Unreachable
from lastword.limits import FRAME_BYTES_MAX
from lastword.wall import wall_us

TIMEOUT_S = 5.0
"""A frame and its reply, connecting included. A page takes milliseconds; what takes longer is
tried again, with nothing lost."""

CONNECT_TIMEOUT_S = 1.0
"""A node that is there accepts at once; a partition swallows the attempt."""

OK, BAD_REQUEST, REFUSED = 200, 400, 403

REFUSAL_BYTES_MAX = 1_024
"""An error's body is shorter; its code stands at its beginning."""


class HttpTransport:
    """A Transport over HTTP. It may be made on a running event loop only.

    With a `proof` it signs what it sends, and believes no reply that is not signed. It tells
    nothing to a node that has not proven itself: an empty message asks for that before the first.
    With `tls` it calls over TLS, and believes the certificates that this says at that moment.
    """

    def __init__(
        self,
        *,
        timeout_s: float = TIMEOUT_S,
        proof: Proof | None = None,
        tls: Callable[[], ssl.SSLContext] | None = None,
    ) -> None:
        self._proof = proof
        self._tls = tls
        self._scheme = "http" if tls is None else "https"
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=timeout_s, connect=CONNECT_TIMEOUT_S),
            connector=aiohttp.TCPConnector(limit=0, limit_per_host=4),
            auto_decompress=False,
            trust_env=False,
        )

    async def send(self, address: str, frame: bytes) -> bytes:
        """Return the reply of the node at `address`.

        Raises Unreachable where none came, UnknownProtocol where the frame's version is not
        spoken there, and Unproven where one of the two nodes does not believe the other.
        """
        if self._proof is None:
            _, status, body = await self._post(address, frame)
            if status == REFUSED and Unproven.code.encode() in body[:REFUSAL_BYTES_MAX]:
                raise Unproven(f"{address} wants a proof of the cluster's secret", "refused")
        else:
            status, body = await self._post_signed(self._proof, address, frame)
        if status == BAD_REQUEST and UnknownProtocol.code.encode() in body[:REFUSAL_BYTES_MAX]:
            raise UnknownProtocol(f"{address} does not speak the version of a frame")
        if status != OK:
            raise Unreachable(f"{address} answered with status {status}")
        return body

    async def _post_signed(self, proof: Proof, address: str, frame: bytes) -> tuple[int, bytes]:
        """Return status and body of a signed reply; the node there may have been started anew."""
        for message in (frame, frame) if proof.knows(address) else (b"", frame):
            signed = proof.sign(address, message, wall_us())
            header, status, body = await self._post(address, message, signed.header())
            if not header:
                raise _unsigned(address, status)
            there_us = proof.check_reply(address, signed, header, (status, body))
            off_s = (there_us - wall_us()) / 1e6
            if abs(off_s) * 1e6 > WINDOW_US:
                raise Unproven(
                    f"the clock of {address} is {off_s:+.0f} s off this one's", "expired"
                )
            if status != REFUSED:
                break
        return status, body

    async def _post(
        self, address: str, frame: bytes, proof: str | None = None
    ) -> tuple[str, int, bytes]:
        """Return the proof, the status and the body of what is answered to a frame."""
        url = f"{self._scheme}://{address}/_/peer"
        tls = True if self._tls is None else self._tls()
        headers = {HEADER: proof} if proof else {}
        try:
            async with self._session.post(
                url, data=frame, headers=headers, allow_redirects=False, ssl=tls
            ) as answer:
                body = await answer.content.read(FRAME_BYTES_MAX + 1)
                while not answer.content.at_eof() and len(body) <= FRAME_BYTES_MAX:
                    body += await answer.content.read(FRAME_BYTES_MAX + 1 - len(body))
                return answer.headers.get(HEADER, ""), answer.status, body
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise Unreachable(f"{address} did not answer: {reason_of(error)}") from error

    async def close(self) -> None:
        """Let go of every connection."""
        await self._session.close()


def _unsigned(address: str, status: int) -> Unproven | Unreachable:
    """Return what is said of an answer without a proof."""
    if status == REFUSED:
        return Unproven(f"{address} does not believe this node's cluster secret", "refused")
    if status != OK:
        return Unreachable(f"{address} answered with status {status}")
    return Unproven(f"{address} does not prove that it knows the cluster's secret", "unsigned")
