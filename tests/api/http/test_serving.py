"""Requests and their answers over real sockets: order, forms of answers, faults."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable

import pytest

from lastword.api.http import Request, Response
from lastword.errors import MethodNotAllowed, UnknownPath
from tests.api.http.raw_http import GET, get, post, turns, until
from tests.api.http.site import Later, Site, echo


async def test_a_connection_serves_one_request_after_another(site: Site) -> None:
    await site.start(echo)
    client = await site.client()
    for n in range(3):
        await client.send(post(b"%d" % n))
        answer = await client.read_answer()
        assert (answer.status, answer.body) == (200, b"POST /s %d" % n)
        assert answer.headers[b"content-type"] == b"application/json"
        assert not answer.closes


async def test_a_request_may_arrive_byte_by_byte(site: Site) -> None:
    await site.start(echo)
    client = await site.client()
    data = post(b"hello") + GET
    for at in range(len(data)):
        await client.send(data[at : at + 1])
        await turns(2)
    assert (await client.read_answer()).body == b"POST /s hello"
    assert (await client.read_answer()).body == b"GET /s/a "


async def test_a_body_that_arrives_in_part_never_reaches_the_handler(site: Site) -> None:
    asked = Later()
    await site.start(asked)
    for end in range(1, len(post(b"hello")), 7):
        client = await site.client(post(b"hello")[:end])
        client.end_sending()
        assert await client.read_rest() == b""
    assert not asked.asked


@pytest.mark.parametrize("form", ["at once", "future", "done future", "coroutine", "awaitable"])
async def test_a_handler_may_answer_at_once_or_later(site: Site, form: str) -> None:
    response = Response(201, b"x", b"text/plain", ((b"ETag", b'"1"'),))

    class Custom:
        def __await__(self) -> AsyncIterator[Response]:
            return coroutine().__await__()  # type: ignore[return-value] # a plain generator

    async def coroutine() -> Response:
        await asyncio.sleep(0)
        return response

    def handler(_: Request) -> Response | Awaitable[Response]:
        if form == "at once":
            return response
        if form == "coroutine":
            return coroutine()
        if form == "awaitable":
            return Custom()  # type: ignore[return-value] # its iterator is typed too narrowly
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Response] = loop.create_future()
        if form == "future":
            loop.call_soon(answer.set_result, response)
        else:
            answer.set_result(response)
        return answer

    await site.start(handler)
    client = await site.client(GET + GET)
    for _ in range(2):
        answer = await client.read_answer()
        assert (answer.status, answer.body) == (201, b"x")
        assert answer.headers[b"content-type"] == b"text/plain"
        assert answer.headers[b"etag"] == b'"1"'


async def test_an_answer_at_once_costs_no_task(site: Site) -> None:
    await site.start(echo)
    client = await site.client(GET * 10)
    for _ in range(10):
        await client.read_answer()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_head_is_answered_with_the_head_that_get_would_have(site: Site) -> None:
    async def stream() -> AsyncIterator[bytes]:
        yield b"x"

    def handler(request: Request) -> Response:
        return Response(body=stream() if request.path == b"/stream" else b"12345")

    await site.start(handler)
    client = await site.client()
    for path, header in ((b"/", b"content-length"), (b"/stream", b"transfer-encoding")):
        await client.send(get(path).replace(b"GET", b"HEAD"))
        answered = await client.read_answer(to_head=True)
        await client.send(get(path))
        got = await client.read_answer()
        assert answered.headers[header] == got.headers[header]
    assert got.body == b"x"


@pytest.mark.parametrize("status", [204, 304])
async def test_some_statuses_have_no_body(site: Site, status: int) -> None:
    await site.start(lambda _: Response(status, b"ignored"))
    client = await site.client(GET + GET)
    for _ in range(2):
        assert (await client.read_answer()).status == status
    client.end_sending()
    assert await client.read_rest() == b""


async def test_a_connection_ends_where_the_client_asks_for_it(site: Site) -> None:
    await site.start(echo)
    for request in (
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        b"GET / HTTP/1.0\r\n\r\n",
    ):
        client = await site.client(request)
        assert (await client.read_answer()).closes
        assert await client.read_rest() == b""


async def test_http_1_0_may_ask_to_go_on(site: Site) -> None:
    await site.start(echo)
    client = await site.client(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" * 2)
    for _ in range(2):
        assert (await client.read_answer()).headers[b"connection"] == b"keep-alive"


async def test_a_client_that_waits_for_leave_to_send_its_body_gets_it(site: Site) -> None:
    await site.start(echo)
    client = await site.client(GET + post(b"hello", b"Expect: 100-continue")[:-5])
    assert (await client.read_answer()).body == b"GET /s/a "
    assert await client.read_some(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
    await client.send(b"hello")
    assert (await client.read_answer()).body == b"POST /s hello"


async def test_no_leave_is_given_for_a_body_over_its_limit(site: Site) -> None:
    await site.start(echo, body_bytes_max=4)
    client = await site.client(post(b"hello", b"Expect: 100-continue")[:-5])
    assert (await client.read_answer()).status == 413
    assert await client.read_rest() == b""


async def test_a_client_that_has_sent_all_it_will_is_still_answered(site: Site) -> None:
    later = Later()
    await site.start(later)
    client = await site.client(get(b"/1") + get(b"/2") + b"GET /3")
    client.end_sending()
    await later.wait(2)
    later.give(b"/2")
    later.give(b"/1")
    assert (await client.read_answer()).body == b"/1"
    last = await client.read_answer()
    assert (last.body, last.closes) == (b"/2", True)
    assert await client.read_rest() == b""


async def test_an_offer_to_change_the_protocol_is_answered_in_this_one(site: Site) -> None:
    await site.start(echo)
    client = await site.client(post(b"hello", b"Connection: Upgrade", b"Upgrade: h2c"))
    answer = await client.read_answer()
    assert (answer.body, answer.closes) == (b"POST /s hello", True)
    assert await client.read_rest() == b""


async def test_connect_does_not_hang(site: Site) -> None:
    await site.start(echo)
    client = await site.client(b"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n")
    assert (await client.read_answer()).status == 400
    assert await client.read_rest() == b""


@pytest.mark.parametrize("later", [False, True])
async def test_an_error_that_the_handler_raises_is_answered_as_such(
    site: Site, later: bool
) -> None:
    async def raise_later() -> Response:
        raise UnknownPath("nothing here")

    def handler(_: Request) -> Awaitable[Response]:
        if later:
            return raise_later()
        raise MethodNotAllowed("no", allow=("GET",))

    await site.start(handler)
    client = await site.client(GET + GET)
    for _ in range(2):
        answer = await client.read_answer()
        assert answer.status == (404 if later else 405)
        assert not answer.closes
    assert not site.faults


@pytest.mark.parametrize("form", ["at once", "later", "nothing", "forged", "cancelled"])
async def test_a_fault_is_answered_without_a_trace_and_reported_with_it(
    site: Site, form: str
) -> None:
    async def raise_later() -> Response:
        raise ValueError("secret")

    def handler(_: Request) -> Response | Awaitable[Response]:
        if form == "at once":
            raise ValueError("secret")
        if form == "later":
            return raise_later()
        if form == "forged":
            return Response(headers=((b"ETag", b"a\r\nX: secret"),))
        answer: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        if form == "cancelled":
            answer.cancel()
        else:
            answer.set_result(None)  # type: ignore[arg-type] # the fault that is tested
        return answer

    await site.start(handler)
    client = await site.client(GET)
    answer = await client.read_answer()
    assert answer.status == 500
    assert json.loads(answer.body)["error"]["code"] == "internal"
    assert b"secret" not in answer.body
    assert len(site.faults) == 1


@pytest.mark.parametrize("reset", [False, True])
async def test_a_write_goes_on_when_its_client_has_gone(site: Site, reset: bool) -> None:
    begun, may_end, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def write(_: Request) -> Response:
        begun.set()
        await may_end.wait()
        ended.set()
        return Response()

    await site.start(write)
    client = await site.client(post(b"x"))
    await begun.wait()
    if reset:
        client.reset()
        await until(lambda: not site.server._shared.connections)
    else:
        client.close()
    may_end.set()
    async with asyncio.timeout(5):
        await ended.wait()


async def test_a_read_is_broken_off_when_its_client_has_gone(site: Site) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def read(_: Request) -> Response:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return Response()

    await site.start(read)
    client = await site.client(GET)
    await begun.wait()
    client.reset()
    async with asyncio.timeout(5):
        await ended.wait()
    assert not site.faults


async def test_a_fault_is_reported_also_when_the_client_has_gone(site: Site) -> None:
    later = Later()
    await site.start(later)
    client = await site.client(get(b"/1"))
    await later.wait(1)
    client.reset()
    await until(lambda: not site.server._shared.connections)
    later.answers[b"/1"].set_exception(ValueError("lost"))
    await until(lambda: len(site.faults) == 1)
