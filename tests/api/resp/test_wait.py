"""WAIT: how many other members have a connection's writes, and never one too many."""

import pytest

from tests.api.http.raw_http import until
from tests.api.resp.conftest import StartResp
from tests.api.resp.resp_node import RespNode

SOON_MS = 50
LONG_MS = 60_000


async def test_alone_nobody_else_has_anything(start_resp: StartResp) -> None:
    client = await (await start_resp()).client()
    await client.call("SADD", "s", "a")
    assert await client.call("WAIT", 0, 0) == 0
    assert await client.call("WAIT", 1, 1) == 0


@pytest.mark.slow
async def test_it_returns_when_the_others_have_what_was_written(start_resp: StartResp) -> None:
    first = await start_resp(listed=True)
    others = [await start_resp(listed=True, contacts=(first.living.address,)) for _ in range(2)]
    client = await first.client()
    for number in range(5):
        await client.call("SADD", "s", number)
        assert await client.call("WAIT", 2, LONG_MS) == 2
        for other in others:
            assert other.living.store.contains(b"s", b"%d" % number)
    await client.call("MULTI")
    await client.call("SADD", "s", "x")
    await client.call("WAIT", 2, 0)
    written, having = await client.call("EXEC")
    assert written == 1
    assert having == 0, "nobody can have heard of it, and within EXEC nothing waits"


@pytest.mark.slow
async def test_it_counts_nobody_who_has_not_got_it(start_resp: StartResp) -> None:
    first = await start_resp(listed=True)
    second = await start_resp(listed=True, contacts=(first.living.address,))
    client = await first.client()
    await client.call("SADD", "s", "a")
    assert await client.call("WAIT", 1, LONG_MS) == 1
    second.living._running.cancel()
    await second.living.server.close(0)
    await client.call("SADD", "s", "b")
    assert await client.call("WAIT", 1, SOON_MS) == 0
    fresh = await first.client()
    assert await fresh.call("WAIT", 1, SOON_MS) == 1, "it has written nothing"


async def test_a_client_that_goes_leaves_nothing_waiting(resp: RespNode) -> None:
    client = await resp.client()
    await client.send(b"PING\r\nWAIT 1 0\r\n")
    assert await client.reply() == b"PONG"
    client.close()
    await until(lambda: len(resp.server._roster) == 0)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("x", 1), "ERR value is not an integer or out of range"),
        ((1, "x"), "ERR timeout is not an integer or out of range"),
        ((1, -1), "ERR timeout is negative"),
    ],
)
async def test_what_is_no_number_is_told(
    resp: RespNode, arguments: tuple[str | int, str | int], error: str
) -> None:
    client = await resp.client()
    assert await client.error("WAIT", *arguments) == error
