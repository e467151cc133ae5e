"""Bodies that are streamed: their framing, their pace, and their ends."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from lastword.api.http import Request, Response
from tests.api.http.raw_http import GET, PATIENCE_S, get, post, turns, until
from tests.api.http.site import Site, echo

PART = b"x" * 65_536


class Endless:
    """A body without an end, that counts what was asked of it."""

    def __init__(self) -> None:
        self.asked = 0
        self.closed = asyncio.Event()

    def __call__(self, _: Request) -> Response:
        return Response(body=self._parts())

    async def _parts(self) -> AsyncIterator[bytes]:
        try:
            while True:
                self.asked += 1
                yield PART
        finally:
            self.closed.set()

    async def wait_closed(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            await self.closed.wait()


async def parts(*body: bytes) -> AsyncIterator[bytes]:
    for part in body:
        yield part
        await asyncio.sleep(0)


async def test_a_stream_is_sent_in_chunks_and_the_next_request_served(site: Site) -> None:
    def handler(request: Request) -> Response:
        return (
            Response(body=parts(b"he", b"", b"llo")) if request.method == "GET" else echo(request)
        )

    await site.start(handler)
    client = await site.client(GET + post(b"x") + GET)
    first = await client.read_answer()
    assert first.headers[b"transfer-encoding"] == b"chunked"
    assert first.body == b"hello"
    assert (await client.read_answer()).body == b"POST /s x"
    assert (await client.read_answer()).body == b"hello"


async def test_a_stream_to_http_1_0_ends_with_its_connection(site: Site) -> None:
    await site.start(lambda _: Response(body=parts(b"he", b"llo")))
    client = await site.client(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" * 2)
    answer = await client.read_answer()
    assert answer.closes
    assert b"transfer-encoding" not in answer.headers
    assert answer.body == b"hello"


async def test_a_stream_takes_its_turn(site: Site) -> None:
    first: asyncio.Future[Response] = asyncio.get_running_loop().create_future()

    def handler(request: Request) -> Response | asyncio.Future[Response]:
        return first if request.path == b"/1" else Response(body=parts(request.path))

    await site.start(handler)
    client = await site.client(get(b"/1") + get(b"/2") + get(b"/3"))
    await site.connection()
    await turns(10)
    first.set_result(Response(body=b"first"))
    assert (await client.read_answer()).body == b"first"
    assert (await client.read_answer()).body == b"/2"
    assert (await client.read_answer()).body == b"/3"


async def test_a_stream_goes_at_its_readers_pace_and_is_closed_when_he_leaves(
    site: Site,
) -> None:
    body = Endless()
    await site.start(body)
    client = await site.client(GET, receive_bytes=4_096)
    connection = await site.connection()
    await until(lambda: connection._outlet.choked)
    asked = body.asked
    await turns(50)
    assert body.asked == asked
    assert connection._outlet.unsent_bytes() < 4 * len(PART)
    await client.read_some((asked + 10) * len(PART))
    assert body.asked > asked
    client.close()
    await body.wait_closed()
    assert not site.faults


async def test_a_stream_that_rests_is_closed_when_its_reader_leaves(site: Site) -> None:
    closed = asyncio.Event()

    async def resting() -> AsyncIterator[bytes]:
        try:
            yield b"x"
            await asyncio.Event().wait()
        finally:
            closed.set()

    await site.start(lambda _: Response(body=resting()))
    client = await site.client(GET)
    await client.read_answer(to_head=True)
    assert await client.read_some(6) == b"1\r\nx\r\n"
    client.close()
    async with asyncio.timeout(PATIENCE_S):
        await closed.wait()


async def test_a_stream_that_is_never_read_is_closed(site: Site) -> None:
    body = Endless()
    await site.start(body)
    await site.client(GET, receive_bytes=4_096)
    connection = await site.connection()
    await until(lambda: connection._outlet.choked)
    site.server.sweep(0.0)
    site.server.sweep(31.0)
    await body.wait_closed()


async def test_answers_that_are_not_read_hold_up_the_requests_behind_them(site: Site) -> None:
    asked = []

    def handler(request: Request) -> Response:
        asked.append(request)
        return Response(body=PART)

    await site.start(handler)
    client = await site.client(GET * 1_000, receive_bytes=4_096)
    connection = await site.connection()
    await until(lambda: connection._outlet.choked)
    await turns(50)
    assert len(asked) < 1_000
    assert connection._paused
    assert connection._outlet.unsent_bytes() < 4 * len(PART)
    for _ in range(1_000):
        assert len((await client.read_answer()).body) == len(PART)
    assert len(asked) == 1_000


@pytest.mark.parametrize("version", [b"HTTP/1.1", b"HTTP/1.0"])
async def test_a_stream_that_fails_is_seen_to_be_cut(site: Site, version: bytes) -> None:
    async def failing() -> AsyncIterator[bytes]:
        yield b"hello"
        raise ValueError("in the middle")

    await site.start(lambda _: Response(body=failing()))
    client = await site.client(b"GET / %b\r\nHost: a\r\n\r\n" % version)
    if version == b"HTTP/1.1":
        rest = await client.read_rest()
        assert rest.endswith(b"5\r\nhello\r\n")
    else:
        with pytest.raises(ConnectionResetError):
            await client.read_rest()
    assert [str(fault) for fault in site.faults] == ["in the middle"]


async def test_a_stream_that_nobody_will_read_is_closed(site: Site) -> None:
    body = Endless()
    late: asyncio.Future[Response] = asyncio.get_running_loop().create_future()

    def handler(request: Request) -> Response | asyncio.Future[Response]:
        return late if request.path == b"/late" else Response(204, b"")

    await site.start(handler)
    client = await site.client(get(b"/late"))
    await site.connection()
    await turns(10)
    client.reset()
    await until(lambda: not site.server._shared.connections)
    started = body(Request("GET", b"/", b"/"))
    assert isinstance(started.body, AsyncIterator)
    await anext(started.body)
    late.set_result(started)
    await body.wait_closed()


async def test_a_stream_is_closed_also_if_its_client_goes_before_it_begins(site: Site) -> None:
    class Unstarted:
        closed = asyncio.Event()

        def __aiter__(self) -> "Unstarted":
            return self

        async def __anext__(self) -> bytes:
            raise AssertionError("asked for a part that nobody reads")

        async def aclose(self) -> None:
            self.closed.set()

    def handler(_: Request) -> Response:
        (connection,) = site.server._shared.connections
        asyncio.get_running_loop().call_soon(connection.abort)
        asyncio.get_running_loop().call_soon(connection.connection_lost, None)  # type: ignore[attr-defined] # before the task
        return Response(body=body)

    body = Unstarted()
    await site.start(handler)
    await site.client(GET)
    async with asyncio.timeout(PATIENCE_S):
        await body.closed.wait()
    assert not site.faults


async def test_a_body_that_fails_to_close_is_reported(site: Site) -> None:
    class Unclosable:
        def __aiter__(self) -> "Unclosable":
            return self

        async def __anext__(self) -> bytes:
            raise StopAsyncIteration

        async def aclose(self) -> None:
            raise ValueError("will not close")

    await site.start(lambda _: Response(body=Unclosable()))
    client = await site.client(GET)
    assert (await client.read_answer()).body == b""
    await until(lambda: len(site.faults) == 1)


async def test_a_body_need_not_know_how_to_close(site: Site) -> None:
    class Plain:
        left = 2

        def __aiter__(self) -> "Plain":
            return self

        async def __anext__(self) -> bytes:
            if not self.left:
                raise StopAsyncIteration
            self.left -= 1
            return b"x"

    await site.start(lambda _: Response(body=Plain()))
    client = await site.client(GET)
    assert (await client.read_answer()).body == b"xx"


class WithoutEnd(Endless):
    """A body that ends when it is asked to."""

    def __init__(self, part: bytes) -> None:
        super().__init__()
        self._part = part
        self._asked_to_end = asyncio.Event()

    def __call__(self, _: Request) -> Response:
        return Response(body=self)

    def __aiter__(self) -> "WithoutEnd":
        return self

    async def __anext__(self) -> bytes:
        self.asked += 1
        if self.asked > 1 and not self._part:
            await self._asked_to_end.wait()
        if self._asked_to_end.is_set():
            raise StopAsyncIteration
        return self._part or b"x"

    def drain(self) -> None:
        self._asked_to_end.set()

    async def aclose(self) -> None:
        self.closed.set()


async def test_a_stream_without_an_end_ends_in_order_when_the_server_stops(site: Site) -> None:
    body = WithoutEnd(b"")
    await site.start(body)
    client = await site.client(GET)
    await client.read_answer(to_head=True)
    assert await client.read_chunk() == b"x"
    async with asyncio.timeout(PATIENCE_S):
        await site.server.close(drain_s=10 * PATIENCE_S)
    assert await client.read_chunk() == b""
    assert await client.read_rest() == b""
    await body.wait_closed()


async def test_a_slow_reader_of_one_does_not_hold_up_the_end(site: Site) -> None:
    body = WithoutEnd(PART)
    await site.start(body)
    await site.client(GET, receive_bytes=4_096)
    connection = await site.connection()
    await until(lambda: connection._outlet.choked)
    async with asyncio.timeout(PATIENCE_S):
        await site.server.close(drain_s=10 * PATIENCE_S)
    await body.wait_closed()
    assert not site.faults
