"""Listening, and the end: nothing in flight is lost, nothing is left."""

import asyncio
import json
import logging
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lastword.api.http import HttpServer, Request, Response
from lastword.errors import ConfigError
from tests.api.http.raw_http import GET, RawClient, get, post, turns, until
from tests.api.http.site import Site, echo


@pytest.mark.parametrize(
    ("host", "port", "reason"),
    [
        ("127.0.0.1", None, "another program listens there"),
        ("127.0.0.1", 99_999, "a port is a number from 0 to 65535"),
        ("192.0.2.1", 0, "annot assign requested address|could not bind"),
    ],
)
async def test_an_address_that_cannot_be_had_is_named(
    site: Site, host: str, port: int | None, reason: str
) -> None:
    await site.start(echo)
    with pytest.raises(ConfigError, match=reason) as caught:
        await HttpServer.start(echo, host=host, port=site.server.port if port is None else port)
    assert "\n" not in str(caught.value)
    assert "--port" in caught.value.hint


async def test_a_closed_server_takes_no_connection_and_may_be_closed_again(site: Site) -> None:
    await site.start(echo)
    idle = await site.client()
    await site.connection()
    await asyncio.gather(site.server.close(), site.server.close())
    assert await idle.read_rest() == b""
    with pytest.raises(ConnectionRefusedError):
        await RawClient.connect(site.server.port)
    await site.server.close()


async def test_what_is_in_flight_is_answered_before_the_end(site: Site) -> None:
    answers: list[asyncio.Future[Response]] = []

    def handler(_: Request) -> asyncio.Future[Response]:
        answers.append(asyncio.get_running_loop().create_future())
        return answers[-1]

    await site.start(handler)
    client = await site.client(get(b"/1") + get(b"/2"))
    arriving = await site.client(post(b"hello")[:-1])
    await until(lambda: len(answers) == 2 and len(site.server._shared.connections) == 2)
    await turns(10)
    closing = asyncio.create_task(site.server.close())
    await turns(10)
    assert not closing.done()
    answers[0].set_result(Response(body=b"1"))
    first = await client.read_answer()
    assert (first.body, first.closes) == (b"1", False)
    answers[1].set_result(Response(body=b"2"))
    last = await client.read_answer()
    assert (last.body, last.closes) == (b"2", True)
    assert await client.read_rest() == b""
    await arriving.send(b"o")
    await until(lambda: len(answers) == 3)
    answers[2].set_result(Response(body=b"3"))
    assert (await arriving.read_answer()).closes
    await closing


async def test_what_takes_too_long_is_cut_off_at_the_end(site: Site) -> None:
    cancelled = []

    async def endless() -> AsyncIterator[bytes]:
        try:
            yield b"x"
            await asyncio.Event().wait()
        finally:
            cancelled.append("stream")

    async def write() -> Response:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.append("write")
        return Response()

    await site.start(lambda r: Response(body=endless()) if r.method == "GET" else write())
    streaming, writing = await site.client(GET), await site.client(post(b"x"))
    await streaming.read_answer(to_head=True)
    await until(lambda: len(site.server._shared.tasks) == 2)
    await site.server.close(drain_s=0.0)
    assert sorted(cancelled) == ["stream", "write"]
    assert not site.faults
    writing.close()


async def test_a_close_that_is_cancelled_cuts_off_at_once(site: Site) -> None:
    await site.start(lambda _: asyncio.get_running_loop().create_future())
    client = await site.client(GET)
    await until(lambda: bool(site.server._shared.connections))
    await turns(10)
    closing = asyncio.create_task(site.server.close())
    await turns(5)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    with pytest.raises((ConnectionResetError, EOFError)):
        await client.read_answer()


async def test_a_fault_is_logged_with_its_trace(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    def handler(_: Request) -> Response:
        raise ValueError("what went wrong")

    site.server = await HttpServer.start(handler, host="127.0.0.1", port=0)
    with caplog.at_level(logging.ERROR):
        client = await site.client(GET)
        assert (await client.read_answer()).status == 500
    (record,) = caplog.records
    assert record.exc_info is not None
    assert "what went wrong" in str(record.exc_info[1])


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes a certificate with openssl")
async def test_it_serves_over_tls(site: Site, tmp_path: Path) -> None:
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1"
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    files = ["-keyout", str(key), "-out", str(cert)]
    subprocess.run([*command.split(), *names, *files], check=True, capture_output=True)  # noqa: ASYNC221 - before anything is served
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(cert, key)
    site.server = await HttpServer.start(echo, host="127.0.0.1", port=0, tls=tls)
    trust = ssl.create_default_context(cafile=str(cert))
    async with asyncio.timeout(10):
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", site.server.port, ssl=trust, server_hostname="localhost"
        )
        writer.write(post(b"hello"))
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 OK\r\n")
        assert await reader.readexactly(13) == b"POST /s hello"
        writer.write(b"rubbish\r\n\r\n")
        assert b'"invalid_request"' in await reader.readuntil(b"}}")
        writer.close()
        await writer.wait_closed()


async def test_many_connections_leave_nothing(site: Site) -> None:
    await site.start(echo)
    for n in range(200):
        client = await site.client(GET if n % 2 else b"rubbish\r\n\r\n")
        answer = await client.read_answer()
        assert answer.status == (200 if n % 2 else 400)
        if n % 2 == 0:
            assert json.loads(answer.body)["error"]["code"] == "invalid_request"
        client.close()
    await until(lambda: not site.server._shared.connections)
    assert not site.server._shared.tasks
