"""redis-cli and redis-benchmark, as people use them on a terminal and in scripts."""

import subprocess

import pytest

from tests.redis.conftest import Connect
from tests.redis.connection import encoded
from tests.redis.servers import RedisServer, skip_without
from tools.resp_node import RespNode

SCRIPT = r"""
PING
SADD fruit apple "red pear" 'fig' "\x00\xff"
SISMEMBER fruit "red pear"
SMISMEMBER fruit apple plum "\x00\xff"
SCARD fruit
SREM fruit "\x00\xff" fig apple
SMEMBERS fruit
SMEMBERS none
SPOP none
SRANDMEMBER none 3
TYPE fruit
RENAME fruit obst
RENAME fruit obst
KEYS *
MULTI
SADD obst one
SPOP obst x
SCARD obst
EXEC
MULTI
SADD obst
EXEC
SINTERCARD 0 obst
SSCAN obst 0 MATCH red* COUNT 100
NOSUCH a b
CLIENT NOSUCH
SELECT 1
SISMEMBER obst one
SMISMEMBER obst one
SPOP none
SMEMBERS none
DEL obst
DBSIZE
"""


@pytest.fixture(autouse=True)
def empty(connect: Connect) -> None:
    """Begin with no sets, where the programs are there."""
    skip_without("redis-cli")
    connect()


def run(program: str, address: str, *arguments: str, said: bytes = b"") -> str:
    """Return what a program of Redis writes; it must end well."""
    skip_without(program)
    ended = subprocess.run(
        [program, "-p", address.rpartition(":")[2], *arguments],
        input=said,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended
    assert ended.stderr == b""
    return ended.stdout.decode(errors="backslashreplace")


@pytest.mark.parametrize("options", [[], ["-3"], ["--no-raw"], ["-3", "--no-raw"], ["--csv"]])
def test_a_script_reads_the_same_as_with_redis(
    redis_server: RedisServer, resp_node: RespNode, options: list[str]
) -> None:
    shown, told = (
        run("redis-cli", server.resp_address, *options, said=b"FLUSHALL\n" + SCRIPT.encode())
        for server in (redis_server, resp_node)
    )
    assert told == shown
    assert len(told.splitlines()) > 30


def test_one_command_is_one_call(resp_node: RespNode) -> None:
    assert run("redis-cli", resp_node.resp_address, "SADD", "s", "a", "b") == "2\n"
    assert run("redis-cli", resp_node.resp_address, "-x", "SISMEMBER", "s", said=b"a") == "1\n"
    assert run("redis-cli", resp_node.resp_address, "--scan", "--pattern", "s*") == "s\n"


def test_many_are_inserted_through_a_pipe(resp_node: RespNode, connect: Connect) -> None:
    data = b"".join(encoded("SADD", "bulk", n) for n in range(20_000))
    written = run("redis-cli", resp_node.resp_address, "--pipe", said=data)
    assert written.splitlines()[-1] == "errors: 0, replies: 20000"
    assert connect().call("SCARD", "bulk").value == 20_000


def test_a_pipe_counts_its_errors(resp_node: RespNode) -> None:
    skip_without("redis-cli")
    ended = subprocess.run(
        ["redis-cli", "-p", resp_node.resp_address.rpartition(":")[2], "--pipe"],
        input=encoded("SADD", "bulk", 1) + encoded("SADD", "bulk") + encoded("SADD", "bulk", 2),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert ended.stdout.splitlines()[-1] == b"errors: 1, replies: 3"


@pytest.mark.slow
@pytest.mark.parametrize("options", [[], ["-P", "16"], ["-3"]])
def test_the_benchmark_of_redis_runs_through(resp_node: RespNode, options: list[str]) -> None:
    written = run(
        "redis-benchmark",
        resp_node.resp_address,
        *("-t", "sadd,spop,ping", "-n", "2000", "-c", "20", "-r", "1000", "--csv", *options),
    )
    assert "error" not in written.lower()
    tests = [line.partition(",")[0] for line in written.splitlines()[1:]]
    assert tests == ['"PING_INLINE"', '"PING_MBULK"', '"SADD"', '"SPOP"']
