"""Clients that vanish without a word, as a machine that loses its power: they are let go."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random

import pytest

from tests.calls import call
from tests.eventually import eventually
from tests.hostile.connections import connected
from tools.chaos.namespaces import Namespaces, entered, namespaces, why_not
from tools.resp_node import RespNode

pytestmark = pytest.mark.slow

LIMITS = (
    *("--redis-keepalive", "1", "--http-idle-timeout", "2", "--http-header-timeout", "2"),
    *("--http-read-timeout", "2", "--http-write-timeout", "2", "--redis-write-timeout", "2"),
)
HEAD = b" HTTP/1.1\r\nHost: localhost\r\n"


@pytest.fixture
def wires() -> Iterator[Namespaces]:
    hindrance = why_not()
    if hindrance is not None:
        pytest.skip(hindrance)
    with namespaces(Random(0), "ab") as made:
        yield made


async def test_clients_that_vanish_are_let_go(wires: Namespaces, tmp_path: Path) -> None:
    """Idle ones, ones with a request in part, and ones that were being answered."""
    place = wires.place("a")
    place.listener.close()
    options = (*LIMITS, *place.options, "--advertise", f"{wires.host('a')}:{place.port}")
    database = tmp_path / "a.db"
    with (
        RespNode(database, *options, port=place.port, prefix=place.prefix) as node,
        ExitStack() as stack,
    ):
        redis_address = f"{wires.host('a')}:{node.resp_address.rpartition(':')[2]}"
        for number in range(20):
            call(node.address, "PUT", f"/s/{number}{'x' * 20_000}")
        with entered(wires.namespace("b")):
            for request in (
                b"GET /" + HEAD + b"\r\n",
                b"GET /" + HEAD,
                b"POST /s" + HEAD + b"Content-Length: 9\r\n\r\n",
                (b"GET /s" + HEAD + b"\r\n") * 30,
            ):
                stack.enter_context(connected(node.address)).sendall(request)
            for command in (b"PING\r\n", b"SMEMBERS s\r\n" * 30):
                stack.enter_context(connected(redis_address)).sendall(command)
        before = inside(node)
        assert before["http"] >= 5
        assert before["redis"] == 2
        await wires.cut([("b", "a")])
        eventually(lambda: inside(node) == {"http": 1, "redis": 0}, "all are gone")


def inside(node: RespNode) -> dict[str, int]:
    """Return how many connections there are; the one that asks is among them."""
    metrics = call(node.address, "GET", "/_/metrics").body.decode()
    found = re.findall(r'^lastword_connections{protocol="(\w+)"} (\d+)', metrics, re.MULTILINE)
    return {protocol: int(count) for protocol, count in found}
