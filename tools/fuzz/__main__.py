"""`python -m tools.fuzz [TARGET ...] [--seconds 600] [--runs N] [--jobs 2]`: fuzz, and a table.

Each target is fuzzed in a process of its own. Exit code 1 where one found something; the input is
kept, and a command is printed that plays it again.
"""

import argparse
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from tools.chaos.log import facts_of_machine
from tools.fuzz.targets import TARGETS

HEAD: Final = (
    "| target | inputs | a second | reached: at first, at the end | kept | found |\n"
    "| --- | ---: | ---: | ---: | ---: | --- |"
)
KEPT: Final = Path("build/fuzz")
IN_MEMORY: Final = Path("/dev/shm")
"""Where Linux has files that no disk is waited for."""
_FIGURES: Final = re.compile(
    rb"#(\d+)\s+(INITED|NEW|REDUCE|DONE|pulse)\s+cov: (\d+).*?corp: (\d+)"
)
_UNITS: Final = re.compile(rb"stat::number_of_executed_units: *(\d+)")
_FINDING: Final = re.compile(rb"Test unit written to (\S+)")
PATIENCE_S: Final = 300
"""Beyond its time, for a process to begin and to end on a busy machine."""


class Outcome(NamedTuple):
    """What a target came to. Without atheris nothing is known of what was reached."""

    name: str
    inputs: int
    seconds: float
    reached: tuple[int, int] | None
    kept: int
    finding: str | None
    trace: str

    def row(self) -> str:
        """Return its row of the table."""
        reached = "-" if self.reached is None else f"{self.reached[0]:,}, {self.reached[1]:,}"
        return (
            f"| {self.name} | {self.inputs:,} | {self.inputs / self.seconds:,.0f} | {reached} "
            f"| {self.kept} | {self.finding or 'nothing'} |"
        )


def main() -> int:
    """Fuzz all that are named; return 1 where one found something."""
    options = _options()
    print(" ".join(("python -m tools.fuzz", *sys.argv[1:])))
    for name, fact in facts_of_machine():
        print(f"{name}: {fact}")
    print(f"\n{HEAD}", flush=True)
    outcomes = []
    with ThreadPoolExecutor(options.jobs) as pool:
        for outcome in pool.map(lambda name: fuzzed(name, options), options.targets):
            print(outcome.row(), flush=True)
            outcomes.append(outcome)
    found = [outcome for outcome in outcomes if outcome.finding is not None]
    for outcome in found:
        print(f"\n{outcome.trace}\nTo play it again:")
        print(f"{sys.executable} -m tools.fuzz.one {outcome.name} --replay {outcome.finding}")
    return min(len(found), 1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=int, default=0, help="for each; default no bound")
    parser.add_argument("--runs", type=int, default=-1, help="inputs of each; default no bound")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="at a time")
    parser.add_argument("--plain", action="store_true", help="without atheris")
    parser.add_argument("--kept", type=Path, default=KEPT, help=f"findings (default {KEPT})")
    options = parser.parse_args()
    options.targets = options.targets or list(TARGETS)
    unknown = set(options.targets) - TARGETS.keys()
    if unknown:
        parser.error(f"there is no target {', '.join(sorted(unknown))}")
    if options.seconds <= 0 and options.runs < 0:
        parser.error("say --seconds or --runs, or it does not end")
    return options


def fuzzed(name: str, options: argparse.Namespace) -> Outcome:
    """Fuzz one target in a process of its own."""
    bound_s = options.seconds + PATIENCE_S if options.seconds else None
    memory = IN_MEMORY if IN_MEMORY.is_dir() else None
    with TemporaryDirectory(prefix="lastword-fuzz-", dir=memory) as scratch:
        command = [
            *(sys.executable, "-m", "tools.fuzz.one", name, f"--seed={options.seed}"),
            *(f"--runs={options.runs}", f"--seconds={options.seconds}", f"--scratch={scratch}"),
            *(f"--findings={options.kept}", *(["--plain"] if options.plain else [])),
        ]
        began_s = time.monotonic()
        said, code = _ended(command, {**os.environ, "TMPDIR": scratch}, bound_s)
    figures = _FIGURES.findall(said)
    units = _UNITS.search(said) or re.match(rb"(\d+)", figures[-1][0] if figures else b"0")
    finding = _FINDING.search(said)
    lost = {0: None, None: "did not end"}.get(code, f"exit code {code}")
    return Outcome(
        name,
        inputs=int(units[1]) if units else 0,
        seconds=time.monotonic() - began_s,
        reached=(int(figures[0][2]), int(figures[-1][2])) if figures else None,
        kept=int(figures[-1][3]) if figures else 0,
        finding=finding[1].decode() if finding else lost,
        trace="" if code == 0 else _end(said),
    )


def _ended(
    command: list[str], environment: dict[str, str], bound_s: float | None
) -> tuple[bytes, int | None]:
    """Return what a command said, and its exit code; None where it did not end in time."""
    try:
        ended = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=bound_s,
            check=False,
            env=environment,
        )
    except subprocess.TimeoutExpired as late:
        return late.output or b"", None
    return ended.stdout, ended.returncode


def _end(said: bytes) -> str:
    """Return the last lines of what a process said, which have the trace."""
    return "\n".join(said.decode(errors="replace").splitlines()[-40:])


if __name__ == "__main__":
    sys.exit(main())
