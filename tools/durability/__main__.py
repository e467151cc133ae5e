"""`python -m tools.durability [--kills 100] [--writes 100000] [--cuts 30] [--flips 200] [...]`.

Kills, power cuts, failing disks and damaged files at full size, and tables of what they came to.
Exit code 0 if nothing that was acknowledged is lost and no damage is served, while power cuts
without a sync at each commit do lose, and nodes that verify no checksum do serve damage.
"""

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from json import loads
from pathlib import Path
from random import Random, SystemRandom
from typing import Final

from tools.chaos.log import facts_of_machine
from tools.durability.cuts import cut_again_and_again
from tools.durability.damage import Campaign, rows, tasks_of, told
from tools.durability.expected import Findings
from tools.durability.kills import storm

HEAD: Final = (
    "| what | times | acknowledged | in doubt | lost | unexpected |\n"
    "| --- | --- | --- | --- | --- | --- |"
)


def main() -> int:
    """Play all; print the table, and what was wrong."""
    options = _options()
    folder = Path(tempfile.mkdtemp(prefix="lastword-durability-", dir=options.folder))
    print(f"`python -m tools.durability {' '.join(_repeated(options))}`")
    for name, fact in facts_of_machine():
        print(f"{name}: {fact}")
    print(HEAD, flush=True)
    began_s = time.monotonic()
    wrong = [
        *_kills(folder, options),
        *_cuts(folder, options),
        *_calls(folder, options.step),
        *_damages(folder, options),
    ]
    print(f"\n{time.monotonic() - began_s:.0f} s")
    if wrong:
        print(*wrong, f"FAILED; files are kept in {folder}", sep="\n")
        return 1
    shutil.rmtree(folder)
    return 0


def _kills(folder: Path, options: argparse.Namespace) -> Iterator[str]:
    place = _made(folder / "kills")
    played = storm(
        place,
        Random(options.seed),
        kills=options.kills,
        writes=options.writes,
        elements=options.elements,
    )
    _row("`kill -9`", played.kills, played.findings)
    ready = f"{statistics.median(played.ready_s):.2f} s, at most {max(played.ready_s):.2f} s"
    print(
        f"\nready again after a kill, beside {options.elements} elements: median {ready}\n{HEAD}"
    )
    yield from _wrong("kills", played.findings)


def _cuts(folder: Path, options: argparse.Namespace) -> Iterator[str]:
    for level in (None, "NORMAL"):
        played = cut_again_and_again(
            folder / f"cuts-{level}",
            Random(options.seed),
            cuts=options.cuts,
            writes=options.writes,
            synchronous=level,
        )
        _row(f"power cut, synchronous={level or 'FULL'}", played.cuts, played.findings)
        if level is None:
            yield from _wrong("power cuts", played.findings)
        elif not played.findings.lost:
            yield "power cuts with synchronous=NORMAL lost nothing: they test nothing"


def _calls(folder: Path, step: int) -> Iterator[str]:
    """Fail each call for the disk, in a process that has opened no file yet."""
    command = [sys.executable, "-m", "tools.durability.sweep", str(_made(folder / "calls"))]
    print("\n| each call for the disk | times | wrong |\n| --- | --- | --- |")
    with subprocess.Popen(
        [*command, "--step", str(step)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            swept = loads(line)
            print(
                f"| {swept['variant']} | {swept['played']} | {len(swept['wrong'])} |", flush=True
            )
            yield from swept["wrong"]
    if process.returncode not in {0, 1}:
        yield f"{' '.join(command)} ended with {process.returncode}"


def _damages(folder: Path, options: argparse.Namespace) -> Iterator[str]:
    """Damage files of nodes that verify checksums, and of some that do not."""
    campaign = Campaign(folder / "damage", options.seed)
    verdicts = []
    for verdict in campaign.play(tasks_of(options.flips, options.flips, options.damages)):
        verdicts.append(verdict)
        yield from (f"{told(verdict, options.seed)}" for _ in verdict.faults[:1])
    print("", *rows(verdicts), sep="\n", flush=True)
    unverified = Campaign(folder / "unverified", options.seed, verified=False)
    served = list(unverified.play(tasks_of(options.flips, 0, 0)))
    print("\nwithout checksums:", *rows(served), sep="\n", flush=True)
    if not any(verdict.wrong or verdict.mixed for verdict in served):
        yield "flips without checksums gave no wrong answer: they test nothing"


def _row(what: str, times: int, found: Findings) -> None:
    counts = (times, found.acknowledged, found.doubtful, len(found.lost), len(found.unexpected))
    print(f"| {what} | {' | '.join(f'{count:,}' for count in counts)} |", flush=True)


def _wrong(what: str, found: Findings) -> Iterator[str]:
    for kind, elements in (("lost", found.lost), ("unexpected", found.unexpected)):
        for element in elements[:10]:
            yield f"{what}: {kind} {element!r}"


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.durability", description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="at least so many (100)")
    parser.add_argument("--writes", type=int, default=100_000, help="acknowledged, each (100000)")
    parser.add_argument("--elements", type=int, default=1_000_000, help="held (1000000)")
    parser.add_argument("--cuts", type=int, default=30, help="at least so many (30)")
    parser.add_argument("--step", type=int, default=1, help="every so many calls (1)")
    parser.add_argument("--flips", type=int, default=200, help="in file and log, each (200)")
    parser.add_argument("--damages", type=int, default=8, help="of each other kind (8)")
    parser.add_argument("--seed", type=int, help="of all that is random (a random one)")
    parser.add_argument("--folder", type=Path, help="where files are made (the system's choice)")
    options = parser.parse_args()
    if options.seed is None:
        options.seed = SystemRandom().randrange(1 << 32)
    return options


def _repeated(options: argparse.Namespace) -> Iterator[str]:
    for name in ("kills", "writes", "elements", "cuts", "step", "flips", "damages", "seed"):
        yield f"--{name} {getattr(options, name)}"


if __name__ == "__main__":
    sys.exit(main())
