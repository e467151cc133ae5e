"""Each kind of fault once, on real nodes under load: nothing is lost, and all agree soon after."""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from random import Random

import pytest
import pytest_asyncio

from lastword.api.transport import TIMEOUT_S
from tools.chaos.campaign import OPTIONS, unmet, wires
from tools.chaos.faults import MAKERS
from tools.chaos.load import SETS, Load
from tools.chaos.namespaces import why_not
from tools.chaos.rounds import CONVERGENCE_S, Planned, play
from tools.chaos.verdict import damages, problems, traces
from tools.cluster import Cluster, started_cluster
from tools.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

NAMES = "abcd"
LONG_S = TIMEOUT_S + 1.5
"""Longer than any call between nodes waits."""


@dataclass(frozen=True)
class Scene:
    cluster: Cluster
    load: Load


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    """One cluster for all tests here; at its end every node ends well, with a sound file."""
    rng = Random(0)
    folder = tmp_path_factory.mktemp("chaos")
    with wires(rng, NAMES) as connected:
        async with started_cluster(folder, NAMES, connected, options=OPTIONS) as cluster:
            assert await until(cluster.is_acquainted, CONVERGENCE_S)
            async with Load(cluster, rng) as load:
                yield Scene(cluster, load)
            await cluster.stop()
            members = cluster.members.values()
            assert traces(member.process.stderr for member in members) == []
            assert damages(member.process.database for member in members) == []


@pytest.fixture
def networked() -> None:
    """Skip where this machine does not let us have network namespaces."""
    hindrance = why_not()
    if hindrance is not None:
        pytest.skip(hindrance)


async def endure(scene: Scene, kind: str, lasts_s: float) -> None:
    """Nothing is lost in a fault, every node that can takes writes in it, and all agree after."""
    fault = MAKERS[kind](NAMES, Random(kind))
    planned = Planned(kind, fault, starts_s=0.0, lasts_s=lasts_s)
    played = await play(scene.cluster, scene.load, [planned], began_s=time.monotonic())
    assert unmet(played) == []
    states = await scene.cluster.states(SETS)
    assert problems(states, scene.load.writes(), scene.load.doubtful()) == []
    print(f"{kind}: agreement {played.converged_s:.1f} s after healing")  # noqa: T201 - with -rP


@pytest.mark.parametrize(("kind", "lasts_s"), [("kill", 2.0), ("stop", LONG_S), ("slow", 2.0)])
async def test_nodes_agree_after(scene: Scene, kind: str, lasts_s: float) -> None:
    await endure(scene, kind, lasts_s)


async def test_nodes_agree_after_bodies_were_torn(scene: Scene) -> None:
    torn = scene.cluster.wires.traffic.torn
    await endure(scene, "torn", 2.0)
    assert scene.cluster.wires.traffic.torn > torn


@pytest.mark.usefixtures("networked")
@pytest.mark.parametrize(
    ("kind", "lasts_s"),
    [("halves", LONG_S), ("ring", 2.0), ("alone", LONG_S), ("one way", 2.0), ("loss", 3.0)],
)
async def test_nodes_agree_after_the_network_failed(
    scene: Scene, kind: str, lasts_s: float
) -> None:
    await endure(scene, kind, lasts_s)
