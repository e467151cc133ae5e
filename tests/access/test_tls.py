"""Real nodes that speak TLS: to clients, to Redis clients and to each other."""

import asyncio
import json
import shutil
import signal
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
import uvloop

import redis
from lastword.access.tls import NodeTls
from lastword.api.http.limits import HttpLimits
from lastword.api.http.messages import Request, Response
from lastword.api.http.server import HttpServer
from lastword.api.transport import HttpTransport
from lastword.client.node import AsyncNode
from lastword.errors import Unreachable
from tests.access.certificates import LOCAL, Certificates, made
from tests.eventually import eventually
from tools.processes import LASTWORD, NodeProcess, Process

pytestmark = pytest.mark.slow

SECRET = "5e" * 32
Start = Callable[..., NodeProcess]


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return made(tmp_path / "certs")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a node on a file of its own."""
    with ExitStack() as stack:
        started = 0

        def begin(*options: str) -> NodeProcess:
            nonlocal started
            started += 1
            process = NodeProcess(tmp_path / f"{started}.db", "-r", "0.1", "-f", "1", *options)
            return stack.enter_context(process)

        yield begin


def secret_file(folder: Path) -> str:
    path = folder / "cluster.secret"
    path.write_text(SECRET)
    path.chmod(0o600)
    return str(path)


def connected(address: str, tls: ssl.SSLContext) -> ssl.SSLSocket:
    host, _, port = address.rpartition(":")
    plain = socket.create_connection((host, int(port)), timeout=30)
    return tls.wrap_socket(plain, server_hostname=host)


def asked(connection: ssl.SSLSocket) -> bytes:
    """Return the beginning of the answer to a request on an open connection."""
    connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    return connection.recv(1 << 16)


def serial_of(address: str, tls: ssl.SSLContext) -> str:
    with connected(address, tls) as connection:
        found = connection.getpeercert()
        assert found is not None
        return str(found["serialNumber"])


async def until_held(address: str, tls: ssl.SSLContext, elements: set[bytes]) -> None:
    deadline_s = time.monotonic() + 30
    async with AsyncNode(address, tls=tls) as node:
        while set(await node.state("s")) != elements:
            assert time.monotonic() < deadline_s, f"{address} does not hold {elements}"


def ran(tmp_path: Path, *arguments: str) -> tuple[int, str, str]:
    errors = tmp_path / "errors"
    errors.unlink(missing_ok=True)
    with Process(LASTWORD, *arguments, stderr=errors) as process:
        output = "\n".join(process.read_rest())
        return process.wait(), output, process.errors()


async def test_three_nodes_agree_over_tls_and_commands_reach_them(
    start: Start, certificates: Certificates, tmp_path: Path
) -> None:
    secret, tls = ("--cluster-secret-file", secret_file(tmp_path)), certificates.client()
    first = start(*certificates.options(), *secret, "--redis-port", "0")
    resp_port = int(first.process.read_line().rpartition(":")[2])
    others = [start(*certificates.options(), *secret, "-i", first.address) for _ in range(2)]
    nodes = [first, *others]
    for number, node in enumerate(nodes):
        async with AsyncNode(node.address, tls=tls) as client:
            await client.put("s", b"%d" % number)
    with redis.Redis(port=resp_port, ssl=True, ssl_ca_certs=str(certificates.ca)) as client:
        assert client.sadd("s", "redis") == 1
    for node in nodes:
        await until_held(node.address, tls, {b"0", b"1", b"2", b"redis"})

    before = ("--tls-ca", str(certificates.ca), *secret)
    code, output, errors = ran(tmp_path, *before, "verify", first.address)
    assert (code, output.partition(":")[0]) == (0, "3 nodes agree"), errors
    code, _, errors = ran(tmp_path, *before[:2], "verify", first.address)
    assert (code, "wants a proof of the cluster's secret" in errors) == (5, True), errors
    assert "lastword --cluster-secret-file FILE verify" in errors
    for command in (("tombstones", first.address), ("doctor", "--json", first.address)):
        assert ran(tmp_path, *before[:2], *command)[0] == 0
    code, _, errors = ran(tmp_path, "tombstones", first.address)
    assert (code, "perhaps it speaks TLS" in errors) == (5, True), errors
    code, _, errors = ran(tmp_path, "--tls", "tombstones", first.address)
    assert (code, "certificate is not believed" in errors) == (5, True), errors


def test_a_page_that_came_without_tls_does_not_write(
    start: Start, certificates: Certificates
) -> None:
    """It has the same name and port: whoever is on the way can answer by it in plain HTTP."""
    node = start(*certificates.options())
    with connected(node.address, certificates.client()) as connection:
        for scheme, status in (("http", b"403"), ("https", b"200"), ("HTTPS", b"200")):
            headers = f"Host: {node.address}\r\nOrigin: {scheme}://{node.address}"
            connection.sendall(f"PUT /s/x HTTP/1.1\r\n{headers}\r\n\r\n".encode())
            assert connection.recv(1 << 16).split(b" ", 2)[1] == status


async def test_a_certificate_is_changed_without_a_stop(
    start: Start, certificates: Certificates, tmp_path: Path
) -> None:
    node, tls = start(*certificates.options()), certificates.client()
    newer = tmp_path / "newer"
    newer.mkdir()
    for name in ("ca.pem", "ca.key"):
        shutil.copy(certificates.folder / name, newer / name)
    later = made(newer)

    def say(words: str, begin: Callable[[], object]) -> None:
        told = node.stderr.read_text().count(words)
        begin()
        node.process.signal(signal.SIGHUP)
        eventually(lambda: node.stderr.read_text().count(words) > told, f"it says: {words}")

    def take(pair: tuple[Path, Path]) -> None:
        for source, place in zip(pair, certificates.pair(), strict=True):
            shutil.copy(source, place)

    first = serial_of(node.address, tls)
    with connected(node.address, tls) as connection:
        assert asked(connection).startswith(b"HTTP/1.1 200")
        say("the certificate was read anew", lambda: take(later.pair()))
        second = serial_of(node.address, tls)
        assert second != first
        assert asked(connection).startswith(b"HTTP/1.1 200")
        foreign = made(tmp_path / "foreign", LOCAL)
        stays = "the certificate stays as it was"
        say(stays, lambda: take((foreign.pair()[0], later.pair()[1])))
        assert serial_of(node.address, tls) == second
        take(foreign.pair())
        say(stays, lambda: certificates.ca.write_text("no certificate"))
        assert serial_of(node.address, tls) == second
        assert asked(connection).startswith(b"HTTP/1.1 200")


async def test_a_node_with_a_foreign_certificate_is_not_believed(
    start: Start, certificates: Certificates, tmp_path: Path
) -> None:
    """Neither calls the other: each has another CA."""
    foreign = made(tmp_path / "foreign")
    first = start("-l", *certificates.options())
    second = start("-l", *foreign.options(), "-i", first.address)
    plain = start("-l", "-i", first.address)
    async with AsyncNode(second.address, tls=foreign.client()) as node:
        await node.put("s", b"foreign")
    for other, words in ((second, "certificate is not believed"), (plain, "speaks TLS")):
        eventually(partial(is_said, other, words), f"it says: {words}")
    async with AsyncNode(first.address, tls=certificates.client()) as node:
        assert await node.state("s") == {}
        members = await node.state("_peers_")
        assert set(members) == {first.address.encode()}


async def test_a_transport_says_why_a_certificate_is_not_believed(
    start: Start, certificates: Certificates, tmp_path: Path
) -> None:
    tls = certificates.client()
    elsewhere = made(tmp_path / "elsewhere", "n2.example")
    misnamed = start(*elsewhere.options("n2.example"))
    plain = start()
    good = start(*certificates.options())
    transport = HttpTransport(tls=lambda: tls)
    named = HttpTransport(tls=elsewhere.client)
    without = HttpTransport()
    try:
        for sender, node, why in (
            (transport, misnamed, "not believed: (self-signed|unable to get)"),
            (named, misnamed, "not believed: IP address mismatch"),
            (transport, plain, "does not speak TLS there"),
            (without, good, "perhaps it speaks TLS there"),
        ):
            with pytest.raises(Unreachable, match=why):
                await sender.send(node.address, b"")
    finally:
        for sender in (transport, named, without):
            await sender.close()


def test_half_a_certificate_is_refused_before_anything_is_opened(
    tmp_path: Path, certificates: Certificates
) -> None:
    database = ("-d", str(tmp_path / "never.db"), "-p", "0")
    cert, key = map(str, certificates.pair())
    for options, message in (
        (("--tls-cert", cert), "TLS needs both"),
        (("--tls-ca", cert), "no certificate of this node"),
        (("--tls-cert", key, "--tls-key", key), "no certificate and its key"),
    ):
        code, output, errors = ran(tmp_path, "serve", *database, *options)
        assert (code, output) == (2, "")
        assert message in errors
        assert errors.count("\n") == 1


def test_a_client_that_begins_no_handshake_is_cut_off(certificates: Certificates) -> None:
    """On both loops, while others are served; a client of plain HTTP is cut off at once."""

    async def scene() -> None:
        cert, key = certificates.pair()
        server = await HttpServer.start(
            answer,
            host="127.0.0.1",
            port=0,
            limits=HttpLimits(handshake_s=0.5),
            tls=NodeTls(cert, key, certificates.ca).server,
        )
        loop = asyncio.get_running_loop()
        address = f"127.0.0.1:{server.port}"
        try:
            with socket.create_connection(("127.0.0.1", server.port), timeout=30) as silent:
                assert await loop.run_in_executor(None, serial_of, address, certificates.client())
                assert await loop.run_in_executor(None, silent.recv, 1) == b""
            with socket.create_connection(("127.0.0.1", server.port), timeout=30) as plain:
                plain.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                received = await loop.run_in_executor(None, received_of, plain)
                assert b"HTTP" not in received
        finally:
            await server.close(1)

    for run in (uvloop.run, asyncio.run):
        run(scene())


def command_line(node: NodeProcess) -> str:
    return Path("/proc", str(node.process.pid), "cmdline").read_text()


def is_said(node: NodeProcess, words: str) -> bool:
    return words in node.stderr.read_text()


def received_of(connection: socket.socket) -> bytes:
    parts = []
    try:
        while part := connection.recv(1 << 16):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def answer(_: Request) -> Response:
    return Response(body=json.dumps("well").encode())


async def test_no_key_is_shown(start: Start, certificates: Certificates, tmp_path: Path) -> None:
    node = start("-l", *certificates.options(), "--cluster-secret-file", secret_file(tmp_path))
    shown = [node.stderr.read_text(), command_line(node)]
    with connected(node.address, certificates.client()) as connection:
        for path in (b"/", b"/_/metrics", b"/_/ready", b"/_/clock", b"/%ff", b"/_/openapi.json"):
            connection.sendall(b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % path)
            shown.append(connection.recv(1 << 20).decode(errors="replace"))
    key = certificates.pair()[1].read_text().splitlines()[1]
    assert all(key not in text and SECRET not in text for text in shown)
