"""Requests over HTTP at a given rate, whatever the server does meanwhile.

    python -m bench.pace PORT METHOD SET FIRST ELEMENTS RATE SECONDS CONNECTIONS

A closed loop waits for an answer before it sends on, and so leaves out the requests that a slow
moment would have hit (coordinated omission: G. Tene, "How NOT to measure latency", 2015). Here
each request has its time, 1 / RATE after the one before, and its latency counts from then, also
where it had to wait for a connection. `late` says how late the generator itself looked at the
clock: it is part of the latencies, and where it is large the generator could not keep up.
It prints one line of JSON. Elements are 20 digits, at random from FIRST on, ELEMENTS of them.
"""

import gc
import json
import select
import statistics
import sys
import time
from dataclasses import asdict, dataclass
from random import Random

from bench.connections import Connection, whole_http

LATE_MS_MAX, LATE_SHARE_MAX = 2.0, 0.5
"""Where the 99th percentile of lateness is above both, the latter of that of the latencies, the
figures are the generator's, not the server's."""

TICK_S = 0.000_3
"""How long to sleep where nothing is due and nothing has come. It makes latencies greater by up to
itself, and halves what the generator takes of the processor, which the server needs too."""


@dataclass(frozen=True, slots=True)
class Paced:
    """What came of a paced run. Latencies are from the intended starts."""

    per_s: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    late_p99_ms: float
    generator_us: float

    @property
    def kept_up(self) -> bool:
        """Whether the generator was on time, so that latencies are the server's."""
        return self.late_p99_ms <= max(LATE_MS_MAX, LATE_SHARE_MAX * self.p99_ms)


class Pace:
    """A schedule of requests, and the connections that they go over."""

    def __init__(self, connections: list[Connection], requests: list[bytes], per_s: float) -> None:
        self._idle = list(connections)
        self._by_number = {connection.fileno(): connection for connection in connections}
        self._requests = requests
        self._interval_s = 1 / per_s
        self._poll = select.epoll()
        for number in self._by_number:
            self._poll.register(number, select.EPOLLIN)
        self._began: dict[int, float] = {}
        self._sent = 0
        self._looked = 0
        self.latencies_s: list[float] = []
        self.late_s: list[float] = []

    def run(self) -> float:
        """Send every request when it is due, or as soon after as can be; return the seconds."""
        start_s = time.perf_counter()
        while len(self.latencies_s) < len(self._requests):
            if not self._send_due(start_s) + self._receive():
                time.sleep(TICK_S)
        return time.perf_counter() - start_s

    def _send_due(self, start_s: float) -> int:
        now_s = time.perf_counter() - start_s
        due = min(int(now_s / self._interval_s) + 1, len(self._requests))
        for number in range(self._looked, due):
            self.late_s.append(now_s - number * self._interval_s)
        self._looked = max(self._looked, due)
        before = self._sent
        while self._sent < due and self._idle:
            connection = self._idle.pop()
            self._began[connection.fileno()] = start_s + self._sent * self._interval_s
            connection.send(self._requests[self._sent])
            self._sent += 1
        return self._sent - before

    def _receive(self) -> int:
        events = self._poll.poll(0)
        for number, _ in events:
            connection = self._by_number[number]
            if connection.receive():
                self.latencies_s.append(time.perf_counter() - self._began[number])
                self._idle.append(connection)
        return len(events)


def main() -> None:
    """Prepare all requests, send them, and print what came of it."""
    port, method, set_name, first, elements, per_s, seconds, count = sys.argv[1:]
    rng = Random(1)
    numbers = range(int(first), int(first) + int(elements))
    requests = [
        b"%s /%s/%020d HTTP/1.1\r\nHost: bench\r\n\r\n"
        % (method.encode(), set_name.encode(), rng.choice(numbers))
        for _ in range(int(float(per_s) * float(seconds)))
    ]
    connections = [Connection(int(port), whole_http) for _ in range(int(count))]
    pace = Pace(connections, requests, float(per_s))
    gc.disable()
    began_s = time.process_time()
    took_s = pace.run()
    used_s = time.process_time() - began_s
    print(json.dumps(asdict(_figures(pace, took_s, used_s))))


def _figures(pace: Pace, took_s: float, used_s: float) -> Paced:
    hundredths = statistics.quantiles(pace.latencies_s, n=100, method="inclusive")
    return Paced(
        per_s=len(pace.latencies_s) / took_s,
        p50_ms=hundredths[49] * 1e3,
        p99_ms=hundredths[98] * 1e3,
        max_ms=max(pace.latencies_s) * 1e3,
        late_p99_ms=statistics.quantiles(pace.late_s, n=100, method="inclusive")[98] * 1e3,
        generator_us=used_s / len(pace.latencies_s) * 1e6,
    )


if __name__ == "__main__":
    main()
