"""What a client may do at the most, and what it is told."""

import asyncio

import pytest

from lastword.api.resp.connection import PIECE_BYTES
from lastword.api.resp.limits import RespLimits
from lastword.api.resp.session import Session
from lastword.api.resp.waiting import LINGER_S
from tests.api.http.raw_http import turns, until
from tests.api.resp.conftest import StartResp
from tests.api.resp.resp_node import RespClient, RespNode, encoded


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_a_client_too_many_is_told_so_and_closed(start_resp: StartResp) -> None:
    node = await start_resp(RespLimits(clients_max=2))
    first, second = [await node.client() for _ in range(2)]
    assert await first.call("PING") == b"PONG"
    assert await second.call("PING") == b"PONG"
    third = await node.client()
    assert await third.read_rest() == b"-ERR max number of clients reached\r\n"
    first.close()
    third.close()
    await until(lambda: len(node.server._roster) == 1)
    assert await (await node.client()).call("PING") == b"PONG"


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (b"*17\r\n", b"-ERR Protocol error: invalid multibulk length\r\n"),
        (
            encoded(*["SADD", "s", *range(15)]),
            b"-ERR Protocol error: invalid multibulk length\r\n",
        ),
        (b"*1\r\n$70001\r\n", b"-ERR Protocol error: invalid bulk length\r\n"),
        (
            b"*9\r\n" + (b"$60000\r\n" + b"a" * 60_000 + b"\r\n") * 3,
            b"-ERR Closing client that reached max query buffer length\r\n",
        ),
    ],
)
async def test_a_limit_of_a_command_is_told_and_ends_the_connection(
    start_resp: StartResp, sent: bytes, told: bytes
) -> None:
    node = await start_resp(
        RespLimits(arguments_max=16, bulk_bytes_max=70_000, query_buffer_bytes_max=150_000)
    )
    client = await node.client()
    await client.send(encoded("PING") + sent + encoded("PING"))
    assert await client.read_rest() == b"+PONG\r\n" + told


async def test_an_idle_client_is_closed_and_a_busy_one_is_not(start_resp: StartResp) -> None:
    node = await start_resp(RespLimits(idle_s=5.0, sweep_s=1_000.0))
    idle, busy = [await node.client() for _ in range(2)]
    assert await idle.call("PING") == b"PONG"
    assert await busy.call("PING") == b"PONG"
    node.server.sweep(now())
    assert await busy.call("PING") == b"PONG"
    node.server.sweep(now() + 4.0)
    assert await busy.call("PING") == b"PONG"
    node.server.sweep(now() + 6.0)
    assert await idle.read_rest() == b""
    assert await busy.call("PING") == b"PONG"


async def test_info_counts_what_was_sent_and_received(resp: RespNode, client: RespClient) -> None:
    assert await client.call("PING") == b"PONG"
    assert await client.error("NO") != ""
    resp.server.sweep(now())
    lines = bytes(await client.call("INFO", "stats")).decode().split("\r\n")
    figures = dict(line.split(":") for line in lines if ":" in line)
    sent = encoded("PING") + encoded("NO") + encoded("INFO", "stats")
    told = b"+PONG\r\n-ERR unknown command 'NO', with args beginning with: \r\n"
    assert int(figures["total_net_input_bytes"]) == len(sent)
    assert int(figures["total_net_output_bytes"]) == len(told)
    assert figures["total_error_replies"] == "1"
    assert figures["total_connections_received"] == "1"


async def test_without_a_timeout_nobody_idle_is_closed(resp: RespNode, client: RespClient) -> None:
    assert await client.call("PING") == b"PONG"
    resp.server.sweep(now())
    resp.server.sweep(now() + 1e9)
    assert await client.call("PING") == b"PONG"


@pytest.mark.slow
async def test_a_client_that_does_not_read_is_not_read_from_and_then_cut_off(
    start_resp: StartResp,
) -> None:
    node = await start_resp(RespLimits(sweep_s=1_000.0))
    filler = await node.client()
    for start in range(0, 20_000, 5_000):
        await filler.call(
            "SADD", "s", *(f"{number:0200}" for number in range(start, start + 5_000))
        )
    stuck = await node.client(receive_bytes=4_096)
    await stuck.send(encoded("SMEMBERS", "s") * 200)
    await until(lambda: _waiting(node) > 1_000_000)
    await turns(50)
    assert _waiting(node) < 6_000_000, "one reply of 4 MB waits, not two hundred"
    assert await filler.call("SCARD", "s") == 20_000
    node.server.sweep(now())
    node.server.sweep(now() + RespLimits().write_s + 1)
    await until(lambda: len(node.server._roster) == 1)


def _waiting(node: RespNode) -> int:
    """Return how many bytes of replies are held for all clients."""
    return sum(session.line.held_bytes()[1] for session in node.server._roster.sessions)


async def test_a_client_that_reads_late_gets_every_reply(
    resp: RespNode, client: RespClient
) -> None:
    await client.call("SADD", "s", *(f"{number:0100}" for number in range(10_000)))
    slow = await resp.client(receive_bytes=4_096)
    await slow.send(encoded("SMEMBERS", "s") * 3 + encoded("PING"))
    await turns(50)
    replies = [await slow.reply() for _ in range(4)]
    assert [len(reply) for reply in replies] == [10_000, 10_000, 10_000, 4]


async def test_a_reply_over_the_limit_is_an_error_and_the_connection_goes_on(
    start_resp: StartResp,
) -> None:
    node = await start_resp(RespLimits(output_buffer_bytes_max=65_536))
    client = await node.client()
    await client.call("SADD", "s", *(f"{number:0100}" for number in range(1_000)))
    for command in [("SMEMBERS", "s"), ("SUNION", "s", "t"), ("SRANDMEMBER", "s", -1_000_000)]:
        assert "the reply has more than 65536 bytes" in await client.error(*command)
    assert await client.call("SCARD", "s") == 1_000


async def test_a_refused_client_that_stays_is_cut_off(start_resp: StartResp) -> None:
    node = await start_resp(RespLimits(sweep_s=1_000.0))
    client = await node.client()
    await client.send(b"*x\r\n")
    await until(lambda: len(node.server._roster) == 1)
    assert b"Protocol error" in await client.read_rest()
    await client.send(b"more")
    node.server.sweep(now() + LINGER_S + 1)
    await until(lambda: len(node.server._roster) == 0)


async def test_what_arrived_whole_is_done_when_the_client_ends_its_side(resp: RespNode) -> None:
    client = await resp.client()
    await client.send(encoded("SADD", "s", "a") + encoded("SCARD", "s") + encoded("PING")[:-3])
    client.end_sending()
    assert await client.read_rest() == b":1\r\n:1\r\n"


@pytest.mark.parametrize(
    "begun", [b"", b"\r\n", b"*", b"*1\r\n", b"*2\r\n$4\r\nECHO\r\n$9\r\n", b"PIN"]
)
async def test_a_command_that_does_not_arrive_is_not_waited_for(
    start_resp: StartResp, begun: bytes
) -> None:
    node = await start_resp(RespLimits(sweep_s=1_000.0))
    client = await node.client()
    await client.send(begun)
    (session,) = await sessions(node, 1)
    await until(lambda: node.server._service.counted.bytes_in == len(begun))
    start = now()
    node.server.sweep(start)
    node.server.sweep(start + 19.0)
    assert not session.line.is_ending
    node.server.sweep(start + 21.0)
    assert await client.read_rest() == (
        b"-ERR Closing client whose command did not arrive in time\r\n"
    )


async def test_a_command_that_comes_by_drips_is_not_waited_for(start_resp: StartResp) -> None:
    """However often: a byte is no progress, 16 KiB are."""
    node = await start_resp(RespLimits(sweep_s=1_000.0))
    client = await node.client()
    await sessions(node, 1)
    start, size = now(), 300_000
    await take(node, client, b"*2\r\n$4\r\nECHO\r\n$%d\r\n" % size)
    for n in range(4):
        await take(node, client, b"x" * RespLimits().command_bytes_min)
        node.server.sweep(start + 19.0 * n)
    for n in range(20):
        await take(node, client, b"x")
        node.server.sweep(start + 57.0 + n)
    assert len(node.server._roster) == 1
    node.server.sweep(start + 78.0)
    assert b"did not arrive in time" in await client.read_rest()


async def sessions(node: RespNode, count: int) -> list[Session]:
    await until(lambda: len(node.server._roster) == count)
    return node.server._roster.sessions


async def take(node: RespNode, client: RespClient, data: bytes) -> None:
    """Send `data`, and return once the node has it."""
    counted = node.server._service.counted
    before = counted.bytes_in
    await client.send(data)
    await until(lambda: counted.bytes_in == before + len(data))


async def test_commands_of_all_clients_together_are_bounded(start_resp: StartResp) -> None:
    node = await start_resp(RespLimits(held_bytes_max=300_000))
    first, second = [await node.client() for _ in range(2)]
    begun = b"*2\r\n$4\r\nECHO\r\n$200000\r\n" + b"x" * 200_000
    await first.send(begun)
    await until(lambda: node.server.door.held_bytes > 200_000)
    await second.send(begun)
    assert b"what all clients hold is too much" in await second.read_rest()
    await first.send(b"\r\n")
    assert await first.reply() == b"x" * 200_000
    await until(lambda: node.server.door.held_bytes == 0)


@pytest.mark.slow
async def test_replies_that_nobody_takes_are_bounded_for_all_together(
    start_resp: StartResp,
) -> None:
    node = await start_resp(RespLimits(held_bytes_max=25_000_000, sweep_s=1_000.0))
    filler = await node.client()
    for start in range(0, 20_000, 5_000):
        members = (f"{number:01000}" for number in range(start, start + 5_000))
        await filler.call("SADD", "s", *members)
    first, second = [await node.client(receive_bytes=4_096) for _ in range(2)]
    await first.send(encoded("SMEMBERS", "s"))
    await until(lambda: node.server.door.held_bytes > 14_000_000)
    await second.send(encoded("SMEMBERS", "s"))
    await until(lambda: node.server.door.dropped["held"] == 1)
    await until(lambda: len(node.server._roster) == 2)
    assert len(await first.reply()) == 20_000
    assert await filler.call("SCARD", "s") == 20_000


async def test_of_a_packet_of_commands_few_are_taken_apart_at_once(resp: RespNode) -> None:
    client = await resp.client(receive_bytes=4_096)
    assert await client.call("SADD", "s", *(f"{number:0100}" for number in range(20))) == 20
    await client.send(b"SMEMBERS s\r\n" * 10_000)
    (session,) = await sessions(resp, 1)
    dialogue = session.line._dialogue  # type: ignore[attr-defined]  # it is a connection
    await until(lambda: dialogue.is_waiting)
    assert len(dialogue._pending) <= PIECE_BYTES // 12
    for _ in range(10_000):
        assert len(await client.reply()) == 20


async def test_a_long_pipeline_is_done_whole_though_the_client_has_ended_its_side(
    resp: RespNode,
) -> None:
    client = await resp.client()
    await client.send(b"".join(encoded("SADD", "s", number) for number in range(3_000)))
    client.end_sending()
    assert await client.read_rest() == b":1\r\n" * 3_000


@pytest.mark.parametrize("line", [b"POST / HTTP/1.1\r\n", b"Host: x\r\n"])
async def test_a_browser_is_cut_off_before_anything_is_done(
    resp: RespNode, client: RespClient, line: bytes
) -> None:
    await client.send(line + encoded("SADD", "s", "a"))
    with pytest.raises((ConnectionResetError, EOFError)):
        await client.reply()
    assert b"s" not in resp.living.store.totals()


async def test_closing_answers_what_is_under_way(start_resp: StartResp) -> None:
    node = await start_resp()
    client = await node.client()
    await client.send(encoded("SADD", "s", "a") * 50)
    assert await client.reply() == 1
    await node.server.close()
    assert [await client.reply() for _ in range(49)] == [0] * 49
    assert await client.read_rest() == b""
