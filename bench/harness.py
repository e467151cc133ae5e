"""What every benchmark shares: a disk that is one, a node that runs, wrk, medians, a table."""

import os
import re
import resource
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

RUNS = 3
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
class NodeUnderTest:
    """A node that runs, as a benchmark sees it."""

    pid: int
    url: str

    def cpu_s(self) -> float:
        """Return the CPU time that the process took so far, all threads, in seconds."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mb(self, what: str = "VmRSS") -> float:
        """Return its resident memory, in MB (10^6 bytes); `VmHWM` is the greatest so far."""
        return memory_mb(self.pid, what)


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
    process = subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found is not None, "the node did not start"
        yield NodeUnderTest(process.pid, found[0])
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


@dataclass(frozen=True, slots=True)
class Load:
    """What one run of wrk came to. `_us` is processor time, in microseconds per request."""

    per_s: float
    p50_ms: float
    p99_ms: float
    node_us: float
    generator_us: float
    errors: int


def wrk(target: NodeUnderTest, script: str, *, connections: int, seconds: int) -> Load:
    """Load a node with the Lua `script`, by one thread of wrk."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script + _REPORT)
        file.flush()
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", file.name, target.url]
        node_s, own_s = target.cpu_s(), _children_cpu_s()
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"FIGURES (\d+) ([\d.]+) ([\d.]+) ([\d.]+) (\d+)", output)
    assert found is not None, output
    requests = int(found[1])
    return Load(
        per_s=requests / float(found[2]),
        p50_ms=float(found[3]),
        p99_ms=float(found[4]),
        node_us=(target.cpu_s() - node_s) / requests * 1e6,
        generator_us=(_children_cpu_s() - own_s) / requests * 1e6,
        errors=int(found[5]),
    )


def median_load(target: NodeUnderTest, script: str, *, connections: int, seconds: int) -> Load:
    """Return the run of the median rate, out of three."""
    return median(
        [wrk(target, script, connections=connections, seconds=seconds) for _ in range(RUNS)]
    )


def median(loads: list[Load]) -> Load:
    """Return the load of the median rate."""
    return sorted(loads, key=lambda load: load.per_s)[len(loads) // 2]


def _children_cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


_REPORT = """
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format("FIGURES %d %f %f %f %d\\n", summary.requests, summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    e.connect + e.read + e.write + e.status + e.timeout))
end
"""


def random_element(method: str, set_name: str, elements: int) -> str:
    """Return a wrk script that sends `method` for random elements out of so many."""
    return f"""
math.randomseed(os.time())
request = function()
  return wrk.format("{method}", "/{set_name}/" ..
    string.format("%020d", math.random(0, {elements} - 1)))
end
"""


def machine(folder: Path) -> str:
    """Return a line on the machine: processor, cores, the latency of its fsync."""
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return (
        f"{model[1] if model else 'unknown processor'}, {os.cpu_count()} cores, "
        f"Python {sys.version.split()[0]}, fsync {fsync_us(folder):.0f} us (median of 200)"
    )
