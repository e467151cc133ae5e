"""The Dockerfile, done by hand: what each stage copies, runs and sets, in folders of our own.

Left out is what needs a container or changes the machine: FROM, and the RUN that makes a user. The
user's number is taken by setpriv where this runs as root.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from tools.deployment.linters import DEPLOY, ROOT

PREFIX: Final = "/opt/lastword"
DATA: Final = "/var/lib/lastword"


class Step(NamedTuple):
    """An instruction and what follows it, in one line."""

    instruction: str
    rest: str


def steps(dockerfile: str) -> Iterator[Step]:
    """Yield the instructions of a Dockerfile."""
    text = re.sub(r"^#.*\n", "", dockerfile, flags=re.MULTILINE)
    for line in re.sub(r"\\\n\s*", " ", text).splitlines():
        if line.strip():
            yield Step(*line.strip().split(maxsplit=1))


@dataclass
class Image:
    """What a Dockerfile makes, in `folder`: a virtual environment, an environment, commands."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)
    user: str = ""
    left_out: list[str] = field(default_factory=list)

    @classmethod
    def built(cls, folder: Path) -> "Image":
        """Do what the Dockerfile says."""
        image = cls(folder)
        (folder / "src").mkdir(parents=True)
        for step in steps((DEPLOY / "Dockerfile").read_text()):
            image._do(step)
        return image

    def _do(self, step: Step) -> None:
        match step:
            case Step("COPY", rest) if not rest.startswith("--from"):
                *sources, target = rest.split()
                for source in sources:
                    self._copy(ROOT / source, target)
            case Step("RUN", rest) if "useradd" not in rest:
                here = self._here(rest).replace("python -m venv", f"{sys.executable} -m venv")
                self._run(here)
            case Step("ENV", rest):
                for pair in shlex.split(rest):
                    name, _, value = pair.partition("=")
                    self.environment[name] = os.path.expandvars(self._here(value))
            case Step("USER", rest):
                self.user = rest
            case Step("ENTRYPOINT", rest):
                self.entrypoint = json.loads(rest)
            case Step("CMD", rest):
                self.command = json.loads(rest)
            case Step("HEALTHCHECK", rest):
                self.health = json.loads(rest[rest.index("[") :])
            case _:
                self.left_out.append(f"{step.instruction} {step.rest}"[:60])

    def _run(self, command: str) -> None:
        environment = {**os.environ, "PIP_QUIET": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        subprocess.run(command, shell=True, check=True, cwd=self.folder / "src", env=environment)

    def _copy(self, source: Path, target: str) -> None:
        into = self.folder / "src" / target
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
            shutil.copytree(source, into, ignore=ignored)
        else:
            shutil.copy(source, into)

    def _here(self, text: str) -> str:
        return text.replace(PREFIX, f"{self.folder}/opt").replace(DATA, f"{self.folder}/data")

    def as_user(self, command: list[str]) -> list[str]:
        """Return a command that runs as the image's user, where this process may choose."""
        if os.getuid() or shutil.which("setpriv") is None:
            return command
        user, _, group = self.user.partition(":")
        return ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", *command]

    def owned(self, path: Path) -> None:
        """Let the image's user have a file or folder."""
        if not os.getuid():
            user, _, group = self.user.partition(":")
            os.chown(path, int(user), int(group))
