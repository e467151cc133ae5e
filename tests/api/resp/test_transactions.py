"""MULTI and EXEC: one transaction of the store, with what each command says in it."""

from typing import Any

from lastword.api.resp.limits import RespLimits
from tests.api.resp.conftest import StartResp
from tests.api.resp.resp_node import RespClient, RespNode


async def transact(client: RespClient, *commands: tuple[bytes | str | int, ...]) -> Any:
    assert await client.call("MULTI") == b"OK"
    for command in commands:
        assert await client.call(*command) == b"QUEUED"
    return await client.call("EXEC")


async def test_reads_within_see_the_writes_before_them_and_none_after(client: RespClient) -> None:
    assert await transact(
        client,
        ("SCARD", "s"),
        ("SADD", "s", "a", "b"),
        ("SCARD", "s"),
        ("SISMEMBER", "s", "a"),
        ("SMISMEMBER", "s", "b", "c"),
        ("SREM", "s", "b"),
        ("SMEMBERS", "s"),
        ("KEYS", "*"),
        ("SCAN", 0),
        ("SSCAN", "s", 0),
        ("DBSIZE",),
        ("RENAME", "s", "t"),
        ("EXISTS", "s", "t"),
        ("SRANDMEMBER", "t"),
        ("PING",),
    ) == [
        0, 2, 2, 1, [1, 0], 1, [b"a"], [b"s"], [b"0", [b"s"]], [b"0", [b"a"]], 1, b"OK", 1, b"a",
        b"PONG",
    ]  # fmt: skip


async def test_all_of_a_transaction_is_one_commit(resp: RespNode, client: RespClient) -> None:
    before = resp.living.store.commits
    await transact(client, *(("SADD", f"s{number}", "a") for number in range(50)))
    assert resp.living.store.commits == before + 1


async def test_nothing_is_done_before_exec_or_after_discard(
    resp: RespNode, client: RespClient
) -> None:
    other = await resp.client()
    await client.call("MULTI")
    await client.call("SADD", "s", "a")
    assert await other.call("EXISTS", "s") == 0
    assert await client.call("DISCARD") == b"OK"
    assert await client.error("EXEC") == "ERR EXEC without MULTI"
    assert await other.call("EXISTS", "s") == 0


async def test_a_command_that_cannot_be_queued_lets_exec_do_nothing(client: RespClient) -> None:
    for wrong in [("NO",), ("SADD", "s"), ("CLIENT", "NO")]:
        await client.call("MULTI")
        await client.call("SADD", "s", "a")
        await client.error(*wrong)
        assert (await client.error("EXEC")).startswith("EXECABORT Transaction discarded")
        assert await client.call("EXISTS", "s") == 0


async def test_a_command_that_fails_leaves_the_others_as_they_are(client: RespClient) -> None:
    done = await transact(
        client, ("SADD", "s", "a"), ("RENAME", "no", "t"), ("SADD", "_", "x"), ("SADD", "s", "b")
    )
    assert [done[0], done[3]] == [1, 1]
    assert [str(error) for error in done[1:3]] == [
        "ERR no such key",
        "ERR a set's name does not start with '_': such names are reserved",
    ]


async def test_a_watched_set_that_anyone_changed_lets_exec_do_nothing(
    resp: RespNode, client: RespClient
) -> None:
    await client.call("SADD", "s", "a")
    await client.call("WATCH", "s", "t")
    await resp.living.ask("DELETE", "/s/a")
    assert await transact(client, ("SADD", "s", "b")) is None
    assert await transact(client, ("SADD", "s", "c")) == [1]
    await client.call("WATCH", "t")
    await client.call("SADD", "t", "x")
    await client.call("SREM", "t", "x")
    assert await transact(client, ("SADD", "s", "d")) is None
    await client.call("WATCH", "t")
    await client.call("SADD", "t", "x")
    await client.call("UNWATCH")
    assert await transact(client, ("SADD", "s", "e")) == [1]


async def test_exec_without_multi_leaves_what_is_watched(client: RespClient) -> None:
    await client.call("WATCH", "s")
    assert await client.error("EXEC") == "ERR EXEC without MULTI"
    await client.call("SADD", "s", "a")
    assert await transact(client, ("SADD", "s", "b")) is None


async def test_a_watched_set_that_nobody_changed_lets_exec_go_on(client: RespClient) -> None:
    await client.call("SADD", "s", "a")
    await client.call("WATCH", "s", "nothing")
    await client.call("SADD", "t", "a")
    assert await transact(client, ("SADD", "s", "b")) == [1]


async def test_reset_and_the_end_of_a_connection_forget_the_queue(client: RespClient) -> None:
    await client.call("MULTI")
    await client.call("SADD", "s", "a")
    assert await client.call("RESET") == b"RESET"
    assert await client.error("EXEC") == "ERR EXEC without MULTI"
    assert await client.call("EXISTS", "s") == 0


async def test_a_queue_has_its_limit(start_resp: StartResp) -> None:
    node = await start_resp(RespLimits(queued_commands_max=2))
    client = await node.client()
    await client.call("MULTI")
    assert [await client.call("PING") for _ in range(2)] == [b"QUEUED"] * 2
    assert await client.error("PING") == "ERR too many commands are queued"
    assert (await client.error("EXEC")).startswith("EXECABORT")


async def test_hello_within_changes_the_replies_behind_it(client: RespClient) -> None:
    await client.call("SADD", "s", "a")
    done = await transact(client, ("SMEMBERS", "s"), ("HELLO", 3), ("SMEMBERS", "s"))
    assert done[0] == [b"a"]
    assert done[1][b"proto"] == 3
    assert set(done[2]) == {b"a"}


async def test_watched_names_are_limited(start_resp: StartResp) -> None:
    node = await start_resp(RespLimits(watched_names_max=3))
    client = await node.client()
    assert await client.call("WATCH", "a", "b", "c") == b"OK"
    assert await client.call("WATCH", "a", "c") == b"OK", "those are watched already"
    assert "too many keys" in str(await client.call("WATCH", "d"))
    await client.call("SADD", "a", "1")
    assert await transact(client, ("SCARD", "a")) is None, "what was watched is still watched"
