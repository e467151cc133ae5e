"""What every benchmark shares: a disk that is one, a node that runs, the machine."""

import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import apsw

MEMORY_FILE_SYSTEMS = frozenset({"tmpfs", "ramfs", "devtmpfs"})


def require_disk(folder: Path) -> None:
    """Exit unless `folder` is on a disk: in memory, an fsync costs nothing and says nothing."""
    kind = subprocess.run(
        ["stat", "-f", "-c", "%T", str(folder)], capture_output=True, text=True, check=True
    ).stdout.strip()
    if kind in MEMORY_FILE_SYSTEMS:
        sys.exit(f"{folder} is on {kind}, which is memory: give a folder on a disk by --folder")


def fsync_us(folder: Path, times: int = 200) -> float:
    """Return the median latency of an fsync after a write of 4 KiB, in microseconds."""
    samples = []
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        for _ in range(times):
            file.write(b"x" * 4_096)
            file.flush()
            began = time.perf_counter()
            os.fsync(file.fileno())
            samples.append((time.perf_counter() - began) * 1e6)
    return statistics.median(samples)


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs, as a benchmark sees it. A `redis_port` of 0 is none."""

    name: str
    pid: int
    redis_port: int

    def cpu_s(self) -> float:
        """Return the CPU time that the process took so far, all threads, in seconds."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mb(self, what: str = "VmRSS") -> float:
        """Return its resident memory, in MB (10^6 bytes); `VmHWM` is the greatest so far."""
        return memory_mb(self.pid, what)


@dataclass(frozen=True, slots=True)
class NodeUnderTest(Server):
    """A node that runs, where it serves HTTP, and how long its start took."""

    url: str
    started_s: float

    @property
    def port(self) -> int:
        """The port of HTTP."""
        return int(self.url.rpartition(":")[2])


def memory_mb(pid: int | str = "self", what: str = "VmRSS") -> float:
    """Return the resident memory of a process, in MB; `VmHWM` is the greatest so far."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(rf"{what}:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) * 1_024 / 1e6


@contextmanager
def node(database: Path, *options: str) -> Iterator[NodeUnderTest]:
    """Run a node on `database` and a free port; stop it in order at the end."""
    command = [sys.executable, "-m", "lastword", "serve", "-p", "0", "-d", str(database)]
    began_s = time.perf_counter()
    process = subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        url = _said(process.stdout, r"serves (http://\S+)")
        started_s = time.perf_counter() - began_s
        redis = _said(process.stdout, r"RESP at \S+:(\d+)") if "--redis-port" in options else "0"
        yield NodeUnderTest("lastword", process.pid, int(redis), url, started_s)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _said(lines: IO[str], pattern: str) -> str:
    line = lines.readline()
    found = re.search(pattern, line)
    if found is None:
        raise RuntimeError(f"the node did not start: it said {line!r}")
    return found[1]


def machine(folder: Path) -> str:
    """Return a line on the machine: processor, cores, versions, the latency of its fsync."""
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return (
        f"{model[1] if model else 'unknown processor'}, {os.cpu_count()} cores, "
        f"Python {sys.version.split()[0]}, SQLite {apsw.sqlitelibversion()}, "
        f"fsync {fsync_us(folder):.0f} us (median of 200)"
    )
