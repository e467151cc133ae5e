"""The service over HTTP: rates, latencies and memory, with wrk on loopback, medians of three.

    python -m bench.http [--folder DIR] [--seconds 5] [--quick]

Every PUT is on disk before its answer. The generator runs on the same machine; what it took of
the processor is printed beside what the node took.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from bench.harness import (
    RUNS,
    Load,
    machine,
    median,
    median_load,
    node,
    random_element,
    require_disk,
    wrk,
)
from bench.stores import digits, fill, opened

ROW = "| {:44} | {:>9,.0f} | {:>7.2f} | {:>7.2f} | {:>8.0f} | {:>9.0f} |"


def main() -> None:
    """Run every work and print a table."""
    arguments = _arguments()
    if shutil.which("wrk") is None:
        sys.exit("wrk is missing: apt-get install wrk")
    folder = Path(tempfile.mkdtemp(prefix="lastword-bench-", dir=arguments.folder))
    require_disk(folder)
    try:
        print(machine(folder))
        _rates(folder, arguments.seconds)
        _large_set(folder, arguments.seconds, 100_000 if arguments.quick else 1_000_000)
        _memory(folder, 200_000 if arguments.quick else 5_000_000)
    finally:
        shutil.rmtree(folder)


def _rates(folder: Path, seconds: int) -> None:
    print("| work | per s | p50 ms | p99 ms | node us | generator us |")
    print("| --- | --- | --- | --- | --- | --- |")
    put = random_element("PUT", "bench", 100_000)
    get = random_element("GET", "bench", 100_000)
    with node(folder / "rates.db") as target:
        for connections in (32, 256):
            load = median_load(target, put, connections=connections, seconds=seconds)
            _row(f"durable PUT, 100k elements, {connections} connections", load)
        load = median_load(target, get, connections=64, seconds=seconds)
        _row("GET of an element, 100k elements, 64 connections", load)


def _large_set(folder: Path, seconds: int, elements: int) -> None:
    """Compare PUTs of random elements into an empty set and into a large one, in turns.

    Each run into the empty set has a new file, since the run before filled it.
    """
    fill_file(folder / "large.db", elements)
    script = random_element("PUT", "bench", elements)
    empty_loads, large_loads = [], []
    with node(folder / "large.db") as large:
        for turn in range(RUNS):
            with node(folder / f"empty-{turn}.db") as empty:
                empty_loads.append(wrk(empty, script, connections=64, seconds=seconds))
            large_loads.append(wrk(large, script, connections=64, seconds=seconds))
    into_empty, into_large = median(empty_loads), median(large_loads)
    _row("durable PUT into an empty set, 64 connections", into_empty)
    _row(f"durable PUT into a set of {elements:,}, 64 connections", into_large)
    print(f"\nlarge / empty: {into_large.per_s / into_empty.per_s:.2f}")


def _memory(folder: Path, elements: int) -> None:
    """Print the memory of a node with one large set that is read and written at random."""
    fill_file(folder / "memory.db", elements)
    with node(folder / "memory.db") as target:
        started = target.memory_mb()
        for method in ("PUT", "GET"):
            script = random_element(method, "bench", elements)
            median_load(target, script, connections=64, seconds=3)
        print(
            f"memory with a set of {elements:,} elements: {started:.0f} MB at the start, "
            f"{target.memory_mb():.0f} MB after reads and writes, "
            f"{target.memory_mb('VmHWM'):.0f} MB at the most"
        )


def fill_file(database: Path, elements: int) -> None:
    """Write so many elements into the set `bench` of a new file."""
    with opened(database) as store:
        fill(store, b"bench", elements, digits)


def _row(work: str, load: Load) -> None:
    print(ROW.format(work, load.per_s, load.p50_ms, load.p99_ms, load.node_us, load.generator_us))
    if load.errors:
        sys.exit(f"{load.errors} requests failed")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else None)
    parser.add_argument("--folder", type=Path, default=Path.cwd(), help="where the files go")
    parser.add_argument("--seconds", type=int, default=5, help="of each run (default 5)")
    parser.add_argument("--quick", action="store_true", help="with smaller sets")
    return parser.parse_args()


if __name__ == "__main__":
    main()
