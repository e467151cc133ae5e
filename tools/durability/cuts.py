"""Power cuts under load: a node dies at some call for its disk, and loses what was not synced."""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

from tools.disk.cut import cut_power
from tools.disk.plan import Outcome, Plan, write_plan
from tools.durability.expected import Findings
from tools.durability.load import Load
from tools.files import check_file
from tools.resp_node import RespNode

CALLS_MAX: Final = 4_000
"""A node dies by the call that it makes so late at most: a second or two of writes."""

WRITES_BEFORE_MAX: Final = 300
"""So many writes at most are acknowledged before the calls are counted."""


@dataclass(slots=True)
class Cuts:
    """What a number of power cuts came to."""

    cuts: int = 0
    findings: Findings = field(default_factory=Findings)


def on_disk(notes: Path, synchronous: str | None = None) -> tuple[str, ...]:
    """Return what the command of a node begins with that runs on a disk with notes there.

    Its connections sync as the product's do, or by the level `synchronous`.
    """
    weaker = () if synchronous is None else ("--synchronous", synchronous)
    return (sys.executable, "-m", "tools.disk", str(notes), *weaker)


def cut_again_and_again(
    folder: Path, rng: Random, *, cuts: int, writes: int = 0, synchronous: str | None = None
) -> Cuts:
    """Cut the power `cuts` times at least, until `writes` were acknowledged; check the file."""
    notes, data = folder / "notes", folder / "data"
    data.mkdir(parents=True)
    path = data / "node.db"
    played = Cuts()
    node = RespNode(path, prefix=on_disk(notes, synchronous))
    with node:
        load = Load(node.address, node.resp_address, rng)
        while played.cuts < cuts or played.findings.acknowledged < writes:
            _run_until_it_dies(node, load, notes, rng)
            cut_power(data, notes, None if rng.random() < 0.3 else rng)
            played.cuts += 1
            node.start()
            played.findings.add(load.examine())
    check_file(path)
    return played


def _run_until_it_dies(node: RespNode, load: Load, notes: Path, rng: Random) -> None:
    load.begin()
    load.wait_for(rng.randrange(WRITES_BEFORE_MAX))
    write_plan(notes, Plan(at=1 + rng.randrange(CALLS_MAX), outcome=Outcome.IS_THE_LAST))
    load.wait()
    node.process.wait()
    node.kill()
