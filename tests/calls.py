"""Calls of a node that runs elsewhere, as any client makes them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from typing import Any, Final

TIMEOUT_S: Final = 10.0


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @classmethod
    def read(cls, answer: HTTPResponse) -> "Reply":
        return cls(answer.status, dict(answer.getheaders()), answer.read())

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def time(self) -> int:
        """The time that a write was given, in microseconds since 1970."""
        assert self.status == 200, self.body
        return int(self.headers["Lastword-Time"])


class Caller:
    """One connection to a node, that is made again where the node has closed it."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._connection = HTTPConnection(host, int(port), timeout=TIMEOUT_S)

    def call(self, method: str, path: str, body: bytes = b"") -> Reply:
        """Raise OSError where nobody answers."""
        try:
            self._connection.request(method, path, body)
            return Reply.read(self._connection.getresponse())
        except BaseException:
            self._connection.close()
            raise

    def say(self, method: str, path: str, value: Any) -> Reply:
        return self.call(method, path, json.dumps(value).encode())

    def state(self, set_name: str) -> Any:
        return self.call("GET", f"/{set_name}").json

    def close(self) -> None:
        self._connection.close()


def call(address: str, method: str, path: str, body: bytes = b"") -> Reply:
    """Return the answer to one request on a connection of its own."""
    caller = Caller(address)
    try:
        return caller.call(method, path, body)
    finally:
        caller.close()


def members(address: str) -> set[str]:
    """Return the addresses that a node lists."""
    state = call(address, "GET", "/_peers_").json
    return set() if state is None else set(state["lwwAdded"])
