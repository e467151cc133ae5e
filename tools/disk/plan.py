"""What is to go wrong, told by a file that is read as soon as it changes."""

from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec

NAME: Final = "plan"


class Call(StrEnum):
    """What SQLite asks of a file or its name, as far as it can fail."""

    OPEN = "open"
    READ = "read"
    WRITE = "write"
    SYNC = "sync"
    TRUNCATE = "truncate"
    REMOVE = "remove"


class Outcome(StrEnum):
    """How a call goes wrong."""

    FAILS = "fails"  # and says so; half of what was to be written is
    IS_FULL = "is full"
    IS_THE_LAST = "is the last"  # the process is killed before it


class Pages(StrEnum):
    """What becomes of the pages that a failed sync was for."""

    LOST = "lost"  # they are read, and never reach the disk
    REVERTED = "reverted"  # the disk's are read again
    WRITTEN = "written"  # they reached the disk after all


class Plan(msgspec.Struct, frozen=True):
    """Let the call number `at` go wrong, and the `times - 1` after it; 0 is none.

    Counted are the `calls` on files whose names end with `suffix`, since the plan was read.
    """

    at: int = 0
    times: int = 1
    outcome: Outcome = Outcome.FAILS
    calls: frozenset[Call] = frozenset(Call)
    suffix: str = ""
    pages: Pages = Pages.LOST


def write_plan(folder: Path, plan: Plan) -> None:
    """Let whoever runs on the disk of `folder` go by `plan` from now on."""
    draft = folder / f"{NAME}.draft"
    draft.write_bytes(msgspec.json.encode(plan))
    draft.replace(folder / NAME)


class Course:
    """The plan as it is gone by: counts calls, and says how each goes wrong."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._inode = 0
        self.plan = Plan()
        self.calls = 0

    def outcome(self, call: Call, name: str) -> Outcome | None:
        """Count a call; return how it goes wrong, or None."""
        self._read()
        plan = self.plan
        if call not in plan.calls or not name.endswith(plan.suffix):
            return None
        self.calls += 1
        return plan.outcome if plan.at and 0 <= self.calls - plan.at < plan.times else None

    def _read(self) -> None:
        try:
            inode = self._path.stat().st_ino
        except FileNotFoundError:
            return
        if inode != self._inode:
            self._inode = inode
            self.plan = msgspec.json.decode(self._path.read_bytes(), type=Plan)
            self.calls = 0
