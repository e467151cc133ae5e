"""Nodes whose wall is told by a file: libfaketime, preloaded, on the real process."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

from tools.processes import NodeProcess

PROGRAM: Final = "faketime"
SHARED_MEMORY: Final = Path("/dev/shm")


def skip_without_faketime() -> None:
    """Skip the test where libfaketime is not installed."""
    if shutil.which(PROGRAM) is None:
        pytest.skip(f"{PROGRAM} is not installed")


class FalseTime:
    """A wall that is off by as much as a file says; the monotonic clock is left alone.

    Each look at the clock reads the file, which costs more than the node does; with `lag_s` it is
    read that often only, and processes notice a step that late.
    """

    def __init__(self, file: Path, lag_s: int = 0) -> None:
        self._file = file
        self._lag_s = lag_s
        self.off_s = 0
        self.step(0)

    def step(self, off_s: int) -> None:
        """Let the wall be off by `off_s` from now on."""
        self.off_s = off_s
        fresh = self._file.with_suffix(".fresh")
        fresh.write_text(f"{off_s:+d}\n")
        fresh.replace(self._file)

    @property
    def prefix(self) -> Sequence[str]:
        """What the command of a process begins with that is to believe it."""
        _sweep()
        return (
            "env",
            f"LD_PRELOAD={_library()}",
            f"FAKETIME_TIMESTAMP_FILE={self._file}",
            f"FAKETIME_CACHE_DURATION={self._lag_s}" if self._lag_s else "FAKETIME_NO_CACHE=1",
            "FAKETIME_DONT_FAKE_MONOTONIC=1",
            "DONT_FAKE_MONOTONIC=1",
            # Its mending of waits on the monotonic clock lets each of them return at once here,
            # so that who waits for the interpreter's lock spins.
            "FAKETIME_FORCE_MONOTONIC_FIX=0",
        )

    def node(self, database: Path, *options: str) -> NodeProcess:
        """Return a node that lives by this wall."""
        return NodeProcess(database, *options, prefix=tuple(self.prefix))


def _sweep() -> None:
    """Remove what the library left behind in processes that were killed.

    It names its shared memory by its process, and ends a later one that has the same number.
    """
    for kind in ("faketime_shm_", "sem.faketime_sem_"):
        for left in SHARED_MEMORY.glob(f"{kind}*"):
            if not Path("/proc", left.name.removeprefix(kind)).exists():
                left.unlink(missing_ok=True)


def _library() -> str:
    """Return where the library is, as the program itself would preload it."""
    said = subprocess.run(
        [PROGRAM, "-f", "+0s", "printenv", "LD_PRELOAD"],
        capture_output=True,
        text=True,
        check=True,
        timeout=10,
    )
    return said.stdout.strip()
