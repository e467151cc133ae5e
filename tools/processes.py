"""Real processes: nodes as users start them, and any other command of the package.

Nothing that is started here outlives whoever started it: `close` kills, and a guard does so where
the starting process dies without a word. Every wait has a timeout; none sleeps.
"""

import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, ClassVar, Final, Protocol, Self

LASTWORD: Final = str(Path(sys.executable).with_name("lastword"))
PATIENCE_S: Final = 30.0
"""For a start, a line or an end. All take about a second; a machine under load takes longer."""


class ProcessFault(Exception):
    """A process did not do what was awaited of it; the message ends with its standard error."""


class Running(Protocol):
    """What is needed of a process that was begun, as `subprocess.Popen` has it."""

    stdout: IO[bytes] | None

    @property
    def pid(self) -> int:
        """Its id."""

    def poll(self) -> int | None:
        """Return its exit code; None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Return its exit code; raise TimeoutExpired where it runs on."""

    def kill(self) -> None:
        """End it at once."""

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal."""


class Process:
    """One command that runs, its lines as they come, and its standard error in a file."""

    def __init__(self, *command: str, stderr: Path) -> None:
        self._buffered = b""
        self._command = command
        self._stderr = stderr
        with stderr.open("ab") as errors:
            self._process = self._begun(command, errors)
        self._guard = _guard(self._process.pid)

    def _begun(self, command: Sequence[str], stderr: IO[bytes]) -> Running:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=environment(),
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def read_line(self, timeout_s: float = PATIENCE_S) -> str:
        """Return the next line of standard output, without its end.

        Raises ProcessFault where none comes in time, or the output ends before.
        """
        assert self._process.stdout is not None
        deadline_s = time.monotonic() + timeout_s
        while b"\n" not in self._buffered:
            left_s = max(0.0, deadline_s - time.monotonic())
            if not select.select([self._process.stdout], [], [], left_s)[0]:
                raise self.fault(f"wrote no line within {timeout_s:g} s")
            chunk = os.read(self._process.stdout.fileno(), 1 << 16)
            if not chunk:
                self.wait(timeout_s)
                raise self.fault("ended its output")
            self._buffered += chunk
        line, _, self._buffered = self._buffered.partition(b"\n")
        return line.decode()

    def read_rest(self, timeout_s: float = PATIENCE_S) -> list[str]:
        """Return all further lines, once the output has ended."""
        lines = []
        try:
            while True:
                lines.append(self.read_line(timeout_s))
        except ProcessFault:
            self.wait(timeout_s)
        return lines

    def errors(self) -> str:
        """Return what it wrote to standard error until now."""
        return self._stderr.read_text(errors="backslashreplace")

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def wait(self, timeout_s: float = PATIENCE_S) -> int:
        """Return the exit code, negative for a signal; raise ProcessFault where it runs on."""
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise self.fault(f"still ran after {timeout_s:g} s") from None

    def close(self) -> None:
        """Kill it if it still runs, and let go of everything; may be called again."""
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        assert self._guard.stdin is not None
        self._guard.kill()
        self._guard.wait()
        self._guard.stdin.close()

    def fault(self, what: str) -> ProcessFault:
        """Return the error that says what went wrong, with all that helps to find out why."""
        command = " ".join(self._command)
        code = self._process.poll()
        return ProcessFault(f"{command}\n{what}; exit code {code}\n{self.errors()[-4000:]}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class NodeProcess:
    """A node on a file, started as often as wanted, on the same port every time.

    `prefix` is what its command begins with, such as one that runs it on another network; it may
    be changed between two starts.

    As a context manager it is started, and at the end stopped, which must succeed, or killed
    where the test has failed already.
    """

    process_type: ClassVar[type[Process]] = Process

    def __init__(
        self, database: Path, *options: str, port: int = 0, prefix: tuple[str, ...] = ()
    ) -> None:
        self.database = database
        self._options = options
        self._port = port
        self.prefix = prefix
        self._address = ""
        self._process: Process | None = None

    @property
    def address(self) -> str:
        """The host:port that it serves on, known since its first start."""
        assert self._address, "it was not started yet"
        return self._address

    @property
    def stderr(self) -> Path:
        """Where standard error goes, of every start."""
        return self.database.with_name(f"{self.database.name}.stderr")

    @property
    def process(self) -> Process:
        """The process that runs."""
        assert self._process is not None, "it does not run"
        return self._process

    def start(self) -> Self:
        """Start it, and return when it says that it serves."""
        assert self._process is None, "it runs already"
        self._process = self.process_type(
            *self.prefix,
            LASTWORD,
            *("serve", "-p", str(self._port), "-d", str(self.database), *self._options),
            stderr=self.stderr,
        )
        try:
            self._address = _announced_address(self._process)
            self._port = int(self._address.rpartition(":")[2])
        except BaseException:
            self.kill()
            raise
        return self

    def stop(self) -> None:
        """Stop it in order; raise ProcessFault unless it ends with exit code 0."""
        process = self.process
        try:
            process.signal(signal.SIGTERM)
            code = process.wait()
            if code != 0:
                raise process.fault(f"ended with {code} after SIGTERM")
        finally:
            self.kill()

    def kill(self) -> None:
        """End it at once, as a lost machine ends; may be called where it does not run."""
        process, self._process = self._process, None
        if process is not None:
            process.close()

    def restart(self) -> None:
        """Stop it in order and start it again, on the same file and port."""
        self.stop()
        self.start()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None and self._process is not None:
            self.stop()
        else:
            self.kill()


def _announced_address(process: Process) -> str:
    """Return HOST:PORT of `lastword VERSION serves http://HOST:PORT on FILE (N sets)`."""
    line = process.read_line()
    found = re.search(r" serves https?://(\S+) on ", line)
    if found is None:
        raise process.fault(f"announced {line!r}")
    return found[1]


def environment() -> dict[str, str]:
    """Return our environment without what would change how commands behave or look."""
    ours = {"COLUMNS", "FORCE_COLOR", "PY_COLORS", "CLICOLOR_FORCE"}
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("LASTWORD_") and name not in ours
    }


def _guard(pid: int) -> subprocess.Popen[bytes]:
    """Start a shell that kills `pid` as soon as this process is gone, however it went."""
    return subprocess.Popen(
        ["sh", "-c", 'read -r _; kill -KILL "$0" 2>/dev/null', str(pid)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
