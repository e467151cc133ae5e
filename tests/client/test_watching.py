"""A watch goes on over broken connections, and says where something may have been missed.

The server here sends the lines of a watch that a test tells it to.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import pytest
from aiohttp import web

from lastword.client import AsyncClient, Client, Event
from lastword.client.kinds import BYTES, TEXT
from lastword.client.watching import LINE_BYTES_MAX, Watching
from lastword.errors import Forbidden, InvalidElement, InvalidRequest, Unreachable
from tests.client.liars import serving

OPEN = {"event": "open", "cursor": "a-1"}
ADD = {"event": "add", "set": "s", "element": "x", "time": 5, "cursor": "a-2"}
BEAT = {"event": "beat", "cursor": "a-7"}
RESET = {"event": "reset", "reason": "slow", "cursor": "a-9"}


def lines(*told: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in told)


class Script:
    """What is sent on each connection in turn; the last one is kept open."""

    def __init__(self, *connections: tuple[dict[str, Any], ...]) -> None:
        self.connections = list(connections)
        self.asked: list[str] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if "watch" not in request.query:
            return web.json_response({"members": ["m"], "after": None})
        self.asked.append(request.query_string)
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(lines(*self.connections.pop(0)))
        if not self.connections:
            await asyncio.Event().wait()
        return response


@asynccontextmanager
async def watched(*connections: tuple[dict[str, Any], ...]) -> AsyncIterator[tuple[Script, str]]:
    script = Script(*connections)
    async with serving(script.answer) as address:
        yield script, address


async def first(count: int, events: AsyncIterator[Event[str]]) -> list[Event[str]]:
    found: list[Event[str]] = []
    while len(found) < count:
        found.append(await asyncio.wait_for(anext(events), 20))
    await events.aclose()  # type: ignore[attr-defined] # they are generators
    return found


async def test_a_watch_goes_on_behind_the_last_it_heard() -> None:
    more = {**ADD, "element": "y", "cursor": "a-8"}
    async with (
        watched((OPEN, ADD, BEAT), (), (OPEN, more)) as (script, address),
        AsyncClient(address) as client,
    ):
        events = await first(3, client["s"].watch())
    assert events == [
        Event("open", "a-1"),
        Event("add", "a-2", "x", 5, set="s"),
        Event("add", "a-8", "y", 5, set="s"),
    ]
    assert script.asked == ["watch", "watch&after=a-7", "watch&after=a-7"]


async def test_the_blocking_client_does_the_same() -> None:
    async with watched((OPEN, ADD), (OPEN, RESET)) as (script, address):

        def watch() -> list[Event[str]]:
            with Client(address) as client:
                events = client["s"].watch(after="0")
                return [next(events) for _ in range(3)]

        events = await asyncio.to_thread(watch)
    assert events[1:] == [
        Event("add", "a-2", "x", 5, set="s"),
        Event("reset", "a-9", reason="slow"),
    ]
    assert script.asked == ["watch&after=0", "watch&after=a-2"]


async def test_closing_the_client_ends_a_watch_that_another_thread_waits_in() -> None:
    async with watched((OPEN,)) as (_, address):
        client = Client(address)
        events = client["s"].watch()
        assert (await asyncio.to_thread(next, events)).kind == "open"
        waiting = asyncio.create_task(asyncio.to_thread(list, events))
        await asyncio.sleep(0)
        client.close()
        assert await asyncio.wait_for(waiting, 20) == []


async def test_a_reset_that_was_lost_is_asked_for_again() -> None:
    """The stream broke between its opening and the reset that told of a gap."""
    far = {**OPEN, "cursor": "b-50"}
    lost = {**RESET, "reason": "other_file", "cursor": "b-50"}
    async with (
        watched((OPEN, ADD), (far,), (far, lost)) as (script, address),
        AsyncClient(address) as client,
    ):
        events = await first(3, client["s"].watch())
    assert events[2] == Event("reset", "b-50", reason="other_file")
    assert script.asked == ["watch", "watch&after=a-2", "watch&after=a-2"]


async def test_the_first_event_has_the_cursor_that_was_asked_for() -> None:
    async with watched((OPEN, RESET)) as (_, address), AsyncClient(address) as client:
        events = await first(2, client["s"].watch(after="old-3"))
    assert [event.cursor for event in events] == ["old-3", "a-9"]


async def test_a_watch_fails_over_and_shows_the_other_nodes_reset() -> None:
    told = {**RESET, "reason": "other_file"}
    async with (
        watched((OPEN, ADD), (told,)) as (one, first_address),
        watched((OPEN, told)) as (two, second_address),
        AsyncClient(first_address, second_address) as client,
    ):
        events = await first(3, client["s"].watch())
    assert events[2] == Event("reset", "a-9", reason="other_file")
    assert (one.asked, two.asked) == (["watch"], ["watch&after=a-2"])


async def test_it_gives_up_when_nobody_is_heard_of_for_too_long() -> None:
    async with watched((OPEN,), ()) as (_, address):
        pass
    async with AsyncClient(address, timeout_s=0.3) as client:
        with pytest.raises(Unreachable, match="does not go on: connection refused"):
            await first(1, client["s"].watch())


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [("invalid_request", 400, InvalidRequest), ("forbidden", 403, Forbidden)],
)
async def test_what_is_the_callers_fault_is_raised_at_once(
    code: str, status: int, kind: type[Exception]
) -> None:
    asked: list[str] = []

    async def refuse(request: web.Request) -> web.Response:
        asked.append(request.path)
        error = {"code": code, "message": "no", "hint": ""}
        return web.json_response({"error": error}, status=status)

    async with serving(refuse) as address, AsyncClient(address) as client:
        with pytest.raises(kind):
            await first(1, client["s"].watch(after="zz"))
    assert asked == ["/s"]


async def test_what_is_no_watch_is_unreachable() -> None:
    for told in (b"x\n", b'{"event":"other","cursor":"a"}\n', b"[]\n"):

        async def lie(_: web.Request, told: bytes = told) -> web.Response:
            return web.Response(body=told)

        async with serving(lie) as address, AsyncClient(address, timeout_s=0.1) as client:
            with pytest.raises(Unreachable, match="not as a node does"):
                await first(1, client["s"].watch())


async def test_a_local_set_follows() -> None:
    gone = {**ADD, "event": "remove", "cursor": "a-3"}
    forgot = {**gone, "event": "collect", "cursor": "a-4"}
    async with (
        watched((OPEN, ADD, gone, forgot, ADD, RESET)) as (_, address),
        AsyncClient(address) as client,
    ):
        local = {"stale"}
        seen = []
        async for _event in client["s"].follow(local):
            seen.append(set(local))
            if len(seen) == 6:
                break
    assert seen == [{"m"}, {"m", "x"}, {"m"}, {"m"}, {"m", "x"}, {"m"}]


def test_events_are_read_in_whatever_pieces_they_arrive() -> None:
    raw = {"event": "add", "set": "s", "elementBase64": "/w==", "time": 1, "cursor": "a-5"}
    data = b"\n" + lines(OPEN, BEAT, ADD, raw, RESET)
    whole = Watching("s", BYTES, None).feed("a:1", data)
    assert [event.element for event in whole] == [None, b"x", b"\xff", None]
    rng = Random(5)
    for _ in range(200):
        watching, found, at = Watching("s", BYTES, None), [], 0
        while at < len(data):
            size = rng.randrange(1, 40)
            found += watching.feed("a:1", data[at : at + size])
            at += size
        assert found == whole


def test_what_is_not_text_is_said_in_a_watch_of_text() -> None:
    raw = {"event": "add", "set": "s", "elementBase64": "/w==", "time": 1, "cursor": "a-5"}
    with pytest.raises(InvalidElement, match="no text"):
        Watching("s", TEXT, None).feed("a:1", lines(raw))


def test_a_line_without_end_is_refused() -> None:
    with pytest.raises(Unreachable, match="without end"):
        Watching("s", TEXT, None).feed("a:1", b"x" * (LINE_BYTES_MAX + 1))


def test_half_a_line_is_dropped_with_its_connection() -> None:
    watching = Watching("s", TEXT, None)
    watching.feed("a:1", lines(OPEN) + b'{"event": "ad')
    watching.request()
    assert watching.feed("a:1", lines(ADD)) == [Event("add", "a-2", "x", 5, set="s")]
