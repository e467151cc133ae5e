"""A redis-server to measure against: a process of its own, durable as a node of ours is.

Every write is on disk before its answer (`appendfsync always`). Snapshots and rewrites of its log
are off: they would take a core of it now and then, so this is Redis at its best.
"""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.connections import Connection, Refused, whole_resp
from bench.harness import Server

SETTINGS = {
    "appendonly": "yes",
    "appendfsync": "always",
    "auto-aof-rewrite-percentage": "0",
    "save": "",
}
PATIENCE_S = 10.0


@contextmanager
def redis_server(folder: Path) -> Iterator[Server]:
    """Run a redis-server on an empty folder and a free port; stop it at the end."""
    folder.mkdir(parents=True)
    port = _free_port()
    command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder)]
    for name, value in SETTINGS.items():
        command += [f"--{name}", value]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        _wait(port)
        yield Server("redis-server", process.pid, port)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def redis_version() -> str:
    """Return its name and version."""
    said = subprocess.run(
        ["redis-server", "--version"], capture_output=True, text=True, check=True
    )
    return "redis-server " + said.stdout.partition("v=")[2].split()[0]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def _wait(port: int) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline_s:
        try:
            connection = Connection(port, whole_resp)
            connection.ask(b"*1\r\n$4\r\nPING\r\n")
        except (OSError, Refused):
            time.sleep(0.02)
        else:
            connection.close()
            return
    sys.exit("redis-server did not start")
