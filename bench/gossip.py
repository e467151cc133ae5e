"""How soon a write is seen elsewhere, and what it costs to carry it there: real nodes, loopback.

    python -m bench.gossip [--folder DIR] [--nodes 4 5] [--interval 0.2]

Every node is a process with the default fan-out. First the cluster is left alone and counted;
then single writes are timed until every other node answers with them; then distinct elements are
written at random nodes, and the entries that nodes sent are set against those that had to be sent.
"""

import argparse
import asyncio
import shutil
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from random import Random

import aiohttp

from bench.harness import NodeUnderTest, machine, node, require_disk

SAMPLES = 60
WRITES = 3_000
WRITES_PER_S = 200
QUIET_S = 10.0
POLL_S = 0.002
PATIENCE_S = 30.0

Counters = dict[str, float]


class Cluster:
    """Nodes that run, and one client for all."""

    def __init__(self, nodes: list[NodeUnderTest], client: aiohttp.ClientSession) -> None:
        self.nodes = nodes
        self._client = client

    async def put(self, index: int, element: str) -> None:
        """Add an element to the set `gossip` on one node."""
        async with self._client.put(f"{self.nodes[index].url}/gossip/{element}") as answer:
            answer.raise_for_status()

    async def until_seen(self, index: int, element: str) -> None:
        """Ask one node until it has an element."""
        deadline_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline_s:
            async with self._client.get(f"{self.nodes[index].url}/gossip/{element}") as answer:
                if (await answer.read()).strip() == b"true":
                    return
            await asyncio.sleep(POLL_S)
        raise TimeoutError(f"{element} was not seen on node {index}")

    async def counters(self) -> Counters:
        """Return the counters of all nodes, added up."""
        total: Counters = {}
        for target in self.nodes:
            async with self._client.get(f"{target.url}/_/metrics") as answer:
                for line in (await answer.text()).splitlines():
                    name, _, value = line.partition(" ")
                    if name.startswith("lastword_") and "{" not in name:
                        total[name] = total.get(name, 0.0) + float(value)
        return total

    async def until_agreed(self) -> None:
        """Wait until all nodes show one digest and list each other."""
        deadline_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline_s:
            facts = []
            for target in self.nodes:
                async with self._client.get(f"{target.url}/_/ready") as answer:
                    facts.append(await answer.json(content_type=None))
            listed = all(len(fact["members"]) == len(self.nodes) for fact in facts)
            if listed and len({fact["digest"] for fact in facts}) == 1:
                return
            await asyncio.sleep(POLL_S)
        raise TimeoutError("the nodes do not agree")


def main() -> None:
    """Measure clusters of every size and print a table."""
    arguments = _arguments()
    folder = Path(tempfile.mkdtemp(prefix="lastword-bench-", dir=arguments.folder))
    require_disk(folder)
    try:
        print(machine(folder))
        print(
            "| nodes | exchanges per round and node, quiet | seen elsewhere after, in periods: "
            "p50 / p99 / max | entries sent / needed |"
        )
        print("| --- | --- | --- | --- |")
        for count in arguments.nodes:
            files = folder / str(count)
            files.mkdir()
            asyncio.run(_measure(files, count, arguments.interval))
    finally:
        shutil.rmtree(folder)


async def _measure(folder: Path, count: int, interval_s: float) -> None:
    async with _cluster(folder, count, interval_s) as cluster:
        quiet = await _quiet(cluster)
        seen = sorted(at / interval_s for at in await _visibility(cluster, interval_s))
        ratio = await _cascade(cluster)
    p99 = seen[int(len(seen) * 0.99)]
    print(
        f"| {count} | {quiet:.2f} | {statistics.median(seen):.2f} / {p99:.2f} / {seen[-1]:.2f} "
        f"| {ratio:.3f} |",
        flush=True,
    )


@asynccontextmanager
async def _cluster(folder: Path, count: int, interval_s: float) -> AsyncIterator[Cluster]:
    async with AsyncExitStack() as stack:
        nodes: list[NodeUnderTest] = []
        for index in range(count):
            contact = ("-i", nodes[0].url.removeprefix("http://")) if nodes else ()
            options = ("-r", f"{interval_s:g}", *contact)
            nodes.append(stack.enter_context(node(folder / f"{index}.db", *options)))
        client = await stack.enter_async_context(aiohttp.ClientSession())
        cluster = Cluster(nodes, client)
        await cluster.until_agreed()
        yield cluster


async def _quiet(cluster: Cluster) -> float:
    """Return the walks per round and node while nothing is written."""
    before = await cluster.counters()
    await asyncio.sleep(QUIET_S)
    after = await cluster.counters()
    walks = after["lastword_walks_begun_total"] - before["lastword_walks_begun_total"]
    return walks / (after["lastword_rounds_total"] - before["lastword_rounds_total"])


async def _visibility(cluster: Cluster, interval_s: float) -> list[float]:
    """Return how long each of some writes took to be seen on every node, in seconds."""
    rng, times = Random(1), []
    for sample in range(SAMPLES):
        writer = rng.randrange(len(cluster.nodes))
        others = [index for index in range(len(cluster.nodes)) if index != writer]
        await cluster.put(writer, f"sample{sample}")
        began = time.perf_counter()
        await asyncio.gather(*(cluster.until_seen(index, f"sample{sample}") for index in others))
        times.append(time.perf_counter() - began)
        await asyncio.sleep(rng.uniform(0, interval_s))
    return times


async def _cascade(cluster: Cluster) -> float:
    """Return entries sent, against writes times the nodes that lack them."""
    rng = Random(2)
    before = await cluster.counters()
    for index in range(WRITES):
        await cluster.put(rng.randrange(len(cluster.nodes)), f"distinct{index}")
        await asyncio.sleep(1 / WRITES_PER_S)
    await cluster.until_agreed()
    after = await cluster.counters()
    sent = after["lastword_entries_sent_total"] - before["lastword_entries_sent_total"]
    return sent / (WRITES * (len(cluster.nodes) - 1))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else None)
    parser.add_argument("--folder", type=Path, default=Path.cwd(), help="where the files go")
    parser.add_argument("--nodes", type=int, nargs="+", default=[4, 5], help="sizes of clusters")
    parser.add_argument("--interval", type=float, default=0.2, help="-r of every node, in seconds")
    return parser.parse_args()


if __name__ == "__main__":
    main()
