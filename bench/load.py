"""Generators of load in closed loops, and what a run of one came to.

wrk for HTTP, redis-benchmark for RESP, and requests made beforehand over plain sockets for what
neither of them can say. A run with an error ends everything: its rate would be no rate.
"""

import csv
import gc
import re
import resource
import select
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from bench.connections import Connection, Whole
from bench.harness import NodeUnderTest, Server

RANDOM_VALUES = 2**31 - 1
"""What redis-benchmark draws `__rand_int__` from at the most: it takes 31 bits from random(3)."""

WRK_SET_UP = """
math.randomseed(os.time())
local tail = " HTTP/1.1\\r\\nHost: bench\\r\\n\\r\\n"
"""

_WRK_REPORT = """
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format("FIGURES %d %f %f %f %d\\n", summary.requests, summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    e.connect + e.read + e.write + e.status + e.timeout))
end
"""


@dataclass(frozen=True, slots=True)
class Load:
    """What one run came to. `_us` is processor time, in microseconds for each of what counts."""

    count: int
    per_s: float
    p50_ms: float
    p99_ms: float
    server_us: float
    generator_us: float


class Meter:
    """The processor time of a server, and of this process with those that it ran."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._began = server.cpu_s(), _own_s()

    def per_unit_us(self, count: int) -> tuple[float, float]:
        """Return the time since the beginning over `count`: the server's, the generator's."""
        server_s, own_s = self._began
        return (
            (self._server.cpu_s() - server_s) / count * 1e6,
            (_own_s() - own_s) / count * 1e6,
        )


def _own_s() -> float:
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def random_elements(method: str, set_name: str, elements: int) -> str:
    """Return a wrk script: `method` for random ones of the elements `stores.digits` of so many."""
    return f"""{WRK_SET_UP}
request = function()
  return "{method} /{set_name}/" .. string.format("%020d", math.random(0, {elements - 1})) .. tail
end
"""


def new_elements(method: str, set_name: str, prefix: str) -> str:
    """Return a wrk script: `method` for elements of `prefix` (8 digits) and a rising number."""
    return f"""{WRK_SET_UP}
local number = 0
request = function()
  number = number + 1
  return "{method} /{set_name}/{prefix}" .. string.format("%012d", number) .. tail
end
"""


def wrk(target: NodeUnderTest, script: str, *, connections: int, seconds: float) -> Load:
    """Load a node with the Lua `script`, by one thread of wrk."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script + _WRK_REPORT)
        file.flush()
        duration = f"-d{max(1, round(seconds))}s"
        command = ["wrk", "-t1", f"-c{connections}", duration, "-s", file.name, target.url]
        meter = Meter(target)
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"FIGURES (\d+) ([\d.]+) ([\d.]+) ([\d.]+) (\d+)", output)
    if found is None or int(found[5]):
        sys.exit(f"requests failed: {output}")
    requests = int(found[1])
    return Load(
        requests,
        requests / float(found[2]),
        float(found[3]),
        float(found[4]),
        *meter.per_unit_us(requests),
    )


def redis_benchmark(
    server: Server,
    *command: str,
    connections: int,
    pipeline: int = 1,
    requests: int,
    values: int = RANDOM_VALUES,
) -> Load:
    """Send one command so often, by one thread of redis-benchmark.

    `__rand_int__` in it becomes 12 digits, anew each time, below `values`. redis-benchmark itself
    exits at the first error that it is answered.
    """
    options = f"-p {server.redis_port} -c {connections} -P {pipeline} -n {requests} -r {values}"
    call = ["redis-benchmark", *options.split(), "--precision", "3", "--csv", *command]
    meter = Meter(server)
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    rows = list(csv.DictReader(done.stdout.splitlines()))
    if done.returncode or len(rows) != 1:
        sys.exit(f"redis-benchmark failed: {done.stdout}{done.stderr}")
    return Load(
        requests,
        float(rows[0]["rps"]),
        float(rows[0]["p50_latency_ms"]),
        float(rows[0]["p99_latency_ms"]),
        *meter.per_unit_us(requests),
    )


def prepared(
    server: Server,
    port: int,
    whole: Whole,
    requests: Sequence[bytes],
    *,
    connections: int,
    each: int,
) -> Load:
    """Send requests that were made beforehand, each once; `each` is how much one counts."""
    open_ones = [Connection(port, whole) for _ in range(connections)]
    count = each * len(requests)
    with _without_collection():
        meter, began_s = Meter(server), time.perf_counter()
        latencies_s = _send_all(open_ones, requests)
        took_s = time.perf_counter() - began_s
    server_us, generator_us = meter.per_unit_us(count)
    for connection in open_ones:
        connection.close()
    hundredths = statistics.quantiles(latencies_s, n=100, method="inclusive")
    p50_ms, p99_ms = hundredths[49] * 1e3, hundredths[98] * 1e3
    return Load(count, count / took_s, p50_ms, p99_ms, server_us, generator_us)


@contextmanager
def _without_collection() -> Iterator[None]:
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _send_all(connections: Sequence[Connection], requests: Sequence[bytes]) -> list[float]:
    """Keep every connection busy until all is answered; return the latencies, in seconds."""
    poll, left = select.epoll(), iter(requests)
    by_number = {connection.fileno(): connection for connection in connections}
    began_s: dict[int, float] = {}
    latencies_s: list[float] = []

    def begin(connection: Connection) -> None:
        request = next(left, None)
        if request is None:
            return
        began_s[connection.fileno()] = time.perf_counter()
        connection.send(request)
        if connection.is_sending:
            poll.modify(connection.fileno(), select.EPOLLOUT)

    for number, connection in by_number.items():
        poll.register(number, select.EPOLLIN)
        begin(connection)
    while len(latencies_s) < len(requests):
        for number, event in poll.poll():
            connection = by_number[number]
            if event & select.EPOLLOUT:
                if connection.push():
                    poll.modify(number, select.EPOLLIN)
            elif connection.receive():
                latencies_s.append(time.perf_counter() - began_s[number])
                begin(connection)
    poll.close()
    return latencies_s
