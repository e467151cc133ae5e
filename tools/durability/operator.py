"""What an operator does and sees: verbs of `lastword`, and what a node says of itself."""

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from tools.durability.forked import ForkedProcess
from tools.durability.reading import Pipeline
from tools.processes import LASTWORD

PATIENCE_S: Final = 60.0
PAUSE_S: Final = 0.02
SHOWN_CHARS_MAX: Final = 300


class Damage(msgspec.Struct, frozen=True):
    """What a node says of damage, in `/_/ready`."""

    pages: int = 0
    sets: list[str] = []
    log_frames_unread: int = 0

    @property
    def is_known(self) -> bool:
        """Whether anything does not add up, or could not be read."""
        return bool(self.pages or self.sets)


class Facts(msgspec.Struct, frozen=True, rename="camel"):
    """What a node says of itself."""

    digest: str = ""
    copying: object = None
    damage: Damage = Damage()


def facts_of(address: str) -> Facts | None:
    """Return what a node says of itself; None where it does not answer."""
    (reply,) = Pipeline(address).get(["/_/ready"])
    return msgspec.json.decode(reply.body, type=Facts) if reply.status == 200 else None


def until(condition: Callable[[], bool], within_s: float) -> bool:
    """Return whether the condition came to hold in time."""
    deadline_s = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline_s:
            return False
        time.sleep(PAUSE_S)
    return True


class Operator:
    """Runs verbs, and keeps all that they said."""

    def __init__(self, folder: Path) -> None:
        self._errors = folder / "operator.stderr"
        self.heard: list[str] = []

    def does(self, *words: str) -> int:
        """Run `lastword` with words; return its exit code."""
        before = len(self._errors.read_text()) if self._errors.exists() else 0
        with ForkedProcess(LASTWORD, *words, stderr=self._errors) as process:
            lines = process.read_rest(PATIENCE_S)
            code = process.wait(PATIENCE_S)
            said = "\n".join([*lines, process.errors()[before:]]).strip()
        self.heard.append(f"$ lastword {' '.join(words)}\n{said}\n[{code}]")
        return code

    @property
    def last(self) -> str:
        """What the last verb said, shortened."""
        return re.sub(r"\s+", " ", self.heard[-1])[:SHOWN_CHARS_MAX]
