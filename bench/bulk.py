"""Bulk writes over HTTP: `POST /_/bulk`, one element a line, and states read whole.

    python -m bench.bulk [--folder DIR] [--elements 200000]

Every line is on disk before the answer. The client has its bodies made before it sends them.
"""

import argparse
import shutil
import statistics
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from bench.harness import RUNS, NodeUnderTest, machine, node, require_disk

LINES = 50_000
"""Lines of one request."""


def main() -> None:
    """Write into one set and into many, then read the one."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else None)
    parser.add_argument("--folder", type=Path, default=Path.cwd(), help="where the files go")
    parser.add_argument("--elements", type=int, default=200_000, help="of each run")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="lastword-bench-", dir=arguments.folder))
    require_disk(folder)
    try:
        print(machine(folder))
        print("| work | per s | node us |\n| --- | --- | --- |")
        _writes(folder, "one set", arguments.elements, lambda _: "bench")
        _writes(folder, "a thousand sets", arguments.elements, lambda at: f"bench{at % 1_000}")
    finally:
        shutil.rmtree(folder)


def _writes(folder: Path, work: str, elements: int, name: Callable[[int], str]) -> None:
    """Print the median of writes into a new file each, and of reads of the last one."""
    bodies = [
        b"".join(
            b'{"set":"%b","add":["%020d"]}\n' % (name(at).encode(), at)
            for at in range(start, min(start + LINES, elements))
        )
        for start in range(0, elements, LINES)
    ]
    rates, costs = [], []
    for turn in range(RUNS):
        with node(folder / f"{work}-{turn}.db") as target:
            spent_s, took_s = target.cpu_s(), _post(target, bodies)
            rates.append(elements / took_s)
            costs.append((target.cpu_s() - spent_s) / elements * 1e6)
            if turn == RUNS - 1 and work == "one set":
                _read(target, elements)
    rate, cost = statistics.median(rates), statistics.median(costs)
    print(f"| bulk, an element a line, {work} | {rate:,.0f} | {cost:.1f} |")


def _post(target: NodeUnderTest, bodies: list[bytes]) -> float:
    """Send the bodies one after the other; return the seconds that it took."""
    began = time.perf_counter()
    for body in bodies:
        with urllib.request.urlopen(f"{target.url}/_/bulk", body, timeout=600) as answer:
            assert answer.status == 200
    return time.perf_counter() - began


def _read(target: NodeUnderTest, elements: int) -> None:
    for kind in ("application/json", "application/msgpack"):
        request = urllib.request.Request(f"{target.url}/bench", headers={"Accept": kind})
        spent_s, began = target.cpu_s(), time.perf_counter()
        with urllib.request.urlopen(request, timeout=600) as answer:
            while answer.read(1 << 20):
                pass
        rate = elements / (time.perf_counter() - began)
        cost = (target.cpu_s() - spent_s) / elements * 1e6
        print(f"| the state of a set of {elements:,}, {kind} | {rate:,.0f} | {cost:.1f} |")


if __name__ == "__main__":
    main()
