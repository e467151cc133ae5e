"""redis-py, as applications use it, in both protocols, with and without asyncio."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import redis.asyncio

import redis
from tests.redis.conftest import Connect
from tools.resp_node import RespNode

BINARY = {b"", b"\x00", b"\xff\xfe", b"\r\n", b"$-1\r\n", "é".encode(), b"x" * 65_536}


@pytest.fixture(params=[2, 3])
def client(resp_node: RespNode, connect: Connect, request: pytest.FixtureRequest) -> Iterator[Any]:
    connect()
    with redis.Redis.from_url(
        f"redis://{resp_node.resp_address}", protocol=request.param
    ) as client:
        yield client


@pytest.fixture(params=[2, 3])
async def async_client(
    resp_node: RespNode, connect: Connect, request: pytest.FixtureRequest
) -> AsyncIterator[Any]:
    connect()
    url = f"redis://{resp_node.resp_address}"
    async with redis.asyncio.Redis.from_url(url, protocol=request.param) as client:
        yield client


def test_sets_are_sets(client: Any) -> None:
    assert client.sadd("s", "a", "b", 3) == 3
    assert client.sadd("s", "a") == 0
    assert client.smembers("s") == {b"a", b"b", b"3"}
    assert client.sismember("s", "a") == 1
    assert client.smismember("s", ["a", "z"]) == [1, 0]
    assert client.srem("s", "a", "z") == 1
    assert client.scard("s") == 2
    assert client.smove("s", "t", "b") is True
    assert client.smove("s", "t", "b") is False
    assert client.sunion("s", "t") == {b"b", b"3"}
    assert client.sinter("s", "t") == set()
    assert client.sdiff("s", "t") == {b"3"}
    assert client.sunionstore("u", ["s", "t"]) == 2
    assert client.sinterstore("u", ["u", "s"]) == 1
    assert client.sdiffstore("u", ["s", "u"]) == 0
    assert client.sintercard(2, ["s", "t"]) == 0
    assert client.exists("s", "t", "u") == 2
    assert client.type("s") == b"set"
    assert sorted(client.keys()) == [b"s", b"t"]
    assert client.rename("s", "r") is True
    assert client.dbsize() == 2
    assert client.delete("r", "t", "u") == 2
    assert client.randomkey() is None


def test_members_are_any_bytes(client: Any) -> None:
    client.sadd("s", *BINARY)
    assert client.smembers("s") == BINARY
    assert client.smismember("s", list(BINARY)) == [1] * len(BINARY)
    assert set(client.srandmember("s", 100)) == BINARY
    popped = client.spop("s", 3)
    assert len(popped) == 3
    assert client.smembers("s") | set(popped) == BINARY
    assert client.srem("s", *BINARY) == len(BINARY) - 3


def test_iterators_find_everything_once_asked_for_pages(client: Any) -> None:
    members = {b"m%d" % n for n in range(2_000)}
    client.sadd("large", *members)
    client.sadd("small", "a")
    found = list(client.sscan_iter("large", count=50))
    assert set(found) == members
    assert set(client.sscan_iter("large", match="m1?", count=10)) == {
        b"m1%d" % n for n in range(10)
    }
    assert set(client.scan_iter()) == {b"large", b"small"}
    assert set(client.scan_iter(match="l*", _type="set")) == {b"large"}
    assert set(client.scan_iter(_type="string")) == set()


def test_a_pipeline_is_answered_in_order(client: Any) -> None:
    with client.pipeline(transaction=False) as pipeline:
        for n in range(500):
            pipeline.sadd("s", n).scard("s")
        assert pipeline.execute() == [value for n in range(500) for value in (1, n + 1)]


def test_a_transaction_is_done_whole(client: Any) -> None:
    with client.pipeline(transaction=True) as pipeline:
        pipeline.sadd("s", "a", "b").smembers("s").srem("s", "a").scard("s")
        assert pipeline.execute() == [2, {b"a", b"b"}, 1, 1]
        pipeline.sadd("s", "c").spop("s", -1)
        with pytest.raises(redis.ResponseError, match="value is out of range, must be positive"):
            pipeline.execute()
    assert client.sismember("s", "c") == 1


def test_a_watched_set_that_changed_ends_the_transaction(client: Any) -> None:
    with client.pipeline() as pipeline:
        pipeline.watch("s")
        assert client.sadd("s", "other") == 1
        pipeline.multi()
        pipeline.sadd("s", "mine")
        with pytest.raises(redis.WatchError):
            pipeline.execute()
    assert client.smembers("s") == {b"other"}
    with client.pipeline() as pipeline:
        pipeline.watch("s")
        pipeline.multi()
        assert pipeline.sadd("s", "mine").execute() == [1]


def test_text_comes_back_as_text(resp_node: RespNode, connect: Connect) -> None:
    connect()
    url = f"redis://{resp_node.resp_address}"
    with redis.Redis.from_url(url, decode_responses=True, client_name="texts") as texts:
        texts.sadd("s", "é", "ü")
        assert texts.smembers("s") == {"é", "ü"}
        assert texts.client_getname() == "texts"
        assert "s" in texts.keys()  # noqa: SIM118 - of all sets, not of a mapping


def test_what_connections_are_asked_works(client: Any) -> None:
    assert client.ping() is True
    assert client.echo("x") == b"x"
    assert client.client_id() > 0
    assert isinstance(client.time()[0], int)
    assert "redis_version" in client.info("server")
    assert client.config_get("appendonly") != {}
    assert client.command_count() > 40
    assert client.select(0)
    with pytest.raises(redis.ResponseError, match="DB index is out of range"):
        client.select(1)
    with pytest.raises(redis.ResponseError, match="unknown command 'GET'"):
        client.get("s")


async def test_asyncio_does_the_same(async_client: Any) -> None:
    assert await async_client.sadd("s", *BINARY) == len(BINARY)
    assert await async_client.smembers("s") == BINARY
    assert {member async for member in async_client.sscan_iter("s", count=2)} == BINARY
    assert {name async for name in async_client.scan_iter()} == {b"s"}
    async with async_client.pipeline(transaction=True) as pipeline:
        pipeline.scard("s").delete("s").exists("s")
        assert await pipeline.execute() == [len(BINARY), 1, 0]


async def test_asyncio_sees_a_watched_set_change(async_client: Any) -> None:
    async with async_client.pipeline() as pipeline:
        await pipeline.watch("s")
        await async_client.sadd("s", "other")
        pipeline.multi()
        pipeline.sadd("s", "mine")
        with pytest.raises(redis.WatchError):
            await pipeline.execute()
    assert await async_client.smembers("s") == {b"other"}
