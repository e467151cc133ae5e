"""What a node with a large set takes: time to start, memory, and time to be copied."""

import json
import sys
import time
import urllib.request

from bench.harness import NodeUnderTest, node
from bench.service import measures
from bench.service.run import Run

ELEMENTS = 1_000_000
LARGE = 10_000_000
CACHES_MB = (0, 64, 256)
CONNECTIONS = 64
COPY_PATIENCE_S = 300.0
POLL_S = 0.05

START = "start, until it serves"
COPY = "full copy to an empty node"


def start(run: Run) -> None:
    """Time the start of a node's process until it says that it serves."""
    elements = run.sizes(10_000, ELEMENTS, LARGE)
    path = run.file(elements)
    for turn in run.turns():
        with node(path, "--redis-port", "0") as target:
            run.note(START, elements, turn, target.started_s, "s")


def memory(run: Run) -> None:
    """Read and write at random all over a set, with caches of several sizes."""
    elements = run.sizes(10_000, ELEMENTS, LARGE)
    for cache_mb in CACHES_MB:
        with run.node(elements, "--cache-mb", str(cache_mb)) as target:
            began = memory_name(cache_mb, "at the start")
            run.note(began, elements, 0, target.memory_mb(), "MB")
            for _ in run.turns():
                measures.sismember(run, target, elements, connections=CONNECTIONS, pipeline=16)
                measures.get(run, target, elements, connections=CONNECTIONS)
                measures.put_held(run, target, elements, connections=CONNECTIONS)
            most = memory_name(cache_mb, "at the most")
            run.note(most, elements, 0, target.memory_mb("VmHWM"), "MB")


def memory_name(cache_mb: int, when: str) -> str:
    """Return what a reading of a node's memory is called."""
    return f"memory, --cache-mb {cache_mb}, {when}"


def copying(run: Run) -> None:
    """Time an empty node from the start of its process until it holds what another one does."""
    elements = run.sizes(10_000, ELEMENTS, ELEMENTS)
    for turn in run.turns():
        with run.node(elements) as source:
            began_s = time.perf_counter()
            empty, contact = run.scratch / f"empty-{turn}.db", f"127.0.0.1:{source.port}"
            with node(empty, "-i", contact) as target:
                _wait_until_equal(source, target)
                run.note(COPY, elements, turn, time.perf_counter() - began_s, "s")


def _wait_until_equal(source: NodeUnderTest, target: NodeUnderTest) -> None:
    deadline_s = time.monotonic() + COPY_PATIENCE_S
    while _digest(source) != _digest(target):
        if time.monotonic() > deadline_s:
            sys.exit("the copy did not end")
        time.sleep(POLL_S)


def _digest(target: NodeUnderTest) -> str:
    with urllib.request.urlopen(f"{target.url}/_/ready", timeout=10) as answer:
        return str(json.load(answer)["digest"])
