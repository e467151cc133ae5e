"""Sets by the Redis protocol: what REST and other clients see of them, and what is refused."""

from random import Random

import pytest

from lastword.api.resp.replies import Raw, encode
from lastword.limits import ELEMENT_BYTES_MAX
from lastword.store.operations import PEERS_SET
from tests.api.resp.conftest import StartResp
from tests.api.resp.resp_node import RespClient, RespNode

MEMBERS = [b"a", b"b", b"", b"\x00\r\n\xff", "\N{WATERMELON}".encode()]
NAMES = [b"s", b"t", b"u"]


async def test_what_is_added_here_is_seen_by_rest_and_the_other_way(
    resp: RespNode, client: RespClient
) -> None:
    assert await client.call("SADD", "s", "a", "b", "a") == 2
    await resp.living.ask("PUT", "/s/c")
    await resp.living.ask("DELETE", "/s/a")
    assert set(await client.call("SMEMBERS", "s")) == {b"b", b"c"}
    assert (await resp.living.ask("GET", "/s/b")).body == b"true"
    assert await client.call("SCARD", "s") == 2


async def test_a_member_that_is_present_gets_a_newer_stamp_and_counts_as_none(
    resp: RespNode, client: RespClient
) -> None:
    await client.call("SADD", "s", "a")
    before = resp.living.store.stamp_of(b"s", b"a")
    assert await client.call("SADD", "s", "a") == 0
    after = resp.living.store.stamp_of(b"s", b"a")
    assert before is not None
    assert after is not None
    assert after > before


async def test_removing_writes_tombstones_also_of_what_is_not_there(
    resp: RespNode, client: RespClient
) -> None:
    await client.call("SADD", "s", "a")
    assert await client.call("SREM", "s", "a", "b", "a") == 1
    totals = resp.living.store.totals()[b"s"]
    assert (totals.present, totals.tombstones) == (0, 2)
    assert await client.call("EXISTS", "s") == 0
    assert await client.call("KEYS", "*") == []


@pytest.mark.parametrize("seed", range(4))
async def test_any_sequence_of_commands_leaves_what_python_sets_would_have(
    client: RespClient, seed: int
) -> None:
    rng, model = Random(seed), {name: set[bytes]() for name in NAMES}
    for _ in range(60):
        await _play(client, rng, model)
    for name, members in model.items():
        assert set(await client.call("SMEMBERS", name)) == members
        assert await client.call("SCARD", name) == len(members)
    held = {name for name, members in model.items() if members}
    assert set(await client.call("KEYS", "*")) == held
    assert await client.call("DBSIZE") == len(held)


async def _play(client: RespClient, rng: Random, model: dict[bytes, set[bytes]]) -> None:
    """Do one command on both."""
    name, other = rng.choice(NAMES), rng.choice(NAMES)
    some = rng.sample(MEMBERS, rng.randint(1, 3))
    held = model[name]
    both: dict[str, set[bytes]] = {
        "SINTER": held & model[other],
        "SUNION": held | model[other],
        "SDIFF": held - model[other],
    }
    verb = rng.choice(["SADD", "SREM", "SMOVE", "SPOP", "DEL", "RENAME", *both])
    match verb:
        case "SADD":
            assert await client.call(verb, name, *some) == len(set(some) - held)
            held.update(some)
        case "SREM":
            assert await client.call(verb, name, *some) == len(held.intersection(some))
            held.difference_update(some)
        case "SMOVE":
            assert await client.call(verb, name, other, some[0]) == (some[0] in held)
            if some[0] in held:
                held.discard(some[0])
                model[other].add(some[0])
        case "SPOP":
            popped = await client.call(verb, name, 2)
            assert len(popped) == min(2, len(held))
            assert held.issuperset(popped)
            held.difference_update(popped)
        case "DEL":
            assert await client.call(verb, name) == bool(held)
            held.clear()
        case "RENAME" if held:
            assert await client.call(verb, name, other) == b"OK"
            if name != other:
                model[other], model[name] = held, set()
        case _ if verb in both:
            assert set(await client.call(verb, name, other)) == both[verb]
            assert await client.call(f"{verb}STORE", name, name, other) == len(both[verb])
            model[name] = both[verb]


@pytest.mark.parametrize("name", [b"", b"a/b", b"_peers_", b"_x", b"\xff", b"a" * 256])
async def test_names_that_rest_cannot_carry_are_refused_with_the_reason(
    client: RespClient, name: bytes
) -> None:
    for command in [("SADD", name, "a"), ("SMEMBERS", name), ("DEL", "s", name), ("WATCH", name)]:
        assert (await client.error(*command)).startswith("ERR a set's name ")


async def test_reserved_sets_do_not_exist_here(resp: RespNode, client: RespClient) -> None:
    await resp.living.ask("PUT", "/_peers_/far.invalid:1")
    await client.call("SADD", "s", "a")
    assert await client.call("KEYS", "*") == [b"s"]
    assert await client.call("SCAN", 0, "COUNT", 100) == [b"0", [b"s"]]
    assert await client.call("DBSIZE") == 1
    assert {await client.call("RANDOMKEY") for _ in range(20)} == {b"s"}
    assert await client.call("FLUSHALL") == b"OK"
    assert resp.living.store.contains(PEERS_SET, b"far.invalid:1")
    assert await client.call("DBSIZE") == 0


async def test_a_member_too_long_is_an_error_and_the_connection_goes_on(
    resp: RespNode, client: RespClient
) -> None:
    longest = b"a" * ELEMENT_BYTES_MAX
    assert "at most 65536 bytes" in await client.error("SADD", "s", "b", longest + b"a")
    assert await client.call("SADD", "s", longest) == 1
    assert await client.call("SISMEMBER", "s", longest + b"a") == 0
    assert await client.call("SMEMBERS", "s") == [longest]
    assert resp.living.store.totals()[b"s"].present == 1


async def test_without_leave_nothing_is_flushed(start_resp: StartResp) -> None:
    node = await start_resp(allow_flush=False)
    client = await node.client()
    assert (await client.error("FLUSHALL")).startswith("ERR unknown command 'FLUSHALL'")
    assert await client.call("COMMAND", "INFO", "flushdb") == [None]


async def test_a_pipeline_of_all_kinds_is_answered_in_order(client: RespClient) -> None:
    commands: list[tuple[bytes | str | int, ...]] = []
    expected: list[object] = []
    for number in range(300):
        commands += [("SADD", "s", number), ("SISMEMBER", "s", number), ("PING", number)]
        commands += [("SCARD", "s"), ("SISMEMBER", "s", number), ("SISMEMBER", "t", number)]
        expected += [1, 1, str(number).encode(), number + 1, 1, 0]
    await client.send_commands(commands)
    assert [await client.reply() for _ in commands] == expected


async def test_an_error_within_a_pipeline_stands_in_its_place(client: RespClient) -> None:
    commands = [("SADD", "s", "a"), ("SADD", "s"), ("SADD", "_", "a"), ("NO",), ("SADD", "s", "b")]
    await client.send_commands(commands)
    replies = [await client.reply() for _ in commands]
    assert [replies[0], replies[4]] == [1, 1]
    assert [str(reply)[:17] for reply in replies[1:4]] == [
        "ERR wrong number ", "ERR a set's name ", "ERR unknown comma",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "second", "third"),
    [
        (None, b"$-1\r\n", b"_\r\n"),
        (True, b":1\r\n", b":1\r\n"),
        (frozenset({b"a"}), b"*1\r\n$1\r\na\r\n", b"~1\r\n$1\r\na\r\n"),
        ({"a": 1}, b"*2\r\n$1\r\na\r\n:1\r\n", b"%1\r\n$1\r\na\r\n:1\r\n"),
        ([b"", 2], b"*2\r\n$0\r\n\r\n:2\r\n", b"*2\r\n$0\r\n\r\n:2\r\n"),
        (Raw(b"+x\r\n"), b"+x\r\n", b"+x\r\n"),
    ],
)
def test_values_have_their_forms_in_both_versions(
    value: object, second: bytes, third: bytes
) -> None:
    assert encode(value, 2) == second
    assert encode(value, 3) == third
