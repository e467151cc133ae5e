"""Plays the console blocks of a document: its commands on a real shell, its nodes as processes.

Ports are exchanged for free ones. What a command prints is compared by its shape: numbers and
digests may differ, and `...` stands for anything. A command that only reads is tried again
until it shows what the document says, since news takes a moment to arrive.
"""

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from tests.eventually import eventually
from tests.node.test_cluster import free_ports
from tools.processes import Process

PORTS: Final = ("3000", "3001", "3002", "6379")
PATIENCE_S: Final = 30.0
JOBS: Final = {"": signal.SIGTERM, "-HUP ": signal.SIGHUP}
_BLOCK: Final = re.compile(r"^```(console|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_JOB: Final = re.compile(r"kill (-HUP )?(%\d+(?: %\d+)*)$")
_UNENDING: Final = re.compile(r"lastword monkey (?!.*--for)|lastword watch |curl -N ")
_READS: Final = re.compile(r"curl (?!.*-X )|lastword (verify|members) |redis-cli .*SISMEMBER")
_VARIES: Final = re.compile(r"\b[0-9a-f]{12,}(?:-[0-9a-f]+)?\b|\d[\d,]*")
_LONG: Final = (("--for 10", "--for 1"),)
"""What a reader has time for, and a test has not."""


@dataclass(frozen=True, slots=True)
class Step:
    """A command, and the lines that the document shows after it."""

    command: str
    shown: tuple[str, ...]


def steps_of(document: str) -> list[Step]:
    """Return what a document's blocks of console and Python say, in order, but for make."""
    steps: list[Step] = []
    for kind, block in _BLOCK.findall(document):
        if kind == "python":
            steps.append(Step(f"python - <<'END'\n{block}END", ()))
            continue
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, *shown = part.rstrip("\n").split("\n")
            if not command.startswith("make "):
                steps.append(Step(command, tuple(shown)))
    return steps


class Console:
    """A folder with a shell in it, and what was started in its background."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ports = dict(zip(PORTS, map(str, free_ports(len(PORTS))), strict=True))
        self._jobs: list[Process] = []
        self._stack = ExitStack()

    def play(self, step: Step) -> None:
        """Do one step; raise AssertionError where it does not give what is shown."""
        command = self.ported(step.command)
        shown = tuple(map(self.ported, step.shown))
        job = _JOB.match(command)
        if job:
            self._signal(JOBS[job[1] or ""], job[2])
        elif command.endswith(" &"):
            self._serve(command.removesuffix(" &"), shown)
        elif _UNENDING.match(command):
            goes_on = self._start(command)
            assert shape([goes_on.read_line() for _ in shown]) == shape(shown), command
            assert goes_on.is_running
        elif _READS.match(command):
            eventually(lambda: matches(self._run(command).stdout, shown), command)
        else:
            done = self._run(command)
            assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
            assert matches(done.stdout, shown), f"{command}\n{done.stdout}\nin place of\n{shown}"

    def ported(self, text: str) -> str:
        """Return a text of the document with the ports that are used."""
        for long, short in _LONG:
            text = text.replace(long, short)
        return re.sub(
            r"\b(?:" + "|".join(PORTS) + r")\b", lambda found: self._ports[found[0]], text
        )

    def _run(self, command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", command],
            cwd=self._folder,
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )

    def _serve(self, command: str, shown: tuple[str, ...]) -> None:
        """Start a node, and wait until it serves, whether the document shows its lines or not."""
        started = self._start(command)
        said = [started.read_line() for _ in range(1 + ("--redis-port" in command))]
        assert not shown or shape(said) == shape(shown), command

    def _start(self, command: str) -> Process:
        ours = self._environment()
        named = " ".join(f"{name}='{ours[name]}'" for name in ("PATH", "LASTWORD_ADDRESS"))
        script = f"cd '{self._folder}' && export {named} && exec {command}"
        stderr = self._folder / f"{len(self._jobs)}.stderr"
        process = self._stack.enter_context(Process("bash", "-c", script, stderr=stderr))
        self._jobs.append(process)
        return process

    def _environment(self) -> dict[str, str]:
        """Return what commands see: this `lastword`, and the node that they call unless told."""
        return _environment() | {"LASTWORD_ADDRESS": f"localhost:{self._ports['3000']}"}

    def _signal(self, number: signal.Signals, names: str) -> None:
        for name in names.split():
            process = self._jobs[int(name.removeprefix("%")) - 1]
            process.signal(number)
            if number == signal.SIGTERM:
                assert process.wait() == 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


def matches(printed: str, shown: tuple[str, ...]) -> bool:
    """Return whether that has the shape of what is shown; where nothing is shown, anything has."""
    return not shown or shape(printed.rstrip("\n").split("\n")) == shape(shown)


def shape(lines: list[str] | tuple[str, ...]) -> list[Any]:
    """Return lines without what differs from run to run."""
    return [_shape(line) for line in lines]


def _shape(line: str) -> Any:
    try:
        return _shape_of_json(json.loads(line))
    except json.JSONDecodeError:
        return _text(line)


def _shape_of_json(value: Any) -> Any:
    match value:
        case {"error": {"code": code}}:
            return code
        case dict():
            return {_text(key): _shape_of_json(one) for key, one in sorted(value.items())}
        case list():
            return sorted(map(_shape_of_json, value), key=repr)
        case int() if not isinstance(value, bool):
            return 0
        case str():
            return _text(value)
    return value


def _text(text: str) -> str:
    return _VARIES.sub("0", text)


def _environment() -> dict[str, str]:
    """Return an environment in which `lastword` is this one, and nothing else is set for it."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("LASTWORD_")}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return ours | {"PATH": path, "COLUMNS": "200", "FAKETTY": "1"}  # redis-cli: as on a terminal
