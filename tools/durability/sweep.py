"""`python -m tools.durability.sweep FOLDER [--step 1]`: each call for the disk fails once.

A short script of all that a store does is played again and again, each time in a process of its
own; at the first time the first call goes wrong, then the second, until the script runs through.
Each time the store is opened again as it was left, writes once more, and loses its power then:
what was acknowledged, before the fault and after, must be there.
"""

import argparse
import json
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random
from typing import Final

from tools.disk.__main__ import install
from tools.disk.cut import cut_power
from tools.disk.plan import Call, Outcome, Pages, Plan, write_plan
from tools.durability.script import Play, examine

MORE: Final = 1_000_000
"""More calls than a script makes: from the first one on that fails, all do."""

VARIANTS: Final = {
    "it fails once, pages lost": Plan(),
    "it fails once, pages reverted": Plan(pages=Pages.REVERTED, calls=frozenset({Call.SYNC})),
    "it fails once, pages written": Plan(pages=Pages.WRITTEN, calls=frozenset({Call.SYNC})),
    "all fail from there on": Plan(times=MORE),
    "the disk is full for three writes": Plan(
        times=3, outcome=Outcome.IS_FULL, calls=frozenset({Call.WRITE})
    ),
    "the power is cut": Plan(outcome=Outcome.IS_THE_LAST),
}


@dataclass(slots=True)
class Swept:
    """What a sweep came to: how often the script was played, and what was wrong."""

    variant: str
    played: int = 0
    wrong: list[str] = field(default_factory=list)


def sweep(folder: Path, variant: str, step: int = 1) -> Swept:
    """Play a variant at every `step`-th call. The process must have opened no store before."""
    swept = Swept(variant)
    plan = VARIANTS[variant]
    for at in count(1, step):
        place = folder / f"{variant}-{at}".replace(" ", "-")
        (place / "data").mkdir(parents=True)
        reached, wrong = _play(place, plan, at)
        swept.played += 1
        swept.wrong += [f"call {at}: {what}" for what in wrong]
        if not wrong:
            shutil.rmtree(place)
        if not reached:
            return swept
    raise AssertionError


def _play(place: Path, plan: Plan, at: int) -> tuple[bool, list[str]]:
    """Return whether the script made so many calls, and what was wrong."""
    data, notes, noted = place / "data", place / "notes", place / "noted"
    path = data / "a.db"
    rng = Random(at)
    wrong: list[str] = []

    def play() -> None:
        disk = install(notes)
        write_plan(notes, Plan(at, plan.times, plan.outcome, plan.calls, plan.suffix, plan.pages))
        script = Play(disk, path, noted)
        script.run()
        if disk.course.calls < at:
            (place / "through").touch()
        if plan.outcome is Outcome.IS_FULL:
            write_plan(notes, Plan())
            script.add(b"there is room again")

    def go_on() -> None:
        (notes / "plan").unlink(missing_ok=True)
        disk = install(notes)
        again = Play(disk, path, noted)
        again.open()
        again.add(b"after the next start")

    _child(play, wrong)
    if plan.outcome is Outcome.IS_THE_LAST:
        cut_power(data, notes, rng)
    _child(go_on, wrong)
    cut_power(data, notes, None if at % 2 else rng)
    _child(lambda: wrong_is_none(examine(path, noted)), wrong)
    return not (place / "through").exists(), wrong


def wrong_is_none(wrong: list[str]) -> None:
    """Fail with what is wrong."""
    assert not wrong, "; ".join(wrong)


def _child(work: Callable[[], None], wrong: list[str]) -> None:
    """Do it in a process that is killed at its end, as no store is that is closed."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            work()
        except BaseException:  # noqa: BLE001 - it is told to the process that waits
            os.write(writing, traceback.format_exc()[-3000:].encode())
        os.kill(os.getpid(), signal.SIGKILL)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read().decode(errors="replace")
    os.waitpid(pid, 0)
    if told:
        wrong.append(told)


def main() -> int:
    """Play all variants; print one line of JSON for each."""
    parser = argparse.ArgumentParser(prog="python -m tools.durability.sweep", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--step", type=int, default=1)
    parser.add_argument("--variant", choices=VARIANTS, action="append")
    options = parser.parse_args()
    failed = False
    for variant in options.variant or VARIANTS:
        swept = sweep(options.folder, variant, options.step)
        failed |= bool(swept.wrong)
        line = {"variant": swept.variant, "played": swept.played, "wrong": swept.wrong}
        print(json.dumps(line), flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
