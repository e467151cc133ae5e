"""`lastword serve --redis-port`: what it says, and that a client of Redis finds the sets."""

import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

import redis
from tests.calls import call
from tests.cli.test_serve import announced, free_port, serve
from tools.processes import Process

SPEAKS = re.compile(r"lastword speaks RESP at 127\.0\.0\.1:(\d+)")


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    with serve(tmp_path, "-p", "0", "--redis-port", "0", "--redis-clients-max", "7") as running:
        yield running


def connected(process: Process, protocol: int) -> redis.Redis:
    found = SPEAKS.fullmatch(process.read_line())
    assert found is not None
    return redis.Redis(port=int(found[1]), protocol=protocol)


@pytest.mark.slow
@pytest.mark.parametrize("protocol", [2, 3])
def test_a_client_of_redis_and_rest_see_the_same_sets(process: Process, protocol: int) -> None:
    address, _ = announced(process)
    with connected(process, protocol) as client:
        assert client.sadd("s", "a", b"\xff") == 2
        call(address, "PUT", "/s/c")
        assert client.smembers("s") == {b"a", b"\xff", b"c"}
        assert set(client.sscan_iter("s")) == {b"a", b"\xff", b"c"}
        with client.pipeline(transaction=True) as pipe:
            pipe.srem("s", "a").scard("s").sismember("s", "a")
            assert pipe.execute() == [1, 2, 0]
        assert client.config_get("maxclients") == {"maxclients": "7"}
        assert client.info()["connected_clients"] == 1
        with pytest.raises(redis.ResponseError, match="unknown command"):
            client.flushall()
    process.signal(signal.SIGTERM)
    assert process.wait() == 0


@pytest.mark.slow
def test_a_port_that_is_taken_is_one_clear_line(tmp_path: Path) -> None:
    port = str(free_port())
    with serve(tmp_path, "-p", port, "--redis-port", port) as process:
        assert process.wait() == 2
        assert f"cannot listen on 127.0.0.1:{port}" in process.errors()
        assert "--redis-port" in process.errors()
        assert "Traceback" not in process.errors()
