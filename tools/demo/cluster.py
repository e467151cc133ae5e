"""Three nodes as processes, each behind its gate, each but the first told of the one before."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lastword.client.node import AsyncNode
from tools.demo.gate import Gate, Network
from tools.demo.verdict import States
from tools.processes import NodeProcess

NAMES: Final = ("a", "b", "c")


@dataclass(frozen=True, slots=True)
class Member:
    """A node, its gate, and a client of its own."""

    name: str
    process: NodeProcess
    gate: Gate
    client: AsyncNode

    @property
    def address(self) -> str:
        """Where clients reach the node."""
        return self.process.address


@dataclass(frozen=True, slots=True)
class Cluster:
    """The nodes by their names, and the network between them."""

    members: dict[str, Member]
    network: Network

    def cut_off(self, name: str) -> None:
        """Let nothing pass between a node and the others."""
        self.network.cut_off = self.members[name].gate.address

    def heal(self) -> None:
        """Let everything pass again."""
        self.network.cut_off = None

    async def states(self, set_names: Iterable[str]) -> States:
        """Return what every node holds of the sets."""
        return {
            member.name: {name: await member.client.state(name) for name in set_names}
            for member in self.members.values()
        }

    async def stop(self) -> None:
        """Stop all nodes in order; raises ProcessFault where one does not end well."""
        await asyncio.gather(
            *(asyncio.to_thread(member.process.stop) for member in self.members.values())
        )


@asynccontextmanager
async def started_cluster(folder: Path) -> AsyncIterator[Cluster]:
    """Start the nodes; whatever happens, none of them is left at the end."""
    cluster = Cluster({}, Network())
    async with AsyncExitStack() as stack:
        told: tuple[str, ...] = ()
        for name in NAMES:
            gate = await stack.enter_async_context(Gate(cluster.network))
            options = ("--advertise", gate.address, *told)
            process = NodeProcess(folder / f"{name}.db", *options)
            stack.callback(process.kill)
            process.start()
            gate.node_address = process.address
            client = await stack.enter_async_context(AsyncNode(process.address))
            cluster.members[name] = Member(name, process, gate, client)
            told = ("-i", gate.address)
        yield cluster
