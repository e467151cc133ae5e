"""`python -m tools.demo [--seconds 20]`: exit code 0 if nothing was lost, 1 if anything is wrong.

After Ctrl-C or SIGTERM it is 130; nothing is left behind then either.
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

from rich.console import Console

from lastword.errors import LastwordError
from tools.demo.play import play
from tools.demo.players import Ledger
from tools.demo.screen import Screen
from tools.demo.verdict import PHASES
from tools.processes import ProcessFault

INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    """Run the demonstration in a folder of its own, which is kept where it fails."""
    parser = argparse.ArgumentParser(prog="python -m tools.demo", description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0, help="how long to play (20)")
    seconds = max(1.0, parser.parse_args(arguments).seconds)
    screen = Screen(Console(highlight=False))
    folder = Path(tempfile.mkdtemp(prefix="lastword-demo-"))
    try:
        ledger, found = asyncio.run(play(seconds, screen, folder))
    except (KeyboardInterrupt, asyncio.CancelledError):
        shutil.rmtree(folder)
        screen.conclude("interrupted; all nodes are stopped", good=False)
        return INTERRUPTED
    except ExceptionGroup as group:
        found = [f"{type(error).__name__}: {error}" for error in group.exceptions]
    except (ProcessFault, LastwordError) as error:
        found = [str(error)]
    if found:
        for line in found:
            screen.conclude(line, good=False)
        screen.conclude(f"FAILED; the nodes' files are kept in {folder}", good=False)
        return 1
    shutil.rmtree(folder)
    screen.conclude(_praise(ledger), good=True)
    return 0


def _praise(ledger: Ledger) -> str:
    counts = Counter(write.phase for write in ledger.writes)
    phases = ", ".join(f"{counts[phase]} {phase}" for phase in PHASES)
    return (
        f"{len(ledger.writes)} acknowledged writes ({phases} the cut) were examined on every "
        "node: none is missing."
    )


if __name__ == "__main__":
    sys.exit(main())
