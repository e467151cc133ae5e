"""The way by which nodes reach each other, which can be cut; clients go to the nodes directly.

All nodes share one machine, so a connection does not tell whose it is. Every frame does: a gate
stands in front of each node, under the address that the node advertises, and passes a frame on
unless it comes from, or goes to, the node that is cut off.
"""

from typing import Final, Self

import aiohttp
from aiohttp import web

from lastword.limits import FRAME_BYTES_MAX
from lastword.replication import frames

TIMEOUT_S: Final = 5.0


class Network:
    """Who is cut off at present; None is nobody.

    A frame in the middle of an exchange names its sender by its run only, so those are noted.
    """

    cut_off: str | None = None

    def __init__(self) -> None:
        self._addresses: dict[int, str] = {}

    def sender_of(self, data: bytes) -> str:
        """Return the advertised address of a frame's sender, as far as it was ever said."""
        frame = frames.decode(data)
        if frame.address:
            self._addresses[frame.run] = frame.address
        return self._addresses.get(frame.run, "")

    def connects(self, sender: str, receiver: str) -> bool:
        """Return whether a frame between two advertised addresses comes through."""
        return self.cut_off not in {sender, receiver}


class Gate:
    """The gate of one node. It is open once `node_address` says where to."""

    def __init__(self, network: Network) -> None:
        self.address = ""
        self.node_address = ""
        self._network = network
        self._session: aiohttp.ClientSession | None = None
        app = web.Application(client_max_size=FRAME_BYTES_MAX)
        app.router.add_post("/_/peer", self._pass_on)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=TIMEOUT_S), trust_env=False
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.address = f"{host}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()
        if self._session is not None:
            await self._session.close()

    async def _pass_on(self, request: web.Request) -> web.Response:
        """Pass a frame on and its reply back; a frame that is cut off meets a dead line."""
        frame = await request.read()
        sender = self._network.sender_of(frame)
        if not self.node_address or not self._network.connects(sender, self.address):
            return _hang_up(request)
        assert self._session is not None
        try:
            async with self._session.post(f"http://{self.node_address}/_/peer", data=frame) as got:
                return web.Response(status=got.status, body=await got.read())
        except (aiohttp.ClientError, TimeoutError):
            return _hang_up(request)


def _hang_up(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=502)
