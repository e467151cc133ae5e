"""A client that behaves, beside those that do not: what it is answered, and how soon."""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Final, Self

PAUSE_S: Final = 0.02
_KIB: Final = 1_024


@dataclass(slots=True)
class Probe:
    """Writes and reads an element every fiftieth of a second, and looks at the node's memory.

    `latencies_s` has the time of each call, `faults` what went wrong, `most_kib` the most memory.
    """

    address: str
    pid: int
    latencies_s: list[float] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    before_kib: int = 0
    most_kib: int = 0
    after_kib: int = 0
    _over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.before_kib = resident_kib(self.pid)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join()
        self.after_kib = resident_kib(self.pid)

    def latency_ms(self, share: float) -> float:
        """Return the latency that `share` of the calls did not exceed."""
        ordered = sorted(self.latencies_s)
        return ordered[max(0, math.ceil(share * len(ordered)) - 1)] * 1e3

    def said(self) -> str:
        """Return the figures in a line."""
        p50, p99, most = (self.latency_ms(share) for share in (0.5, 0.99, 1.0))
        return (
            f"probe: {len(self.latencies_s)} calls, {len(self.faults)} faults, p50 {p50:.1f} ms, "
            f"p99 {p99:.1f} ms, max {most:.1f} ms; memory: {self.before_kib // _KIB} MiB before, "
            f"{self.most_kib // _KIB} MiB at the most, {self.after_kib // _KIB} MiB after"
        )

    def _run(self) -> None:
        host, _, port = self.address.rpartition(":")
        connection = HTTPConnection(host, int(port), timeout=30)
        number = 0
        while not self._over.wait(PAUSE_S):
            number += 1
            self._call(connection, "PUT", f"/probe/{number}", b"null")
            self._call(connection, "GET", f"/probe/{number}", b"true")
            self.most_kib = max(self.most_kib, resident_kib(self.pid))
        connection.close()

    def _call(self, connection: HTTPConnection, method: str, path: str, right: bytes) -> None:
        began = time.perf_counter()
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            body = answer.read()
        except OSError as error:
            self.faults.append(f"{method} {path}: {error!r}")
            connection.close()
            return
        self.latencies_s.append(time.perf_counter() - began)
        if body != right:
            self.faults.append(f"{method} {path}: {answer.status} {body[:100]!r}")


def resident_kib(pid: int) -> int:
    """Return how much memory a process has."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line[:6] == "VmRSS:")


def measured(node_address: str, pid: int, work: Callable[[], object]) -> Probe:
    """Return the probe that was served beside `work`."""
    with Probe(node_address, pid) as probe:
        work()
    return probe
