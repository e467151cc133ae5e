"""Sets larger than one transaction, one packet or one reply at once."""

import asyncio
from collections.abc import Iterator
from random import Random

import pytest

from lastword.api.resp.chance import SMALL_MEMBERS, draws, sample
from lastword.api.resp.view import BYTES_ATOMIC_MAX, ROWS_ATOMIC_MAX, StoreView
from lastword.limits import ELEMENT_BYTES_MAX
from lastword.store.memory import MemoryStore
from lastword.store.operations import Write
from tests.api.resp.resp_node import RespClient, RespNode
from tests.stores import MemoryStores

MANY = ROWS_ATOMIC_MAX + 500


async def fill(client: RespClient, name: str, count: int) -> None:
    for start in range(0, count, 10_000):
        some = range(start, min(start + 10_000, count))
        assert await client.call("SADD", name, *(f"m{number}" for number in some)) == len(some)


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_set_larger_than_a_transaction_is_deleted_in_slices_and_refused_elsewhere(
    resp: RespNode, client: RespClient
) -> None:
    await fill(client, "s", MANY)
    await client.call("SADD", "small", "m0", "m1")
    for refused in [("RENAME", "s", "t"), ("SUNIONSTORE", "t", "s"), ("SDIFFSTORE", "s", "small")]:
        assert "rows in one transaction" in await client.error(*refused)
    await client.call("MULTI")
    await client.call("DEL", "s")
    assert "rows in one transaction" in str((await client.call("EXEC"))[0])
    assert await client.call("SCARD", "s") == MANY
    assert await client.call("SINTERSTORE", "t", "s", "small") == 2
    members = await client.call("SMEMBERS", "s")
    assert set(members) == {b"m%d" % number for number in range(MANY)}
    assert len(await client.call("SPOP", "s", 300)) == 300
    commits = resp.living.store.commits
    await client.send_commands([("DEL", "s", "no", "small"), ("EXISTS", "s"), ("SADD", "s", "z")])
    assert [await client.reply() for _ in range(3)] == [2, 0, 1]
    assert resp.living.store.commits > commits + MANY // 10_000
    assert await client.call("SMEMBERS", "s") == [b"z"]


@pytest.mark.slow
async def test_members_of_more_bytes_than_a_transaction_holds_are_deleted_all_the_same(
    client: RespClient,
) -> None:
    count = BYTES_ATOMIC_MAX // ELEMENT_BYTES_MAX + 10
    for start in range(0, count, 50):
        numbers = range(start, min(start + 50, count))
        await client.call("SADD", "s", *(b"%065536d" % number for number in numbers))
    assert "bytes in one transaction" in await client.error("RENAME", "s", "t")
    assert await client.call("DEL", "s") == 1
    assert await client.call("DBSIZE") == 0


async def test_too_many_members_of_one_command_are_refused_and_the_connection_goes_on(
    client: RespClient,
) -> None:
    members = [b"m%d" % number for number in range(ROWS_ATOMIC_MAX + 1)]
    assert "at most" in await client.error("SADD", "s", *members)
    assert await client.call("EXISTS", "s") == 0


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 3, 10, 1_000, 100_000])
async def test_a_scan_returns_what_is_there_throughout_whatever_comes_and_goes(
    resp: RespNode, client: RespClient, count: int
) -> None:
    other = await resp.client()
    staying = {b"m%d" % number for number in range(700)}
    await fill(client, "s", 700)
    found, cursor, turn = set[bytes](), b"0", 0
    while turn == 0 or cursor != b"0":
        cursor, members = await client.call("SSCAN", "s", cursor, "COUNT", count)
        found.update(members)
        await other.call("SADD", "s", f"new{turn}")
        await other.call("SREM", "s", f"new{turn - 3}")
        turn += 1
    assert found >= staying
    assert found - staying <= {b"new%d" % number for number in range(turn)}


async def test_a_scan_of_names_returns_each_once_and_no_other(client: RespClient) -> None:
    names = {b"n%d" % number for number in range(300)}
    await client.send_commands(("SADD", name, "a") for name in names)
    assert [await client.reply() for _ in names] == [1] * len(names)
    await client.call("DEL", "n7")
    found, cursor, calls = list[bytes](), b"", 0
    while cursor != b"0":
        cursor, some = await client.call("SCAN", cursor or b"0", "COUNT", 20)
        found += some
        calls += 1
    assert len(found) == len(set(found))
    assert set(found) == names - {b"n7"}
    assert 10 <= calls <= 20
    assert set((await client.call("SCAN", 0, "MATCH", "n1?", "COUNT", 10_000))[1]) == {
        b"n1%d" % number for number in range(10)
    }


@pytest.fixture
def crowded(tmp_path: object) -> Iterator[MemoryStore]:
    """A store with a set of 700 members and as many tombstones."""
    stores = MemoryStores(tmp_path)  # type: ignore[arg-type]  # a path
    store = stores.open("a:1")
    members = tuple(b"m%d" % number for number in range(1_400))
    store.execute(Write(b"s", add=members))
    store.execute(Write(b"s", remove=members[::2]))
    yield store
    store.check()


@pytest.mark.slow
def test_every_member_of_a_large_set_is_as_likely_as_any_other(crowded: MemoryStore) -> None:
    drawn = draws(StoreView(crowded), b"s", Random(7))
    counts: dict[bytes, int] = {}
    picks = 7_000
    for _ in range(picks):
        member = next(drawn)
        counts[member] = counts.get(member, 0) + 1
    expected = picks / 700
    chi_square = sum((count - expected) ** 2 / expected for count in counts.values())
    chi_square += (700 - len(counts)) * expected
    assert all(member[1:].isdigit() and int(member[1:]) % 2 for member in counts)
    assert 699 - 6 * 37 < chi_square < 699 + 6 * 37, "six deviations from what is fair"


@pytest.mark.parametrize("count", [0, 1, 40, 174, 175, 699, 700, 5_000])
def test_a_sample_has_no_member_twice_and_none_that_is_gone(
    crowded: MemoryStore, count: int
) -> None:
    members = sample(StoreView(crowded), b"s", count, Random(count))
    assert len(members) == len(set(members)) == min(count, 700)
    assert all(int(member[1:]) % 2 for member in members)


def test_a_small_set_is_drawn_from_as_a_whole(crowded: MemoryStore) -> None:
    crowded.execute(Write(b"t", add=tuple(b"%d" % number for number in range(SMALL_MEMBERS))))
    drawn = draws(StoreView(crowded), b"t", Random(3))
    assert len({next(drawn) for _ in range(4_000)}) == SMALL_MEMBERS


@pytest.mark.slow
async def test_clients_that_pop_at_once_get_each_member_once(
    resp: RespNode, client: RespClient
) -> None:
    await fill(client, "s", 1_000)
    others = [await resp.client() for _ in range(8)]

    async def pop(one: RespClient) -> list[bytes]:
        await one.send_commands([("SPOP", "s")] * 150)
        replies = [await one.reply() for _ in range(150)]
        return [reply for reply in replies if reply is not None]

    popped = [member for some in await asyncio.gather(*map(pop, others)) for member in some]
    assert len(popped) == len(set(popped)) == 1_000
    assert await client.call("SPOP", "s") is None
