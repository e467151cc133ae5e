"""Nodes that check tokens, and clients that show one."""

import json
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from random import Random
from typing import Any

import msgspec

import redis
from lastword.access.token import ID_BYTES, SECRET_BYTES, make
from tests.calls import Reply
from tools.processes import NodeProcess

ADMIN = "ad" * 32
Talk = Callable[..., bytes]


class Bearer:
    """A node, and whoever calls it with a token or without."""

    def __init__(self, process: NodeProcess, resp_port: int) -> None:
        self.process = process
        self.resp_port = resp_port

    @property
    def address(self) -> str:
        return self.process.address

    def call(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        token: str = "",
        *,
        host: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        shown = {"Authorization": f"Bearer {token}"} if token else {}
        shown |= {"Host": host} if host else {}
        connection = HTTPConnection("127.0.0.1", int(self.address.rpartition(":")[2]), timeout=30)
        try:
            connection.request(method, path, body, {**shown, **(headers or {})})
            return Reply.read(connection.getresponse())
        finally:
            connection.close()

    def put_record(self, record: dict[str, Any]) -> None:
        body = json.dumps([json.dumps(record)]).encode()
        assert self.call("PUT", "/_tokens_", body, ADMIN).status == 200

    def drop_record(self, record: dict[str, Any]) -> None:
        body = json.dumps({"remove": [json.dumps(record)]}).encode()
        assert self.call("PATCH", "/_tokens_", body, ADMIN).status == 200

    def redis(self, token: str) -> redis.Redis:
        return redis.Redis(port=self.resp_port, password=token, single_connection_client=True)

    @contextmanager
    def resp(self) -> Iterator[Talk]:
        """Give what sends a command and returns the first piece of its answer."""
        with socket.create_connection(("127.0.0.1", self.resp_port), timeout=30) as connection:

            def talk(*words: str) -> bytes:
                parts = [b"$%d\r\n%b\r\n" % (len(word), word.encode()) for word in words]
                connection.sendall(b"*%d\r\n" % len(words) + b"".join(parts))
                return connection.recv(1 << 16)

            yield talk

    def log(self) -> str:
        return self.process.stderr.read_text()

    def command_line(self) -> str:
        return Path("/proc", str(self.process.process.pid), "cmdline").read_text()


class Nodes:
    """The nodes of a cluster with a secret and an admin's token; they end with `stack`."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self._nodes: list[Bearer] = []
        self._rng = Random(7)
        self.secret = "5e" * 32
        secret_file, self.admin_file = folder / "secret", folder / "admin.token"
        for path, content in ((secret_file, self.secret), (self.admin_file, ADMIN)):
            path.write_text(content)
            path.chmod(0o600)
        self.options = (
            *("--cluster-secret-file", str(secret_file)),
            *("--admin-token-file", str(self.admin_file)),
        )

    def first(self) -> Bearer:
        """Return the first node, started when it is asked for first."""
        return self._nodes[0] if self._nodes else self.another()

    def another(self) -> Bearer:
        told = ("-i", self._nodes[0].address) if self._nodes else ()
        self._nodes.append(self._begin(*self.options, *told))
        return self._nodes[-1]

    def open(self, *options: str) -> Bearer:
        """Return a node that checks no tokens."""
        return self._begin(*options)

    @contextmanager
    def started(self, *options: str) -> Iterator[Bearer]:
        yield self._begin(*options)

    def record(self, grants: list[list[str]]) -> tuple[str, dict[str, Any]]:
        """Return a token, and its record as it may be changed."""
        randomness = self._rng.randbytes(ID_BYTES + SECRET_BYTES)
        pairs: Any = [tuple(grant) for grant in grants]
        made = make(randomness, pairs, "", 5)
        return made.token, msgspec.to_builtins(made.record)

    def _begin(self, *options: str) -> Bearer:
        database = self._folder / f"{self._rng.getrandbits(32)}.db"
        fast = ("-l", "-r", "0.1", "-f", "1", "--redis-port", "0", "--allow-flush")
        process = self._stack.enter_context(NodeProcess(database, *fast, *options))
        return Bearer(process, int(process.process.read_line().rpartition(":")[2]))
