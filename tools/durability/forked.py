"""Commands of the package as processes that are forked from one that has loaded it.

Each is the command itself, `lastword ...`, in a process of its own, with its own output and end.
What is spared is the loading of modules, half a second for each: a campaign of hundreds of rounds
starts thousands of them. Whoever uses this has no thread beside its first.
"""

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from multiprocessing import get_context
from multiprocessing.connection import wait as wait_for
from pathlib import Path
from signal import Signals
from typing import IO, ClassVar

from lastword.cli.main import run
from tools.processes import Process, environment
from tools.resp_node import RespNode


class Forked:
    """A forked process, with what `subprocess.Popen` has of it."""

    def __init__(self, command: Sequence[str], stderr: IO[bytes], prepare: "Preparation") -> None:
        assert threading.active_count() == 1, "a thread would be lost in the fork"
        self.args = command
        self._code: int | None = None
        reading, writing = os.pipe()
        self.stdout: IO[bytes] | None = os.fdopen(reading, "rb", buffering=0)
        self._process = get_context("fork").Process(
            target=_be, args=(command, writing, stderr.fileno(), prepare), daemon=True
        )
        self._process.start()
        os.close(writing)
        assert self._process.pid is not None
        self._pid = self._process.pid

    @property
    def pid(self) -> int:
        """Its id."""
        return self._pid

    def poll(self) -> int | None:
        """Return its exit code, negative for a signal; None while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Return its exit code; raise TimeoutExpired where it runs on."""
        if not wait_for([self._process.sentinel], timeout):
            raise subprocess.TimeoutExpired(list(self.args), timeout or 0.0)
        self._process.join()
        code = self._process.exitcode
        assert code is not None
        return code

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()

    def send_signal(self, number: Signals) -> None:
        """Send a signal, if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)


class Preparation:
    """What is done in the new process before the command begins: nothing."""

    def __call__(self) -> None:
        """Do it."""


class ForkedProcess(Process):
    """A command of the package, begun by a fork."""

    prepare: ClassVar[Preparation] = Preparation()

    def _begun(self, command: Sequence[str], stderr: IO[bytes]) -> Forked:
        return Forked(command, stderr, self.prepare)


class ForkedNode(RespNode):
    """A node that is begun by a fork."""

    process_type = ForkedProcess


def _be(command: Sequence[str], stdout: int, stderr: int, prepare: Preparation) -> None:
    """Be the command, in a process that was forked just now."""
    os.setsid()
    os.dup2(stdout, 1)
    os.dup2(stderr, 2)
    os.close(stdout)
    kept = environment()
    os.environ.clear()
    os.environ.update(kept)
    sys.argv = [Path(command[0]).name, *command[1:]]
    prepare()
    run()
