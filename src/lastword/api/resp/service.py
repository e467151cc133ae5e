"""What all connections of one RESP server share: the node, the limits, tasks, counters."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from random import Random, SystemRandom
from typing import Any, TypeVar

from lastword.access.gate import Gate
from lastword.api.door import Door
from lastword.api.resp.limits import RespLimits
from lastword.errors import LastwordError
from lastword.node.commits import Told
from lastword.node.node import Node
from lastword.store.transaction import Operation

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Facts:
    """What INFO and CONFIG say of the node that nothing else knows."""

    version: str
    database: str = ""
    allow_flush: bool = False


@dataclass(slots=True)
class Counted:
    """Counts since the server began; `clients` are those that there are."""

    clients: int = 0
    connections: int = 0
    refused: int = 0
    commands: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    errors: int = 0


@dataclass(slots=True)
class Service:
    """One server's; without a `gate` all is open. `rng` decides what is picked at random."""

    node: Node
    limits: RespLimits
    facts: Facts
    on_fault: Callable[[BaseException], None]
    gate: Gate | None = None
    port: int = 0
    rng: Random = field(default_factory=SystemRandom)
    counted: Counted = field(default_factory=Counted)
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    began_s: float = 0.0
    draining: bool = False
    door: Door = field(init=False)

    def __post_init__(self) -> None:
        limits = self.limits
        self.door = Door(
            connections_max=limits.clients_max,
            address_connections_max=limits.address_clients_max,
            held_bytes_max=limits.held_bytes_max,
        )

    def contains_many(self, set_name: bytes, elements: Sequence[bytes]) -> list[bool]:
        """Return for each element whether it is present; on the loop."""
        return self.node.reads.contains_many(set_name, elements)

    def told(self, error: BaseException) -> LastwordError:
        """Return what a client is told of an error; one of our own faults is reported."""
        if isinstance(error, LastwordError):
            return error
        self.on_fault(error)
        return LastwordError("internal error")

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Start a task that the server will not outlive."""
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    async def ended(self) -> None:
        """Wait until no task is left."""
        while self.tasks:
            await asyncio.wait(self.tasks)

    def submit(self, operation: Operation[T]) -> Awaitable[T]:
        """Do `operation`; what is returned is done when it is on disk."""
        return self.node.commits.submit(operation, lambda result: result)

    def call(self, operation: Operation[Any], done: Told) -> None:
        """Do `operation`, and call `done` with its result or its error, on the loop."""
        try:
            self.node.commits.call(operation, done)
        except LastwordError as error:
            # Not from within: it goes on with the client's next command.
            asyncio.get_running_loop().call_soon(done, None, error)

    def now(self) -> float:
        """Return the loop's time, in seconds."""
        return asyncio.get_running_loop().time()

    def written(self) -> int:
        """Return the number of this node's last own write."""
        store = self.node.store
        return store.seen.get(store.run, 0)
