"""The client against servers that are no nodes: nothing gets through but errors of ours."""

import asyncio
import gzip

import pytest
from aiohttp import web

from lastword.client import node as client
from lastword.client.node import AsyncNode
from lastword.client.requests import ANSWER_BYTES_MAX
from lastword.errors import (
    BodyTooLarge,
    FutureTime,
    InvalidRequest,
    LastwordError,
    Unavailable,
    Unreachable,
)
from tests.client.liars import answering, serving

STRANGE_STATES = [
    b"",
    b"true",
    b"null",
    b"<html>",
    b"[]",
    b'{"lwwAdded": {"a": -1}}',
    b'{"lwwAdded": {"a": 1.5}}',
    b'{"lwwAdded": {"a": 99999999999999999999}}',
    b'{"lwwAddedBase64": {"!": 1}}',
    b"[" * 100_000,
    b'{"lwwAdded": {"\xff": 1}}',
    gzip.compress(b"{}", mtime=0),
]


@pytest.mark.parametrize("body", STRANGE_STATES, ids=lambda body: repr(body[:30]))
async def test_what_is_no_state_is_unreachable(body: bytes) -> None:
    async with answering(body) as address, AsyncNode(address) as node:
        with pytest.raises(Unreachable, match="not as a node does"):
            await node.state("s")


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"yes", 200), (b"", 200), (b"true", 201), (b"true", 404), (b"null", 200), (b"<html>", 404)],
)
async def test_what_is_no_presence_is_unreachable(body: bytes, status: int) -> None:
    async with answering(body, status) as address, AsyncNode(address) as node:
        with pytest.raises(Unreachable, match="not as a node does"):
            await node.get("s", b"e")


@pytest.mark.parametrize("time", [None, "", "x", "-1", "1.5", "²", "9" * 30, str(1 << 61)])
async def test_a_write_without_its_time_is_not_taken_for_acknowledged(time: str | None) -> None:
    headers = {} if time is None else {"Lastword-Time": time}
    async with answering(b"null", headers=headers) as address, AsyncNode(address) as node:
        with pytest.raises(Unreachable):
            await node.put("s", b"e")


async def test_a_redirect_is_not_followed() -> None:
    asked: list[str] = []

    async def redirect(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(status=302, headers={"Location": "/elsewhere"})

    async with serving(redirect) as address, AsyncNode(address) as node:
        with pytest.raises(Unreachable, match="status 302"):
            await node.get("s", b"e")
    assert asked == ["/s/e"]


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("future_time", FutureTime),
        ("invalid_request", InvalidRequest),
        ("unavailable", Unavailable),
        ("method_not_allowed", LastwordError),
        ("of_a_later_version", LastwordError),
    ],
)
async def test_an_error_answer_is_the_error_of_its_code(
    code: str, kind: type[LastwordError]
) -> None:
    body = b'{"error": {"code": "%b", "message": "no", "hint": "do"}}' % code.encode()
    async with answering(body, 400) as address, AsyncNode(address) as node:
        with pytest.raises(LastwordError, match="refused: no") as caught:
            await node.put("s", b"e")
    assert type(caught.value) is kind
    assert caught.value.hint == "do"


async def test_a_servers_message_cannot_command_a_terminal() -> None:
    body = (
        b'{"error": {"code": "x", "message": "\\u001b]0;owned\\u0007\\n\\u202e", "hint": "\\r"}}'
    )
    async with answering(body, 400) as address, AsyncNode(address) as node:
        with pytest.raises(LastwordError) as caught:
            await node.put("s", b"e")
    assert f"{caught.value}{caught.value.hint}".isprintable()
    assert r"\x1b]0;owned" in str(caught.value)


async def test_a_state_without_end_is_read_to_the_limit_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client, "STATE_BYTES_MAX", 100_000)
    broken_off = asyncio.Event()

    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(bytes(10_000))
        except ConnectionError:
            broken_off.set()
        return response

    async with serving(stream) as address, AsyncNode(address) as node:
        with pytest.raises(BodyTooLarge, match="100000"):
            await node.state("s")
        await asyncio.wait_for(broken_off.wait(), 10)


async def test_an_answer_to_a_write_is_bounded_too() -> None:
    body = bytes(ANSWER_BYTES_MAX + 1)
    async with answering(body) as address, AsyncNode(address) as node:
        with pytest.raises(BodyTooLarge):
            await node.put("s", b"e")


async def test_a_server_that_hangs_is_unreachable_in_time() -> None:
    async def hang(_: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async with serving(hang) as address, AsyncNode(address, timeout_s=0.05) as node:
        with pytest.raises(Unreachable, match="it took too long"):
            await node.get("s", b"e")


async def test_an_answer_cut_short_is_unreachable() -> None:
    async def cut(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b"{")
        assert request.transport is not None
        request.transport.abort()
        return response

    async with serving(cut) as address, AsyncNode(address) as node:
        with pytest.raises(Unreachable, match="does not answer"):
            await node.state("s")


async def test_nobody_there_is_unreachable_in_few_words() -> None:
    async with answering(b"") as address:
        pass
    async with AsyncNode(address) as node:
        with pytest.raises(Unreachable) as caught:
            await node.get("s", b"e")
    assert str(caught.value) == f"{address} does not answer: connection refused"
