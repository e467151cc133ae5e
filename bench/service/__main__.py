"""The service under load, side by side with redis-server, on loopback of one machine.

    python -m bench.service [--only WORK,...] [--large] [--quick] [--seconds 2] [--folder DIR]
    python -m bench.service --draw

Servers take turns, three of each; figures are medians, ratios are medians of the ratios within a
turn. Every write is on disk before its answer, on both sides. Generators run on the same machine,
and what they took of the processor stands beside what the servers took. Results are kept as JSON;
what a work measured before is replaced by what it measures now, and the tables and the plots of
docs/ are drawn from all that is kept. It needs redis-server, redis-benchmark, wrk and a disk.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.harness import machine, require_disk
from bench.redis import redis_version
from bench.service import results
from bench.service.bulk import bulk
from bench.service.connections import connections
from bench.service.latency import latency, scan
from bench.service.node import copying, memory, start
from bench.service.plot import draw
from bench.service.rates import rates
from bench.service.report import write_part
from bench.service.results import Part
from bench.service.run import Run
from bench.service.sizes import sizes

WORKS: dict[str, Callable[[Run], None]] = {
    "rates": rates,
    "bulk": bulk,
    "latency": latency,
    "scan": scan,
    "start": start,
    "memory": memory,
    "copying": copying,
    "connections": connections,
    "sizes": sizes,
}
TOOLS = ("redis-server", "redis-benchmark", "wrk")
FILES = Path(".bench")
DOCS = Path(__file__).parents[2] / "docs"


def main() -> None:
    """Measure, keep what was measured, and draw it."""
    arguments = _arguments()
    docs = arguments.docs or (arguments.folder / "quick" if arguments.quick else DOCS)
    if not arguments.draw:
        _measure(arguments, docs / "figures" / "service.json")
    _draw(docs)


def _measure(arguments: argparse.Namespace, path: Path) -> None:
    for tool in TOOLS:
        if shutil.which(tool) is None:
            sys.exit(f"{tool} is missing: apt-get install redis-server redis-tools wrk")
    arguments.folder.mkdir(parents=True, exist_ok=True)
    require_disk(arguments.folder)
    kept = results.load(path)
    for name in arguments.only:
        print(f"{name}:", flush=True)
        kept.parts[name] = _measured(name, arguments)
        results.save(kept, path)
        print(f"  {kept.parts[name].took_s:.0f} s", flush=True)


def _measured(name: str, arguments: argparse.Namespace) -> Part:
    part = Part(
        machine=f"{machine(arguments.folder)}, {redis_version()}",
        command=_command(name, arguments),
        quick=arguments.quick,
    )
    scratch = Path(tempfile.mkdtemp(prefix="scratch-", dir=arguments.folder))
    began_s = time.monotonic()
    try:
        WORKS[name](
            Run(
                folder=arguments.folder,
                scratch=scratch,
                part=part,
                seconds=arguments.seconds,
                quick=arguments.quick,
                large=arguments.large,
            )
        )
    finally:
        shutil.rmtree(scratch)
    part.took_s = round(time.monotonic() - began_s, 1)
    return part


def _command(name: str, arguments: argparse.Namespace) -> str:
    """Return the command that measures one work again."""
    flags = [flag for flag in ("quick", "large") if getattr(arguments, flag)]
    options = "".join(f" --{flag}" for flag in flags)
    return f"python -m bench.service --only {name}{options} --seconds {arguments.seconds:g}"


def _draw(docs: Path) -> None:
    kept = results.load(docs / "figures" / "service.json")
    figures = draw(kept, docs / "figures")
    write_part(docs / "PERFORMANCE.md", kept)
    print(f"drawn: {', '.join(map(str, [docs / 'PERFORMANCE.md', *figures]))}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only",
        type=_works,
        default=list(WORKS),
        help=f"works, separated by commas: {', '.join(WORKS)}",
    )
    parser.add_argument("--seconds", type=float, default=2.0, help="of each run (default 2)")
    parser.add_argument("--large", action="store_true", help="with sets of 10,000,000 too")
    parser.add_argument("--quick", action="store_true", help="see that all of it runs: no figures")
    parser.add_argument("--draw", action="store_true", help="draw what was measured before")
    parser.add_argument("--folder", type=Path, default=FILES, help="for files of sets, on a disk")
    parser.add_argument("--docs", type=Path, help="where results, table and plots go")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.seconds = 1.0
    return arguments


def _works(text: str) -> list[str]:
    names = text.split(",")
    if unknown := set(names) - set(WORKS):
        raise argparse.ArgumentTypeError(f"no such work: {', '.join(sorted(unknown))}")
    return names


if __name__ == "__main__":
    main()
