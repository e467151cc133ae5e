"""The play: all write, one node is cut off and comes back, all stop, and the nodes are judged."""

import asyncio
import time
from pathlib import Path
from random import Random
from typing import Final

from tools.cluster import PEERS_SET, Cluster, started_cluster
from tools.demo.players import MONKEYS_SET, WRITERS_SET, Ledger, players
from tools.demo.screen import Screen
from tools.demo.verdict import PHASES, problems, undivided
from tools.verdict import States, differing
from tools.waiting import stop_on_sigterm, until
from tools.wires import Loopback

NAMES: Final = ("a", "b", "c")
SETS: Final = (PEERS_SET, MONKEYS_SET, WRITERS_SET)
CUT_OFF: Final = NAMES[-1]
CONVERGENCE_S: Final = 30.0
"""How long nodes may take to agree once all writing has stopped; they take about a second."""


async def play(seconds: float, screen: Screen, folder: Path) -> tuple[Ledger, list[str]]:
    """Play for about `seconds`; return what was acknowledged, and all that is wrong."""
    stop_on_sigterm()
    ledger = Ledger()
    async with started_cluster(folder, NAMES, Loopback(Random())) as cluster:
        for member in cluster.members.values():
            screen.tell(f"node {member.name} serves http://{member.address}")
        if not await until(cluster.is_acquainted, CONVERGENCE_S):
            return ledger, ["the nodes did not find each other"]
        screen.tell("each was told of one other; now all know each other")
        async with asyncio.TaskGroup() as group:
            addresses = {member.name: member.address for member in cluster.members.values()}
            tasks = [group.create_task(player) for player in players(addresses, ledger)]
            found = await _act(seconds / len(PHASES), cluster, ledger, screen)
            for task in tasks:
                task.cancel()
        screen.tell(f"all writing has stopped: {len(ledger.writes)} writes acknowledged")
        states = await _judge(cluster, ledger, screen)
        screen.show(states)
        await cluster.stop()
        screen.tell("all nodes ended in order")
    return ledger, found + _lies(ledger) + problems(states, ledger.writes)


async def _act(phase_s: float, cluster: Cluster, ledger: Ledger, screen: Screen) -> list[str]:
    """Go through the phases before, during and after the cut; return what went wrong."""
    screen.tell("monkeys at each node overwrite each other; writers at a and c add their own")
    await screen.watch(phase_s, "playing", lambda: len(ledger.writes))
    await cluster.cut_off(CUT_OFF)
    ledger.phase = PHASES[1]
    screen.tell(f"node {CUT_OFF} is cut off: nothing passes between it and the others", "yellow")
    await screen.watch(phase_s, f"without {CUT_OFF}", lambda: len(ledger.writes))
    states = await cluster.states(SETS)
    found = undivided(states, ledger.writes)
    await cluster.heal()
    ledger.phase = PHASES[2]
    screen.tell(
        f"node {CUT_OFF} is back; it and the others differ in {len(differing(states))} elements",
        "yellow",
    )
    await screen.watch(phase_s, "together", lambda: len(ledger.writes))
    return found


async def _judge(cluster: Cluster, ledger: Ledger, screen: Screen) -> States:
    """Wait until nothing is wrong any more, or for CONVERGENCE_S; return what the nodes hold."""
    began_s = time.monotonic()

    async def is_well() -> bool:
        return not problems(await cluster.states(SETS), ledger.writes)

    if await until(is_well, CONVERGENCE_S):
        screen.tell(f"the nodes agree, {time.monotonic() - began_s:.1f} s after the last write")
    return await cluster.states(SETS)


def _lies(ledger: Ledger) -> list[str]:
    """Return the failures of the on-off monkey, which must have come home at least once."""
    if not ledger.outcomes:
        return ["the on-off monkey never came home"]
    return [str(outcome) for outcome in ledger.outcomes if not outcome.success]
