"""A long run: rounds of faults until time is up, then all that was acknowledged is judged."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

from tools.chaos.faults import MAKERS
from tools.chaos.load import SETS, Load
from tools.chaos.log import Log
from tools.chaos.namespaces import namespaces, why_not
from tools.chaos.rounds import CONVERGENCE_S, Round, plan, play
from tools.chaos.verdict import damages, problems, traces
from tools.cluster import Cluster, started_cluster
from tools.waiting import until
from tools.wires import Loopback, Wires

FULL_S: Final = 2.0
"""Between two full comparisons: several fall between any two faults."""

OPTIONS: Final = ("-f", f"{FULL_S:g}")


@dataclass(slots=True)
class Result:
    """What a run came to: its rounds, the writes examined, and all that is wrong."""

    rounds: list[Round] = field(default_factory=list)
    examined: int = 0
    doubtful: int = 0
    found: list[str] = field(default_factory=list)


class Campaign:
    """A run that goes on for a while; `result` has its findings, also where it raises."""

    def __init__(self, names: Sequence[str], rng: Random, log: Log) -> None:
        self.result = Result()
        self._names = names
        self._rng = rng
        self._log = log

    async def run(self, seconds: float, folder: Path) -> None:
        """Play rounds for `seconds`, log each, and judge what the nodes hold and leave."""
        with wires(self._rng, self._names) as connected:
            async with started_cluster(folder, self._names, connected, options=OPTIONS) as cluster:
                await self._play(seconds, cluster)
                await cluster.stop()
                members = cluster.members.values()
                self.result.found += traces(member.process.stderr for member in members)
                self.result.found += damages(member.process.database for member in members)

    async def _play(self, seconds: float, cluster: Cluster) -> None:
        if not await until(cluster.is_acquainted, CONVERGENCE_S):
            self.result.found.append("the nodes did not find each other")
            return
        async with Load(cluster, self._rng) as load:
            began_s = time.monotonic()
            agreed = True
            while agreed and time.monotonic() - began_s < seconds:
                planned = plan(self._names, self._rng, kinds(cluster.wires))
                agreed = self._note(await play(cluster, load, planned, began_s=began_s))
            await self._judge(cluster, load)

    def _note(self, played: Round) -> bool:
        """Note a round; return whether the nodes agreed after it."""
        self._log.add(played)
        self.result.rounds.append(played)
        self.result.found += unmet(played)
        return played.converged_s is not None

    async def _judge(self, cluster: Cluster, load: Load) -> None:
        """Note all that is wrong with what the nodes hold once all writing has stopped."""
        writes, doubtful = load.writes(), load.doubtful()
        self.result.examined, self.result.doubtful = len(writes), len(doubtful)
        if not await until(cluster.agrees, CONVERGENCE_S):
            self.result.found.append(f"the digests differ: {await cluster.digests()}")
        self.result.found += problems(await cluster.states(SETS), writes, doubtful)
        if not await cluster.is_acquainted():
            self.result.found.append("a node lists too few addresses, or too many")


@contextmanager
def wires(rng: Random, names: Sequence[str]) -> Iterator[Wires]:
    """Give the best wires that this machine lets us have."""
    if why_not() is None:
        with namespaces(rng, names) as connected:
            yield connected
    else:
        yield Loopback(rng)


def kinds(connected: Wires) -> list[str]:
    """Return the kinds of faults that there can be on these wires."""
    return [kind for kind in MAKERS if connected.can_lose or kind != "loss"]


def unmet(played: Round) -> list[str]:
    """Return what a round should have shown and did not."""
    found = [
        f"{' and '.join(fault.idle)} took no write from {fault.began_s:.1f} s on: {fault.detail}"
        for fault in played.faults
        if fault.idle
    ]
    if played.converged_s is None:
        found.append(f"no agreement within {CONVERGENCE_S:g} s after {played.faults[-1].detail}")
    return found
