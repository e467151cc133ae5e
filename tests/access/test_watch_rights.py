"""Who may watch what, on a node that checks tokens, and for how long."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import aiohttp
import pytest

from tests.access.calls import ADMIN, Bearer, Nodes
from tests.node.watching_processes import Stream, streaming

pytestmark = pytest.mark.slow


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[Nodes]:
    with ExitStack() as stack:
        yield Nodes(tmp_path, stack)


async def put(node: Bearer, path: str) -> None:
    answer = await asyncio.to_thread(node.call, "PUT", path, b"", ADMIN)
    assert answer.status == 200


async def next_element(stream: Stream) -> tuple[str, str]:
    event = await stream.next()
    while event["event"] in {"open", "beat"}:
        event = await stream.next()
    return event["set"], event["element"]


async def test_a_token_watches_what_it_may_read_and_nothing_else(nodes: Nodes) -> None:
    node = nodes.first()
    token, record = nodes.record([["read", "team-*"]])
    await asyncio.to_thread(node.put_record, record)
    for path in ("/other?watch", "/_peers_?watch", "/_tokens_?watch"):
        assert node.call("GET", path, token=token).status == 403
    assert node.call("GET", "/_tokens_?watch", token=ADMIN).status == 403
    assert node.call("GET", "/_/watch").status == 401
    async with (
        streaming(node.address, "/_/watch?after=0", token) as many,
        streaming(node.address, "/_/watch?prefix=_peers_&after=0", token) as none,
        streaming(node.address, "/team-a?watch", token) as one,
    ):
        assert (await none.next())["event"] == "open"
        await one.next()
        await put(node, "/other/x")
        await put(node, "/team-a/y")
        assert await next_element(many) == ("team-a", "y")
        assert await next_element(one) == ("team-a", "y")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await next_element(none)


async def test_a_revoked_token_is_told_nothing_more_and_its_stream_ends(nodes: Nodes) -> None:
    node = nodes.first()
    token, record = nodes.record([["read", "*"]])
    await asyncio.to_thread(node.put_record, record)
    async with streaming(node.address, "/s?watch", token) as told:
        await told.next()
        await put(node, "/s/a")
        assert await next_element(told) == ("s", "a")
        await asyncio.to_thread(node.drop_record, record)
        await put(node, "/s/b")
        with pytest.raises(EOFError):
            await told.next()
    with pytest.raises((AssertionError, aiohttp.ClientError)):
        async with streaming(node.address, "/s?watch", token):
            pass
