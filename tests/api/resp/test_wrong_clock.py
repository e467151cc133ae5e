"""A node whose clock is wrong takes no command that writes, and every one that reads."""

import time

import pytest

from lastword.replication.frames import Frame
from lastword.store.operations import PEERS_SET, Write
from tests.api.living_node import NOW_US
from tests.api.resp.resp_node import RespClient, RespNode
from tests.api.resp.test_transactions import transact

HOUR_US = 3_600_000_000
OTHERS = ("a.invalid:1", "b.invalid:1")


async def set_wall(resp: RespNode, off_us: int) -> None:
    """Let the wall be off those of two members, which have just answered, by `off_us`."""
    node, now_us = resp.living.node, time.monotonic_ns() // 1000
    node.store.execute(Write(PEERS_SET, tuple(address.encode() for address in OTHERS)))
    resp.living.wall.now_us = NOW_US + off_us
    for run, address in enumerate(OTHERS, start=900):
        frame = Frame(wall_us=NOW_US, run=run)
        node.replica.answer(address, frame, now_us, sent_us=now_us)
    await node.tick()


async def test_writes_are_refused_and_reads_go_on_until_the_clock_is_right(
    resp: RespNode, client: RespClient
) -> None:
    assert await client.call("SADD", "s", "a", "b") == 2
    await set_wall(resp, HOUR_US)
    writes = (
        ("SADD", "s", "x"),
        ("SREM", "s", "a"),
        ("SPOP", "s"),
        ("SMOVE", "s", "t", "a"),
        ("SUNIONSTORE", "t", "s"),
        ("RENAME", "s", "t"),
        ("DEL", "s"),
        ("FLUSHALL",),
    )
    for write in writes:
        refusal = await client.error(*write)
        assert refusal.startswith("MISCONF the clock of this node is 3600.0 s ahead"), write
    assert sorted(await client.call("SMEMBERS", "s")) == [b"a", b"b"]
    await set_wall(resp, 0)
    assert await client.call("SADD", "s", "c") == 1


async def test_a_transaction_that_writes_is_refused_whole_and_one_that_reads_is_not(
    resp: RespNode, client: RespClient
) -> None:
    await client.call("SADD", "s", "a")
    await set_wall(resp, -HOUR_US)
    assert await transact(client, ("SCARD", "s"), ("SISMEMBER", "s", "a"), ("PING",)) == [
        1,
        1,
        b"PONG",
    ]
    refused = await transact(client, ("SCARD", "s"), ("SADD", "s", "b"))
    assert str(refused).startswith("MISCONF")
    assert await client.call("SCARD", "s") == 1


@pytest.mark.parametrize("off_us", [HOUR_US, -HOUR_US])
async def test_what_a_node_writes_for_itself_is_not_refused(resp: RespNode, off_us: int) -> None:
    await set_wall(resp, off_us)
    store = resp.living.store
    store.list_member("c.invalid:1")
    assert "c.invalid:1" in store.members()
