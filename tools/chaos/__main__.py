"""`python -m tools.chaos [--minutes 10] [--seed 7] [--nodes 5] [--log FILE]`.

Exit code 0 if every acknowledged write is on every node, 1 if anything is wrong, 130 after Ctrl-C
or SIGTERM; nothing is left behind then either.
"""

import argparse
import asyncio
import shutil
import string
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from random import Random, SystemRandom
from typing import Final

from lastword.errors import LastwordError
from tools.chaos.campaign import OPTIONS, Campaign, Result
from tools.chaos.log import Log, facts_of_machine
from tools.chaos.namespaces import NamespaceFault, why_not
from tools.processes import ProcessFault
from tools.waiting import stop_on_sigterm

INTERRUPTED: Final = 130
NODES_MIN: Final = 3
NODES_MAX: Final = 9


def main(arguments: list[str] | None = None) -> int:
    """Run, in a folder of its own, which is kept where anything is wrong."""
    options = _options(arguments)
    folder = Path(tempfile.mkdtemp(prefix="lastword-chaos-"))
    with ExitStack() as stack:
        files = [sys.stdout]
        if options.log is not None:
            files.append(stack.enter_context(options.log.open("w")))
        log = Log(files)
        log.begin([*_facts(options), *facts_of_machine()])
        try:
            result = asyncio.run(_run(options, folder, log))
        except (KeyboardInterrupt, asyncio.CancelledError):
            shutil.rmtree(folder)
            return INTERRUPTED
        log.conclude(result.rounds, _verdict(result, folder))
    if result.found:
        return 1
    shutil.rmtree(folder)
    return 0


async def _run(options: argparse.Namespace, folder: Path, log: Log) -> Result:
    """Run until time is up; what ends it before is a finding."""
    stop_on_sigterm()
    campaign = Campaign(_names(options.nodes), Random(options.seed), log)
    found = campaign.result.found
    try:
        await campaign.run(options.minutes * 60, folder)
    except ExceptionGroup as group:
        found += [f"{type(error).__name__}: {error}" for error in group.exceptions]
    except (ProcessFault, NamespaceFault, LastwordError, OSError) as error:
        found.append(f"{type(error).__name__}: {error}")
    return campaign.result


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="how long to play (10)")
    parser.add_argument("--seed", type=int, help="of all that is random (a random one)")
    parser.add_argument("--nodes", type=int, default=5, help="how many (5)")
    parser.add_argument("--log", type=Path, help="a file to write the log to, beside the screen")
    options = parser.parse_args(arguments)
    if not NODES_MIN <= options.nodes <= NODES_MAX:
        parser.error(f"--nodes takes {NODES_MIN} to {NODES_MAX}")
    if options.seed is None:
        options.seed = SystemRandom().randrange(1 << 32)
    return options


def _names(number: int) -> Sequence[str]:
    return string.ascii_lowercase[:number]


def _facts(options: argparse.Namespace) -> list[tuple[str, str]]:
    """Return how this run is repeated, and on what."""
    arguments = f"--minutes {options.minutes:g} --seed {options.seed} --nodes {options.nodes}"
    hindrance = why_not()
    wired = "network namespaces, nft, and a proxy before each node"
    if hindrance is not None:
        wired = f"the loopback interface and a proxy before each node, since {hindrance}"
    return [
        ("command", f"`python -m tools.chaos {arguments}`"),
        ("nodes", f"{options.nodes} processes, `lastword serve {' '.join(OPTIONS)}`"),
        ("wires", wired),
    ]


def _verdict(result: Result, folder: Path) -> Iterator[str]:
    """Yield what it all comes to, in sentences."""
    faults = sum(len(played.faults) for played in result.rounds)
    yield f"{faults} faults in {len(result.rounds)} rounds"
    yield f"{result.examined} acknowledged writes examined on every node"
    yield f"{result.doubtful} elements had a write without an answer"
    if not result.found:
        yield "none is missing; all digests are equal; all nodes ended with 0, without a traceback"
        yield "every file was checked row by row and is sound"
        return
    yield from result.found
    yield f"**FAILED**; the nodes' files are kept in {folder}"


if __name__ == "__main__":
    sys.exit(main())
