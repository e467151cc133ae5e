"""The proxy passes on, delays, throttles, cuts one way or both, and tears within bodies."""

import asyncio
import time
from collections.abc import AsyncIterator
from random import Random

import pytest

from lastword.api.transport import HttpTransport
from lastword.errors import Unreachable
from lastword.replication import frames
from tools.proxy import Proxy, Traffic

ANSWER = b"a" * 5_000


class Node:
    """Takes requests as a node does, keeps what it got of each, and answers the whole ones."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self._served: list[asyncio.Task[None]] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._served.append(task)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
                await self._take(reader, length)
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(ANSWER))
                writer.write(ANSWER)
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.close()

    async def end(self) -> None:
        """Close every connection that is still open."""
        for task in self._served:
            task.cancel()
        await asyncio.gather(*self._served, return_exceptions=True)

    async def _take(self, reader: asyncio.StreamReader, length: int) -> None:
        try:
            self.bodies.append(await reader.readexactly(length))
        except asyncio.IncompleteReadError as error:
            self.bodies.append(error.partial)
            raise


@pytest.fixture
def node() -> Node:
    return Node()


@pytest.fixture
def traffic() -> Traffic:
    return Traffic(Random(0))


@pytest.fixture
async def proxy(node: Node, traffic: Traffic) -> AsyncIterator[Proxy]:
    server = await asyncio.start_server(node.serve, "127.0.0.1", 0)
    async with server, Proxy(traffic) as proxy:
        host, port = server.sockets[0].getsockname()
        proxy.node_address = f"{host}:{port}"
        yield proxy
    await node.end()


@pytest.fixture
async def transport() -> AsyncIterator[HttpTransport]:
    made = HttpTransport()
    yield made
    await made.close()


def frame(sender: str = "a:1") -> bytes:
    """Return a frame with a vector that makes it some kilobytes long."""
    seen = {1 << 40 | run: 1 << 40 for run in range(300)}
    pull = frames.Pull((0, 0, 0), 0, seen)
    return frames.encode(frames.Frame(wall_us=1, run=1, address=sender, pull=pull))


async def test_it_passes_on_whole(proxy: Proxy, node: Node, transport: HttpTransport) -> None:
    for _ in range(3):
        assert await transport.send(proxy.address, frame()) == ANSWER
    assert node.bodies == [frame()] * 3


async def test_it_counts_what_passed(
    proxy: Proxy, traffic: Traffic, transport: HttpTransport
) -> None:
    await transport.send(proxy.address, frame())
    bodies = len(frame()) + len(ANSWER)
    assert bodies < traffic.passed_bytes < bodies + 1_000


async def test_nothing_reaches_a_node_that_is_cut_off(
    proxy: Proxy, node: Node, traffic: Traffic, transport: HttpTransport
) -> None:
    await transport.send(proxy.address, frame())
    traffic.treat([("a:1", proxy.address)], cut=True)
    for _ in range(2):
        with pytest.raises(Unreachable):
            await transport.send(proxy.address, frame())
    assert len(node.bodies) == 1
    traffic.treat([("a:1", proxy.address)], cut=False)
    assert await transport.send(proxy.address, frame()) == ANSWER


async def test_an_answer_that_is_cut_off_was_asked_for(
    proxy: Proxy, node: Node, traffic: Traffic, transport: HttpTransport
) -> None:
    traffic.treat([(proxy.address, "a:1")], cut=True)
    with pytest.raises(Unreachable):
        await transport.send(proxy.address, frame())
    assert node.bodies == [frame()]


async def test_others_are_not_cut_off(
    proxy: Proxy, traffic: Traffic, transport: HttpTransport
) -> None:
    traffic.treat([("a:1", proxy.address), (proxy.address, "a:1")], cut=True)
    assert await transport.send(proxy.address, frame("b:1")) == ANSWER


async def test_a_request_is_torn_within_its_body(
    proxy: Proxy, node: Node, traffic: Traffic, transport: HttpTransport
) -> None:
    traffic.treat([("a:1", proxy.address)], tear=1.0)
    with pytest.raises(Unreachable):
        await transport.send(proxy.address, frame())
    (body,) = node.bodies
    assert len(body) < len(frame())
    assert frame().startswith(body)
    assert traffic.torn == 1


async def test_an_answer_is_torn_within_its_body(
    proxy: Proxy, node: Node, traffic: Traffic, transport: HttpTransport
) -> None:
    traffic.treat([(proxy.address, "a:1")], tear=1.0)
    with pytest.raises(Unreachable, match=r"(?i)payload|not enough data"):
        await transport.send(proxy.address, frame())
    assert node.bodies == [frame()]
    assert traffic.torn == 1


async def test_it_delays_each_way_by_itself(
    proxy: Proxy, traffic: Traffic, transport: HttpTransport
) -> None:
    traffic.treat([("a:1", proxy.address)], delay_s=0.1)
    traffic.treat([(proxy.address, "a:1")], delay_s=0.2)
    begun_s = time.monotonic()
    assert await transport.send(proxy.address, frame()) == ANSWER
    assert time.monotonic() - begun_s >= 0.3


async def test_it_throttles(proxy: Proxy, traffic: Traffic, transport: HttpTransport) -> None:
    traffic.treat([(proxy.address, "a:1")], bytes_per_s=20_000)
    begun_s = time.monotonic()
    assert await transport.send(proxy.address, frame()) == ANSWER
    assert time.monotonic() - begun_s >= len(ANSWER) / 20_000 / 2


async def test_what_is_no_frame_is_hung_up_on(proxy: Proxy, transport: HttpTransport) -> None:
    with pytest.raises(Unreachable):
        await transport.send(proxy.address, b"no frame")


async def test_it_lets_go_of_everything_at_its_end(traffic: Traffic) -> None:
    async with Proxy(traffic) as proxy:
        host, _, port = proxy.address.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
    assert await reader.read() == b""
    writer.close()
