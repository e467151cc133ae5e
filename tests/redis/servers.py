"""What the tests talk to: a node that speaks RESP, and a real redis-server, as processes."""

import shutil
import socket
from pathlib import Path
from typing import Final, Protocol, Self

import pytest

from tests.eventually import eventually
from tools.processes import Process

REDIS_SERVER: Final = "redis-server"


class Server(Protocol):
    """Something that speaks RESP."""

    @property
    def resp_address(self) -> str:
        """Its host:port for clients of Redis."""
        ...


class RedisServer:
    """A redis-server with one database, that keeps nothing, in a folder of its own."""

    def __init__(self, folder: Path, *options: str) -> None:
        folder.mkdir(exist_ok=True)
        port = _free_port()
        self.resp_address = f"127.0.0.1:{port}"
        self._process = Process(
            REDIS_SERVER,
            *("--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)),
            *(
                "--save",
                "",
                "--appendonly",
                "no",
                "--databases",
                "1",
                "--loglevel",
                "warning",
                *options,
            ),
            stderr=folder / "stderr",
        )

    def __enter__(self) -> Self:
        try:
            eventually(self._listens, f"redis-server at {self.resp_address}")
        except BaseException:
            self._process.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._process.close()

    def _listens(self) -> bool:
        if not self._process.is_running:
            raise self._process.fault("; ".join(self._process.read_rest()))
        host, _, port = self.resp_address.partition(":")
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            return False
        return True


def skip_without(program: str) -> None:
    """Skip the test where a program of Redis is not installed."""
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
    return port
