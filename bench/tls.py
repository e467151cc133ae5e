"""What TLS costs a node: `python -m bench.tls`. About a minute.

A node that speaks TLS and one that does not serve the same element, in turns, to one client of
raw sockets on this machine. Requests go over an open connection, one by one or eight at a time,
and over a new connection each, whose handshake is whole (not resumed). The node's own CPU time is
read from /proc.
"""

import os
import socket
import ssl
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Final

from lastword.client.tls import client_tls
from tools.processes import LASTWORD, NodeProcess, Process

ROUNDS: Final = 9
REQUESTS: Final = 4_000
CONNECTIONS: Final = 300
DEPTH: Final = 8
REQUEST: Final = b"GET /bench/element HTTP/1.1\r\nHost: localhost\r\n\r\n"
PUT: Final = b"PUT /bench/element HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"
TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")

Work = Callable[["Target"], int]


class Target:
    """A node, and how it is reached."""

    def __init__(self, name: str, node: NodeProcess, tls: ssl.SSLContext | None) -> None:
        self.name = name
        self._node = node
        self._tls = tls
        host, _, port = node.address.rpartition(":")
        self._place = (host, int(port))

    def connect(self) -> socket.socket:
        """Return a new connection, after its handshake."""
        plain = socket.create_connection(self._place)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._tls is None:
            return plain
        return self._tls.wrap_socket(plain, server_hostname=self._place[0])

    def cpu_s(self) -> float:
        """Return the CPU time that the node has taken."""
        fields = Path("/proc", str(self._node.process.pid), "stat").read_text().split()
        return (int(fields[13]) + int(fields[14])) / TICKS_PER_S


def answer_of(connection: socket.socket, count: int) -> None:
    """Read `count` answers, each of which ends with the body `true`."""
    data = b""
    while data.count(b"\r\n\r\ntrue") < count:
        part = connection.recv(1 << 16)
        assert part, "the node closed the connection"
        data += part


def requests(target: Target, depth: int) -> int:
    """Send requests over one connection, `depth` at a time."""
    with target.connect() as connection:
        for _ in range(REQUESTS // depth):
            connection.sendall(REQUEST * depth)
            answer_of(connection, depth)
    return REQUESTS


def connections(target: Target) -> int:
    """Send one request over each of many connections."""
    for _ in range(CONNECTIONS):
        with target.connect() as connection:
            connection.sendall(REQUEST)
            answer_of(connection, 1)
    return CONNECTIONS


WORKS: Final[dict[str, Work]] = {
    "one by one": lambda target: requests(target, 1),
    f"{DEPTH} at a time": lambda target: requests(target, DEPTH),
    "a connection each": connections,
}


def main() -> None:
    """Measure, and print medians."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        command = (LASTWORD, "certs", str(folder / "certs"), "127.0.0.1")
        with Process(*command, stderr=folder / "stderr") as process:
            assert process.wait() == 0, process.errors()
        cert, key, ca = (folder / "certs" / f"{name}" for name in
                         ("127.0.0.1.pem", "127.0.0.1.key", "ca.pem"))  # fmt: skip
        plain = stack.enter_context(NodeProcess(folder / "plain.db"))
        options = ("--tls-cert", str(cert), "--tls-key", str(key))
        over_tls = stack.enter_context(NodeProcess(folder / "tls.db", *options))
        targets = (Target("plain", plain, None), Target("TLS", over_tls, client_tls(ca)))
        for target in targets:
            with target.connect() as connection:
                connection.sendall(PUT)
                assert b"200" in connection.recv(1 << 16)
        measure(targets)


def measure(targets: tuple[Target, ...]) -> None:
    """Let the targets take turns at each work."""
    taken = defaultdict[tuple[str, str], list[tuple[float, float]]](list)
    for _ in range(ROUNDS):
        for what, work in WORKS.items():
            for target in targets:
                cpu_s, began_s = target.cpu_s(), time.perf_counter()
                count = work(target)
                passed_s = time.perf_counter() - began_s
                found = (passed_s / count, (target.cpu_s() - cpu_s) / count)
                taken[what, target.name].append(found)
    for (what, name), rounds in taken.items():
        passed_us, cpu_us = (1e6 * median(one[side] for one in rounds) for side in (0, 1))
        print(f"{what:18} {name:6} {passed_us:8.0f} us each, of the node's CPU {cpu_us:7.0f} us")


if __name__ == "__main__":
    main()
