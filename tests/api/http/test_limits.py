"""What the server does about clients that send too much, too slowly, or never read."""

import asyncio
import json

import pytest

from lastword.api.http import HttpLimits, Request, Response
from lastword.api.http.connection import PIECE_BYTES, Connection
from tests.api.http.raw_http import GET, RawClient, get, post, turns, until
from tests.api.http.site import Site, echo


async def refused(client: RawClient) -> tuple[int, str]:
    answer = await client.read_answer()
    assert answer.closes
    error = json.loads(answer.body)["error"]
    assert error["message"]
    assert error["hint"]
    client.end_sending()
    assert await client.read_rest() == b""
    return answer.status, error["code"]


@pytest.mark.parametrize(
    ("request_bytes", "status", "code"),
    [
        (post(b"x" * 101), 413, "body_too_large"),
        (get(b"/" * 101), 414, "target_too_long"),
        (post(b"", b"X: " + b"y" * 1_000), 431, "headers_too_large"),
        (b"GET / HTTP/1.1\r\n\r\n", 400, "invalid_request"),
        (b"\x16\x03\x01", 400, "invalid_request"),
    ],
)
async def test_what_is_over_a_limit_is_refused_and_the_connection_closed(
    site: Site, request_bytes: bytes, status: int, code: str
) -> None:
    await site.start(echo, body_bytes_max=100, target_bytes_max=100, headers_bytes_max=500)
    assert await refused(await site.client(request_bytes)) == (status, code)


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_client_that_first_sends_all_still_reads_why_it_was_refused(
    site: Site, chunked: bool
) -> None:
    await site.start(echo, body_bytes_max=1_000)
    body = b"x" * (4 << 20)
    data = post(body)
    if chunked:
        data = b"POST /s HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        data += b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    assert await refused(await site.client(data)) == (413, "body_too_large")


async def test_what_a_refused_client_still_sends_is_read_within_limits(site: Site) -> None:
    await site.start(echo, linger_bytes_max=1_000)
    client = await site.client(b"rubbish\r\n\r\n")
    assert (await client.read_answer()).status == 400
    await client.send(b"x" * 1_000)
    await turns(50)
    assert site.server._shared.connections
    await client.send(b"x")
    await until(lambda: not site.server._shared.connections)


async def test_a_refused_client_that_stays_is_cut_off(site: Site) -> None:
    await site.start(echo)
    client = await site.client(b"rubbish\r\n\r\n")
    assert (await client.read_answer()).status == 400
    assert await client.read_rest() == b""
    site.server.sweep(0.0)
    assert site.server._shared.connections
    site.server.sweep(3.0)
    await until(lambda: not site.server._shared.connections)


@pytest.mark.parametrize(
    ("part", "late_s"), [(b"G", 11.0), (GET[:-1], 11.0), (post(b"hello")[:-1], 21.0)]
)
async def test_a_request_that_does_not_arrive_in_time_is_refused(
    site: Site, part: bytes, late_s: float
) -> None:
    await site.start(echo)
    client = await site.client(part)
    connection = await site.connection()
    await until(lambda: connection._reader.begun)
    site.server.sweep(0.0)
    site.server.sweep(late_s - 2.0)
    assert not connection._lingering
    site.server.sweep(late_s)
    assert await refused(client) == (408, "request_timeout")


async def drip(connection: Connection, client: RawClient, count: int) -> None:
    before = connection._reader.body_bytes
    await client.send(b"x" * count)
    await until(lambda: connection._reader.body_bytes == before + count)


async def test_a_body_that_comes_too_slowly_is_refused(site: Site) -> None:
    """However little it sends however often: a byte is no progress."""
    await site.start(echo)
    client = await site.client(post(b"x" * 100)[:-100])
    connection = await site.connection()
    for second in range(21):
        await drip(connection, client, 1)
        site.server.sweep(float(second))
        assert not connection._lingering
    site.server.sweep(21.0)
    assert await refused(client) == (408, "request_timeout")


async def test_a_body_at_the_least_rate_is_refused_in_the_end(site: Site) -> None:
    await site.start(echo)
    step = HttpLimits().read_bytes_min
    client = await site.client(post(b"x" * 40 * step)[: -40 * step])
    connection = await site.connection()
    for n in range(31):
        await drip(connection, client, step)
        site.server.sweep(19.0 * n)
    await drip(connection, client, step)
    site.server.sweep(19.0 * 31)
    assert not connection._lingering
    site.server.sweep(601.0)
    assert await refused(client) == (408, "request_timeout")


async def test_a_connection_that_brings_no_first_request_is_closed_early(site: Site) -> None:
    await site.start(echo)
    client = await site.client()
    await site.connection()
    site.server.sweep(0.0)
    site.server.sweep(9.0)
    assert site.server._shared.connections
    site.server.sweep(11.0)
    assert await client.read_rest() == b""


async def test_asking_for_more_does_not_excuse_from_reading(site: Site) -> None:
    size = 16 << 20
    await site.start(lambda _: Response(body=b"x" * size))
    client = await site.client(GET, receive_bytes=4_096)
    connection = await site.connection()
    await until(lambda: connection._outlet.choked)
    for n in range(4):
        site.server.sweep(10.0 * n)
        connection._reader.messages += 1  # what has come since, as far as it is read
    await until(lambda: not site.server._shared.connections)
    client.close()


async def test_the_clock_of_arrival_stands_still_while_the_handler_works(site: Site) -> None:
    answer: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
    await site.start(lambda _: answer)
    client = await site.client(GET + GET[:-1])
    connection = await site.connection()
    await until(lambda: connection._reader.begun)
    site.server.sweep(0.0)
    site.server.sweep(1_000.0)
    answer.set_result(Response(body=b"late"))
    assert (await client.read_answer()).body == b"late"
    site.server.sweep(1_001.0)
    await client.send(GET[-1:])
    assert (await client.read_answer()).body == b"late"


async def test_a_connection_without_requests_is_closed(site: Site) -> None:
    await site.start(echo)
    idle, used = await site.client(GET), await site.client(GET)
    await idle.read_answer()
    await used.read_answer()
    site.server.sweep(0.0)
    site.server.sweep(70.0)
    await used.send(GET)
    await used.read_answer()
    site.server.sweep(76.0)
    assert await idle.read_rest() == b""
    site.server.sweep(150.0)
    assert len(site.server._shared.connections) == 1
    site.server.sweep(152.0)
    assert await used.read_rest() == b""


async def test_a_client_that_does_not_read_is_cut_off(site: Site) -> None:
    await site.start(lambda _: Response(body=b"x" * (16 << 20)))
    client = await site.client(GET, receive_bytes=4_096)
    connection = await site.connection()
    await until(lambda: connection._outlet.choked)
    site.server.sweep(0.0)
    site.server.sweep(19.0)
    assert site.server._shared.connections
    site.server.sweep(21.0)
    await until(lambda: not site.server._shared.connections)
    with pytest.raises((ConnectionResetError, EOFError)):
        await client.read_answer()


async def test_a_client_that_reads_slowly_but_steadily_is_served(site: Site) -> None:
    size = 16 << 20
    await site.start(lambda _: Response(body=b"x" * size))
    client = await site.client(GET, receive_bytes=4_096)
    connection = await site.connection()
    await until(lambda: connection._outlet.choked)
    for n in range(16):
        site.server.sweep(19.0 * n)
        sent = connection._outlet.sent_bytes()
        while connection._outlet.sent_bytes() == sent and connection._outlet.unsent_bytes():
            await client.read_some(65_536)
    assert site.server._shared.connections


async def test_one_connection_too_many_is_told_so(site: Site) -> None:
    await site.start(echo, connections_max=2)
    first, second = await site.client(GET), await site.client(GET)
    await first.read_answer()
    await second.read_answer()
    assert await refused(await site.client()) == (503, "unavailable")
    await second.send(GET)
    assert (await second.read_answer()).status == 200


async def test_one_address_cannot_take_all_connections(site: Site) -> None:
    await site.start(echo, address_connections_max=1)
    first = await site.client(GET)
    await first.read_answer()
    assert await refused(await site.client()) == (503, "unavailable")
    assert site.server.door.dropped == {"address": 1}


async def test_bodies_of_all_clients_together_are_bounded(site: Site) -> None:
    """Whoever goes over is refused; the others are served, and there is room again."""
    await site.start(echo, held_bytes_max=300_000)
    first, second = [await site.client() for _ in range(2)]
    await first.send(post(b"x" * 200_000)[:-1])
    await until(lambda: site.server.door.held_bytes == 199_999)
    await second.send(post(b"x" * 200_000)[:-1])
    assert await refused(second) == (503, "unavailable")
    await first.send(b"x")
    assert (await first.read_answer()).status == 200
    await until(lambda: site.server.door.held_bytes == 0)
    await first.send(post(b"x" * 200_000))
    assert (await first.read_answer()).status == 200
    assert site.server.door.dropped == {"held": 1}


async def test_what_is_with_the_handler_counts_until_it_is_answered(site: Site) -> None:
    answer: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
    await site.start(lambda _: answer)
    client = await site.client(post(b"x" * 200_000) + post(b"y" * 100_000))
    await until(lambda: site.server.door.held_bytes == 300_000)
    answer.set_result(Response())
    assert (await client.read_answer()).status == 200
    assert (await client.read_answer()).status == 200
    await until(lambda: site.server.door.held_bytes == 0)


async def test_of_a_packet_of_pipelined_requests_few_are_taken_apart_at_once(site: Site) -> None:
    answer: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
    await site.start(lambda _: answer, pipeline_max=1)
    short = b"GET / HTTP/1.1\r\nHost:\r\n\r\n"
    client = await site.client(short * 10_000)
    connection = await site.connection()
    await until(lambda: bool(connection._rest))
    await turns(20)
    assert len(connection._reader.arrived) <= PIECE_BYTES // len(short)
    answer.set_result(Response())
    for _ in range(10_000):
        assert (await client.read_answer()).status == 200


async def test_a_long_pipeline_is_answered_whole_though_the_client_has_ended_its_side(
    site: Site,
) -> None:
    """Also where the handler takes its time, and the end has come before the first answer."""

    async def later(request: Request) -> Response:
        await asyncio.sleep(0)
        return Response(body=request.target)

    await site.start(later)
    client = await site.client(b"".join(get(b"/%d" % number) for number in range(2_000)))
    client.end_sending()
    for number in range(2_000):
        assert (await client.read_answer()).body == b"/%d" % number
    assert await client.read_rest() == b""


async def test_a_long_pipeline_is_answered_up_to_what_is_refused_within_it(site: Site) -> None:
    await site.start(echo)
    before = b"".join(get(b"/%d" % number) for number in range(1_500))
    client = await site.client(before + b"rubbish\r\n\r\n" + before)
    for number in range(1_500):
        assert (await client.read_answer()).body == b"GET /%d " % number
    assert (await client.read_answer()).status == 400
    client.end_sending()
    assert await client.read_rest() == b""


async def test_the_server_looks_at_its_clients_by_itself(site: Site) -> None:
    await site.start(echo, sweep_s=0.01, header_s=0.05, idle_s=0.05)
    assert await refused(await site.client(GET[:-1])) == (408, "request_timeout")
    idle = await site.client(GET)
    await idle.read_answer()
    assert await idle.read_rest() == b""


async def test_empty_lines_do_not_keep_a_connection(site: Site) -> None:
    await site.start(echo)
    client = await site.client()
    await site.connection()
    for n in range(4):
        site.server.sweep(3.0 * n)
        await client.send(b"\r\n")
        await turns(5)
    site.server.sweep(11.0)
    assert await client.read_rest() == b""
