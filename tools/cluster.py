"""Nodes as processes, each behind its proxy, each but the first told of the one before."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp

from lastword.client.node import AsyncNode
from lastword.errors import Unreachable
from tools.processes import NodeProcess
from tools.proxy import Proxy
from tools.verdict import States
from tools.wires import Wires

FACTS_TIMEOUT_S: Final = 10.0
PEERS_SET: Final = "_peers_"


@dataclass(frozen=True, slots=True)
class Member:
    """A node, the proxy in front of it, and a client of its own."""

    name: str
    process: NodeProcess
    proxy: Proxy
    client: AsyncNode

    @property
    def address(self) -> str:
        """Where clients reach the node."""
        return self.process.address

    async def facts(self) -> dict[str, Any]:
        """Return what the node says of itself; raises Unreachable where it does not."""
        timeout = aiohttp.ClientTimeout(total=FACTS_TIMEOUT_S)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, trust_env=False) as session,
                session.get(f"http://{self.address}/_/ready") as answer,
            ):
                said: dict[str, Any] = json.loads(await answer.read())
        except (aiohttp.ClientError, OSError) as error:
            raise Unreachable(f"{self.name} does not say what it is: {error!r}") from error
        return said


@dataclass(frozen=True, slots=True)
class Cluster:
    """The nodes by their names, and the wires between them."""

    members: dict[str, Member]
    wires: Wires

    async def cut_off(self, name: str) -> None:
        """Let nothing pass between a node and the others."""
        await self.wires.cut([link for link in self.wires.links() if name in link])

    async def heal(self) -> None:
        """Let everything pass again."""
        await self.wires.cut(())

    async def states(self, set_names: Iterable[str]) -> States:
        """Return what every node holds of the sets."""
        names = list(set_names)
        return {
            member.name: {name: await member.client.state(name) for name in names}
            for member in self.members.values()
        }

    async def digests(self) -> dict[str, str]:
        """Return the digest of all that each node holds."""
        facts = await asyncio.gather(*(member.facts() for member in self.members.values()))
        return {name: said["digest"] for name, said in zip(self.members, facts, strict=True)}

    async def agrees(self) -> bool:
        """Return whether all nodes hold the same."""
        return len({*(await self.digests()).values()}) == 1

    async def is_acquainted(self) -> bool:
        """Return whether every node lists all of them."""
        facts = await asyncio.gather(*(member.facts() for member in self.members.values()))
        return all(len(said["members"]) == len(self.members) for said in facts)

    async def start(self) -> None:
        """Start all nodes again, on their files and ports."""
        await _each(member.process.start for member in self.members.values())

    async def stop(self) -> None:
        """Stop all nodes in order; raises ProcessFault where one does not end well."""
        await _each(member.process.stop for member in self.members.values())


@asynccontextmanager
async def started_cluster(
    folder: Path,
    names: Iterable[str],
    wires: Wires,
    *,
    options: Sequence[str] = (),
) -> AsyncIterator[Cluster]:
    """Start the nodes, with further `options`; whatever happens, none is left at the end."""
    async with AsyncExitStack() as stack:
        parts: dict[str, tuple[NodeProcess, Proxy]] = {}
        told: tuple[str, ...] = ()
        for name in names:
            place = wires.place(name)
            proxy = await stack.enter_async_context(Proxy(wires.traffic, place.listener))
            process = NodeProcess(
                folder / f"{name}.db",
                *("--advertise", proxy.address, *told, *place.options, *options),
                port=place.port,
                prefix=place.prefix,
            )
            stack.callback(process.kill)
            parts[name] = (process, proxy)
            told = ("-i", proxy.address)
        await _each(process.start for process, _ in parts.values())
        members = {}
        for name, (process, proxy) in parts.items():
            proxy.node_address = process.address
            client = await stack.enter_async_context(AsyncNode(process.address))
            members[name] = Member(name, process, proxy, client)
        yield Cluster(members, wires)


async def _each(calls: Iterable[Callable[[], object]]) -> None:
    """Do all of these at once, each on a thread; raise the first error once all have ended."""
    results = await asyncio.gather(
        *(asyncio.to_thread(call) for call in calls), return_exceptions=True
    )
    for result in results:
        if isinstance(result, BaseException):
            raise result
