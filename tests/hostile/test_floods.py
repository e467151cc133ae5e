"""Floods of connections and endless pipelines: bounded memory, and others are served."""

import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.access.certificates import made
from tests.calls import call
from tests.eventually import eventually
from tests.hostile.connections import PATIENCE_S, connected
from tools.hostile.probe import resident_kib
from tools.resp_node import RespNode

pytestmark = pytest.mark.slow

GROWTH_KIB_MAX = 64 << 10
"""Ten times what is measured: an answer or a request held for each of a million takes more."""

MILLION = 1_000_000
READ = 300_000


def test_more_connections_than_files_leave_the_node_serving(tmp_path: Path) -> None:
    """500 files, 700 connections: some are told so, none is left unanswered, all ends well."""
    with RespNode(tmp_path / "a.db", prefix=("prlimit", "--nofile=500:500")) as node:
        with ExitStack() as stack:
            flood = [stack.enter_context(connected(node.address)) for _ in range(400)]
            flood += [stack.enter_context(connected(node.resp_address)) for _ in range(300)]
            assert 400 < sum(ended(connection) for connection in flood) < 700
            files = len(list(Path(f"/proc/{node.process.pid}/fd").iterdir()))
            assert files < 500
        eventually(lambda: answers(node), "there is room again")
        metrics = call(node.address, "GET", "/_/metrics").body.decode()
        for protocol in ("http", "redis"):
            told = (
                f'lastword_dropped_connections_total{{protocol="{protocol}",reason="connections"'
            )
            assert told in metrics
        assert "Traceback" not in node.stderr.read_text()


def test_handshakes_that_never_end_leave_the_node_serving(tmp_path: Path) -> None:
    """More of them than files: who is connected is served, and others are, in the end."""
    certificates = made(tmp_path / "certs")
    options = (*certificates.options(), "--tls-handshake-timeout", "3")
    tls, prefix = certificates.client(), ("prlimit", "--nofile=500:500")
    request = b"PUT /s/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"
    with RespNode(tmp_path / "a.db", *options, prefix=prefix) as node, ExitStack() as stack:
        client = stack.enter_context(connected(node.address, tls))
        for _ in range(700):
            stack.enter_context(connected(node.address))
        for _ in range(20):
            client.sendall(request)
            assert client.recv(1 << 16).startswith(b"HTTP/1.1 200")
        eventually(lambda: shakes_hands(node, tls), "the next one is let in")
        assert "Traceback" not in node.stderr.read_text()


def shakes_hands(node: RespNode, tls: ssl.SSLContext) -> bool:
    try:
        with connected(node.address, tls) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            return client.recv(1 << 16).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


def ended(connection: socket.socket) -> bool:
    """Return whether the node ends it at once; a taken one waits for its first request."""
    connection.settimeout(0.02)
    try:
        while connection.recv(1 << 16):
            pass
    except TimeoutError:
        return False
    except ConnectionResetError:
        pass
    return True


def answers(node: RespNode) -> bool:
    try:
        return call(node.address, "PUT", "/s/a").status == 200
    except OSError:
        return False


@pytest.mark.parametrize(
    ("name", "request_bytes"),
    [
        ("http", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        ("redis", b"*1\r\n$4\r\nPING\r\n"),
        ("redis", b"a\r\n"),
    ],
    ids=["http", "redis", "redis, inline"],
)
def test_a_million_requests_without_reading_take_no_memory(
    tmp_path: Path, name: str, request_bytes: bytes
) -> None:
    """What the kernel holds stays there: the client comes to a stop, and not the node."""
    with RespNode(tmp_path / "a.db") as node:
        address = node.address if name == "http" else node.resp_address
        before_kib = resident_kib(node.process.pid)
        with connected(address) as client:
            sent = sent_until_it_stops(client, request_bytes * MILLION)
            assert sent < len(request_bytes) * MILLION or name == "redis"  # it is not much
            for number in range(100):
                assert call(node.address, "PUT", f"/s/{number}").status == 200
            assert resident_kib(node.process.pid) - before_kib < GROWTH_KIB_MAX


def test_many_requests_that_are_read_are_all_answered(tmp_path: Path) -> None:
    with RespNode(tmp_path / "a.db") as node:
        before_kib = resident_kib(node.process.pid)
        with connected(node.resp_address) as client:
            counted = in_thread(lambda: count_of(client, b"+PONG\r\n", READ))
            client.sendall(b"PING\r\n" * READ)
            assert counted() == READ
        assert resident_kib(node.process.pid) - before_kib < GROWTH_KIB_MAX


def sent_until_it_stops(client: socket.socket, data: bytes) -> int:
    """Send as much as is taken; it has stopped where half a second passes without a byte."""
    client.settimeout(0.5)
    sent, view = 0, memoryview(data)
    try:
        while sent < len(view):
            sent += client.send(view[sent : sent + (1 << 20)])
    except TimeoutError:
        pass
    return sent


def count_of(client: socket.socket, reply: bytes, count: int) -> int:
    client.settimeout(PATIENCE_S)
    left = len(reply) * count
    while left and (part := client.recv(1 << 20)):
        assert set(part) <= set(reply)
        left -= len(part)
    return count - left // len(reply)


def in_thread(work: Callable[[], int]) -> Callable[[], int]:
    """Begin `work`; what is returned waits for its result."""
    results: list[int] = []
    thread = threading.Thread(target=lambda: results.append(work()))
    thread.start()

    def result() -> int:
        thread.join()
        return results[0]

    return result
