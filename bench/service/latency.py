"""Latencies at a given rate: durable PUTs at half of what saturates, reads beside a scan."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from bench.harness import NodeUnderTest
from bench.load import Load
from bench.pace import Paced
from bench.service import measures
from bench.service.run import SET, Run

CONNECTIONS = 64
ELEMENTS = 100_000
SCANNED = 1_000_000
SCANNED_LARGE = 5_000_000
READS_PER_S = 2_000
PACED_SECONDS = 3
"""How many times longer a paced run is than others: its 99th percentile needs more requests."""

HALF = "PUT of new elements, at half of that rate"
READ = f"GET of an element, {READS_PER_S:,}/s"
READ_BESIDE_SCAN = f"GET of an element, {READS_PER_S:,}/s, beside a scan"
SCAN = "members passed by the scan"


def latency(run: Run) -> None:
    """Saturate a node with PUTs, then measure latencies at half of that rate."""
    with run.node(run.sizes(10_000, ELEMENTS, ELEMENTS)) as target:
        for turn in run.turns():
            load = measures.put(run, target, f"new-{turn}", connections=CONNECTIONS)
            run.keep(measures.PUT, target, turn, CONNECTIONS, load)
            first = int(run.fresh_prefix()) * 10**12
            paced = _paced(run, target, f"PUT new-{turn}", first, 10**12, per_s=load.per_s / 2)
            run.keep(HALF, target, turn, CONNECTIONS, paced)


def scan(run: Run) -> None:
    """Measure reads at a rate that leaves room, without and beside a scan of the whole set."""
    elements = run.sizes(100_000, SCANNED, SCANNED_LARGE)
    with run.node(elements) as target:
        measures.warm_up(target, elements)
        for turn in run.turns():
            load = _paced(run, target, f"GET {SET}", 0, elements, per_s=READS_PER_S)
            run.keep(READ, target, turn, CONNECTIONS, load, elements=elements)
            with _scanning(target) as scanner:
                load = _paced(run, target, f"GET {SET}", 0, elements, per_s=READS_PER_S)
            run.keep(READ_BESIDE_SCAN, target, turn, CONNECTIONS, load, elements=elements)
            assert scanner.stdout is not None
            run.note(SCAN, elements, turn, float(scanner.stdout.read()), "per s")


def _paced(
    run: Run,
    target: NodeUnderTest,
    request: str,
    first: int,
    elements: int,
    *,
    per_s: float,
) -> Load:
    """Run `bench.pace` in a process of its own; exit where it could not keep up.

    A quick run has no figures to protect.
    """
    seconds = run.seconds * PACED_SECONDS
    numbers = (first, elements, per_s, seconds, CONNECTIONS)
    command = [sys.executable, "-m", "bench.pace", str(target.port), *request.split()]
    before_s = target.cpu_s()
    done = subprocess.run(
        [*command, *map(str, numbers)], stdout=subprocess.PIPE, text=True, check=True
    )
    paced = Paced(**json.loads(done.stdout))
    if not (paced.kept_up or run.quick):
        sys.exit(f"the generator could not keep up: {paced.late_p99_ms:.1f} ms late")
    count = int(per_s * seconds)
    server_us = (target.cpu_s() - before_s) / count * 1e6
    return Load(count, paced.per_s, paced.p50_ms, paced.p99_ms, server_us, paced.generator_us)


@contextmanager
def _scanning(target: NodeUnderTest) -> Iterator[subprocess.Popen[str]]:
    """Scan SET over and over in a process of its own; at the end it prints its rate."""
    command = [sys.executable, "-m", "bench.scan", str(target.redis_port), SET]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)
