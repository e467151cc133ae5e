"""The command as users run it: piped, or on a terminal that is rendered as people see it."""

import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import termios
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tools.processes import LASTWORD, PATIENCE_S

NOTHING: Final[Mapping[str, str]] = {}
_SEQUENCE: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command came to."""

    code: int
    output: bytes
    errors: str

    @property
    def lines(self) -> list[str]:
        return self.output.decode().splitlines()

    @property
    def objects(self) -> list[Any]:
        """The JSON objects of its lines."""
        return [json.loads(line) for line in self.output.splitlines()]


def run(
    *arguments: str | bytes, given: bytes = b"", environment: Mapping[str, str] = NOTHING
) -> Ran:
    """Run a command with its output in a pipe."""
    done = subprocess.run(
        [LASTWORD, *arguments],
        input=given,
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
        env=environment_of(environment),
    )
    return Ran(done.returncode, done.stdout, done.stderr.decode(errors="backslashreplace"))


def environment_of(more: Mapping[str, str] = NOTHING) -> dict[str, str]:
    """Return an environment in which nothing is said to the command but `more`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LASTWORD")}
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        kept.pop(name, None)
    return {**kept, "TERM": "xterm-256color", "LANG": "C.UTF-8", **more}


def on_terminal(
    *arguments: str, columns: int = 80, environment: Mapping[str, str] = NOTHING
) -> tuple[int, str]:
    """Run a command on a terminal of so many columns; return its exit code and all it wrote."""
    terminal, inner = pty.openpty()
    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with subprocess.Popen(
        [LASTWORD, *arguments],
        stdin=inner,
        stdout=inner,
        stderr=inner,
        env=environment_of(environment),
        start_new_session=True,
    ) as process:
        os.close(inner)
        try:
            written = b"".join(iter(lambda: _read(terminal), b""))
            return process.wait(PATIENCE_S), written.decode().replace("\r\n", "\n")
        finally:
            process.kill()
            os.close(terminal)


def _read(terminal: int) -> bytes:
    if not select.select([terminal], [], [], PATIENCE_S)[0]:
        raise TimeoutError("the command neither writes nor ends")
    try:
        return os.read(terminal, 1 << 16)
    except OSError:  # how a terminal of Linux tells its end
        return b""


def seen(written: str) -> list[str]:
    """Return the lines that people see: without the sequences that colour and move."""
    return [line.split("\r")[-1] for line in _SEQUENCE.sub("", written).split("\n")]
