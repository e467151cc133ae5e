"""Requests that came together: the order of their answers, and how many are begun."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from lastword.api.http import HttpLimits, Request, Response
from lastword.api.http.connection import Connection
from lastword.api.http.shared import Shared
from tests.api.http.raw_http import GET, get, post, turns, until
from tests.api.http.site import Later, Site, echo


class Recorder:
    """Stands for a transport, and keeps each write apart."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.writes.append(data)

    def __getattr__(self, _: str) -> Callable[..., Any]:
        return lambda *_, **__: None


async def test_answers_come_in_the_order_of_their_requests(site: Site) -> None:
    later = Later()
    await site.start(later)
    paths = [b"/%d" % n for n in range(6)]
    client = await site.client(b"".join(map(get, paths)))
    await later.wait(6)
    for path in reversed(paths):
        later.give(path)
        await turns(3)
    for path in paths:
        assert (await client.read_answer()).body == path


async def test_an_answer_at_once_waits_for_those_before_it(site: Site) -> None:
    later = Later()

    def handler(request: Request) -> Response | Awaitable[Response]:
        return later(request) if request.path == b"/slow" else echo(request)

    await site.start(handler)
    client = await site.client(get(b"/slow") + GET)
    await later.wait(1)
    await turns(10)
    with pytest.raises(BlockingIOError):
        client.sock.recv(1)
    later.give(b"/slow")
    assert (await client.read_answer()).body == b"/slow"
    assert (await client.read_answer()).body == b"GET /s/a "


async def test_one_that_may_write_waits_for_those_before_and_holds_up_those_after(
    site: Site,
) -> None:
    later = Later()
    await site.start(later)
    client = await site.client(get(b"/1") + get(b"/2") + post(b"x") + get(b"/3"))
    await later.wait(2)
    await turns(10)
    assert later.asked == [b"/1", b"/2"]
    later.give(b"/2")
    later.give(b"/1")
    await later.wait(3)
    await turns(10)
    assert later.asked == [b"/1", b"/2", b"/s"]
    later.give(b"/s")
    await later.wait(4)
    later.give(b"/3")
    for path in (b"/1", b"/2", b"/s", b"/3"):
        assert (await client.read_answer()).body == path


async def test_a_pipeline_is_as_deep_as_its_limit(site: Site) -> None:
    later = Later()
    await site.start(later, pipeline_max=4)
    connection_count = 10
    client = await site.client(b"".join(get(b"/%d" % n) for n in range(connection_count)))
    connection = await site.connection()
    await later.wait(4)
    await turns(10)
    assert len(later.asked) == 4
    assert connection._paused
    for n in range(connection_count):
        await until(lambda n=n: len(later.asked) > n)  # type: ignore[misc] # n is bound at once
        later.give(b"/%d" % n)
        assert (await client.read_answer()).body == b"/%d" % n
    await until(lambda: not connection._paused)


async def test_a_refusal_comes_after_the_answers_before_it(site: Site) -> None:
    later = Later()
    await site.start(later)
    client = await site.client(get(b"/1") + b"rubbish\r\n\r\n")
    await later.wait(1)
    later.give(b"/1")
    assert (await client.read_answer()).body == b"/1"
    refused = await client.read_answer()
    assert refused.status == 400
    assert refused.closes
    assert json.loads(refused.body)["error"]["code"] == "invalid_request"
    assert await client.read_rest() == b""


async def test_leave_to_send_comes_after_the_answers_before_it(site: Site) -> None:
    later = Later()
    await site.start(later)
    client = await site.client(get(b"/1") + post(b"hello", b"Expect: 100-continue")[:-5])
    await later.wait(1)
    await turns(10)
    later.give(b"/1")
    assert (await client.read_answer()).body == b"/1"
    assert (await client.read_answer()).status == 100


async def test_the_answers_to_one_read_go_out_in_one_write() -> None:
    connection = Connection(Shared(echo, HttpLimits(), on_fault=_raise))
    transport = Recorder()
    connection.connection_made(transport)  # type: ignore[arg-type] # stands for one
    connection.data_received(GET * 10)
    assert len(transport.writes) == 1
    assert transport.writes[0].count(b"HTTP/1.1 200 OK") == 10


async def test_answers_that_are_there_together_go_out_in_one_write() -> None:
    later = Later()
    connection = Connection(Shared(later, HttpLimits(), on_fault=_raise))
    transport = Recorder()
    connection.connection_made(transport)  # type: ignore[arg-type] # stands for one
    connection.data_received(b"".join(get(b"/%d" % n) for n in range(10)))
    for n in range(9):
        later.give(b"/%d" % n)
    await turns(3)
    assert len(transport.writes) == 1
    assert transport.writes[0].count(b"HTTP/1.1 200 OK") == 9
    later.give(b"/9")
    await turns(3)
    assert len(transport.writes) == 2


def _raise(fault: BaseException) -> None:
    raise fault
