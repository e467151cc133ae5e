"""`python -m tools.durability.damage FOLDER [--file 200] [--log 200] [--others 8] [--seed 7]`.

Damages the files of a node again and again (`damages` says how), and prints what became of them:
a table, and each round that broke a promise, or whose damage nothing found. `--only "bit of the
log:17"` plays one round again. Exit code 0 if no promise was broken; files of rounds that broke
one are kept.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from multiprocessing import get_context
from multiprocessing.queues import Queue
from pathlib import Path
from random import SystemRandom
from typing import Final

from tools.durability.damaged_round import DamagedRound, Verdict
from tools.durability.damages import KINDS
from tools.durability.pair import made_pair
from tools.durability.unverified import UnverifiedRound

LANES: Final = 2
"""Rounds at once, each with files and ports of its own."""

HEAD: Final = (
    "| what was done | rounds | found by | by nothing | late | wrong until found | "
    "mixed until found | spread | lost | lost without a word | broken promises |\n"
    "| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
)


@dataclass(frozen=True, slots=True)
class Task:
    """A round to play."""

    kind: str
    number: int


@dataclass(frozen=True, slots=True)
class Campaign:
    """Where rounds are played, with what seed, and whether the victim verifies checksums."""

    folder: Path
    seed: int
    verified: bool = True

    def play(self, tasks: Sequence[Task], lanes: int = LANES) -> Iterator[Verdict]:
        """Play rounds, several at once; yield what they came to, in their order."""
        context = get_context("spawn")
        free: Queue[int] = context.Queue()
        for lane in range(lanes):
            free.put(lane)
        with ProcessPoolExecutor(lanes, context, _take_lane, (free,)) as pool:
            yield from pool.map(partial(_play, self), tasks)


_lane: list[int] = []
"""Of this process, in a campaign's."""


def _take_lane(free: "Queue[int]") -> None:
    _lane.append(free.get())


def _play(campaign: Campaign, task: Task) -> Verdict:
    pair = made_pair(campaign.folder / f"lane-{_lane[0]}-{campaign.seed}", campaign.seed)
    name = f"{task.kind.replace(' ', '-')}-{task.number}"
    round_type = DamagedRound if campaign.verified else UnverifiedRound
    kind = KINDS[task.kind]
    return round_type(campaign.folder / name, pair, kind, task.number, campaign.seed).play()


def rows(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """Yield the table's rows, one for each kind."""
    yield HEAD
    order = [*KINDS]
    for name, some in groupby(
        sorted(verdicts, key=lambda at: order.index(at.kind)), key=lambda at: at.kind
    ):
        of_kind = list(some)
        by: dict[str, int] = {}
        for verdict in of_kind:
            if verdict.found is not None:
                by[verdict.found] = by.get(verdict.found, 0) + 1
        found = ", ".join(f"{what} {count}" for what, count in by.items())
        counts = (
            len(of_kind) - sum(by.values()),
            sum(at.behind > 0 for at in of_kind),
            sum(at.wrong > 0 for at in of_kind),
            sum(at.mixed > 0 and not at.wrong for at in of_kind),
            sum(at.spread > 0 for at in of_kind),
            sum(at.lost for at in of_kind),
            sum(at.unnamed for at in of_kind),
            sum(bool(at.faults) for at in of_kind),
        )
        yield f"| {name} | {len(of_kind)} | {found} | {' | '.join(map(str, counts))} |"


def tasks_of(file: int, log: int, others: int) -> list[Task]:
    """Return the rounds: so many bits of the file, of the log, and of each other kind."""
    counts = {"bit of the file": file, "bit of the log": log}
    return [Task(name, number) for name in KINDS for number in range(counts.get(name, others))]


def main() -> int:
    """Play all, and print what they came to."""
    options = _options()
    campaign = Campaign(options.folder, options.seed, verified=not options.unverified)
    tasks = tasks_of(options.file, options.log, options.others)
    if options.only:
        name, _, number = options.only.rpartition(":")
        tasks = [Task(name, int(number))]
    verdicts = []
    for verdict in campaign.play(tasks, options.lanes):
        verdicts.append(verdict)
        if verdict.faults or verdict.found is None or options.each or options.only:
            print(told(verdict, options.seed), flush=True)
    print(*rows(verdicts), sep="\n")
    return int(any(verdict.faults for verdict in verdicts))


def told(verdict: Verdict, seed: int) -> str:
    """Return a round in words, with what plays it again."""
    head = f'--seed {seed} --only "{verdict.kind}:{verdict.number}": {verdict.what}'
    counts = (
        f"found by {verdict.found}; wrong {verdict.wrong}, mixed {verdict.mixed}, behind "
        f"{verdict.behind}, lost {verdict.lost}, without a word "
        f"{verdict.unnamed}, healed {verdict.healed}; {verdict.took_s:.1f} s"
    )
    return "\n    ".join([head, counts, *verdict.faults])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.durability.damage", description=__doc__)
    parser.add_argument("folder", type=Path, help="where files are made, and those found kept")
    parser.add_argument("--file", type=int, default=200, help="bits of the file (200)")
    parser.add_argument("--log", type=int, default=200, help="bits of the log (200)")
    parser.add_argument("--others", type=int, default=8, help="of each other kind (8)")
    parser.add_argument("--lanes", type=int, default=LANES, help=f"at once ({LANES})")
    parser.add_argument("--only", help="one round: KIND:NUMBER")
    parser.add_argument("--each", action="store_true", help="print every round")
    parser.add_argument(
        "--unverified", action="store_true", help="let the victim verify no checksum"
    )
    parser.add_argument("--seed", type=int, help="of all that is random (a random one)")
    options = parser.parse_args()
    if options.seed is None:
        options.seed = SystemRandom().randrange(1 << 32)
    return options


if __name__ == "__main__":
    sys.exit(main())
