"""The load: a writer at every node, and what was acknowledged to each.

A writer adds elements that nobody else knows, removes some of them later, and fights with all
others over a few shared ones.
"""

import asyncio
from contextlib import AsyncExitStack
from random import Random
from typing import Final, Self

from lastword.errors import Unavailable, Unreachable
from tools.cluster import Cluster
from tools.ledger import Ledger, NotedNode
from tools.verdict import Write

SETS: Final = ("distinct", "shared")
SHARED_ELEMENTS: Final = 200
PAUSE_S: Final = 0.02
"""Between two writes of one writer, half of it more or less: 5 writers write up to 250/s."""

RETRY_S: Final = 0.1
"""Before a node that does not answer is called again."""


class Writer:
    """Writes to one node. `doubtful` are the elements of writes that got no answer."""

    def __init__(self, name: str, client: NotedNode, rng: Random) -> None:
        self.doubtful: set[tuple[str, bytes]] = set()
        self._name = name
        self._client = client
        self._rng = rng
        self._added = 0

    async def write_until(self, stopping: asyncio.Event) -> None:
        """Write one after another until told to stop, and return when all are answered."""
        while not stopping.is_set():
            await asyncio.sleep(PAUSE_S * self._rng.uniform(0.5, 1.5))
            set_name, element, removes = self._next()
            write = self._client.delete if removes else self._client.put
            try:
                await write(set_name, element)
            except (Unreachable, Unavailable):
                self.doubtful.add((set_name, element))
                await asyncio.sleep(RETRY_S)

    def _next(self) -> tuple[str, bytes, bool]:
        """Return a set, an element, and whether to remove it."""
        kind = self._rng.random()
        if kind < 0.3:
            element = b"%d" % self._rng.randrange(SHARED_ELEMENTS)
            return "shared", element, self._rng.random() < 0.5
        if kind < 0.4 and self._added:
            return "distinct", self._own(self._rng.randrange(self._added)), True
        self._added += 1
        return "distinct", self._own(self._added - 1), False

    def _own(self, number: int) -> bytes:
        return f"{self._name}{number}".encode()


class Load:
    """The writers of a cluster, which begin and pause together; an async context manager."""

    def __init__(self, cluster: Cluster, rng: Random) -> None:
        self._ledgers = {name: Ledger() for name in cluster.members}
        self._clients = {
            name: NotedNode(member.address, self._ledgers[name], own=False)
            for name, member in cluster.members.items()
        }
        self._writers = [
            Writer(name, client, Random(rng.getrandbits(64)))
            for name, client in self._clients.items()
        ]
        self._stopping = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        for client in self._clients.values():
            await self._stack.enter_async_context(client)
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._stack.aclose()

    def begin(self) -> None:
        """Let all write."""
        self._stopping.clear()
        self._tasks = [
            asyncio.create_task(writer.write_until(self._stopping)) for writer in self._writers
        ]

    async def pause(self) -> None:
        """Let nobody write any more; return when all that was begun is answered."""
        self._stopping.set()
        await asyncio.gather(*self._tasks)
        self._tasks = []

    def counts(self) -> dict[str, int]:
        """Return how many writes each node has acknowledged."""
        return {name: len(ledger.writes) for name, ledger in self._ledgers.items()}

    def writes(self) -> list[Write]:
        """Return all acknowledged writes."""
        return [write for ledger in self._ledgers.values() for write in ledger.writes]

    def doubtful(self) -> set[tuple[str, bytes]]:
        """Return the elements of writes that got no answer: they may have been done."""
        return {element for writer in self._writers for element in writer.doubtful}
