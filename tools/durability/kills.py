"""`kill -9` under load, again and again: what was acknowledged, and how soon it is ready again."""

import signal
import time
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

from tools.durability.expected import Findings
from tools.durability.load import Load
from tools.files import check_file
from tools.resp_node import RespNode

ACKNOWLEDGED_MIN: Final = 50
"""Before a kill, so that each is one in the middle of writes."""


@dataclass(slots=True)
class Storm:
    """What a storm of kills came to. `ready_s` has how long each start took."""

    kills: int = 0
    findings: Findings = field(default_factory=Findings)
    ready_s: list[float] = field(default_factory=list)


def storm(folder: Path, rng: Random, *, kills: int, writes: int, elements: int = 0) -> Storm:
    """Kill a node `kills` times while it acknowledges about `writes`, beside `elements` held."""
    path = folder / "node.db"
    node = RespNode(path)
    played = Storm()
    with node:
        load = Load(node.address, node.resp_address, rng)
        load.fill(elements)
        while played.kills < kills or played.findings.acknowledged < writes:
            _kill(node, load, rng.randrange(ACKNOWLEDGED_MIN, 2 * max(writes // kills, 99)))
            played.kills += 1
            began_s = time.monotonic()
            node.start()
            played.ready_s.append(time.monotonic() - began_s)
            played.findings.add(load.examine())
    check_file(path)
    return played


def _kill(node: RespNode, load: Load, acknowledged: int) -> None:
    """Kill a node as soon as it has acknowledged so much."""
    load.begin()
    load.wait_for(acknowledged)
    node.process.signal(signal.SIGKILL)
    load.wait()
    node.kill()
