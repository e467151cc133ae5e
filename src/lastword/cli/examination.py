"""What `lastword doctor` asks: the node itself, and each of its members, as far as they tell."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Final, TypeVar

from lastword.address import is_address
from lastword.cli.reach import node_at
from lastword.client.answers import Ready, Tombstones
from lastword.client.clock import ClockReport, FutureEntry
from lastword.client.condition import Condition
from lastword.client.health import Converged
from lastword.client.node import AsyncNode
from lastword.errors import LastwordError, Unreachable

T = TypeVar("T")

LISTED_MAX: Final = 100
"""Elements that are listed; the rest are counted."""

MAX_LAG: Final = "10s"
"""How far members may be apart before it is worth a look: fifty rounds of replication."""


@dataclass(slots=True)
class Future:
    """Elements with times too far ahead: the first of them, how many there are, of how many."""

    listed: list[FutureEntry] = field(default_factory=list)
    count: int = 0
    looked_at: int = 0


@dataclass(frozen=True, slots=True)
class Told:
    """What one member tells; None for what it does not."""

    address: str
    version: str | None
    run: str | None
    condition: Condition | None


@dataclass(frozen=True, slots=True)
class Examination:
    """All that was found; `condition` and `converged` are None where the node does not tell."""

    address: str
    version: str
    ready: Ready
    clock: ClockReport
    future: Future
    tombstones: Tombstones
    converged: Converged | None
    condition: Condition | None
    members: list[Told]


async def examine(address: str) -> Examination:
    """Ask a node, and then its members; raise Unreachable where the node does not answer."""
    async with node_at(address) as node:
        tombstones = await node.tombstones()
        others = [at.address for at in tombstones.members if is_address(at.address)]
        members = await asyncio.gather(*map(_told, others))
        return Examination(
            address=address,
            version=(await node.root()).version,
            ready=await node.ready(),
            clock=await node.clock(),
            future=await _future(node),
            tombstones=tombstones,
            converged=await _if_told(node.converged(MAX_LAG)),
            condition=await _if_told(node.condition()),
            members=list(members),
        )


async def _told(address: str) -> Told:
    async with node_at(address) as node:
        root = await _if_told(node.root())
        if root is None:
            return Told(address, None, None, None)
        ready, condition = await _if_told(node.ready()), await _if_told(node.condition())
        return Told(address, root.version, None if ready is None else ready.run, condition)


async def _if_told(answer: Awaitable[T]) -> T | None:
    """Return an answer, None where it is refused, is of a version that has it not, or lacks."""
    try:
        return await answer
    except LastwordError:
        return None


async def _future(node: AsyncNode) -> Future:
    found, after = Future(), ""
    while True:
        page = await node.future(after)
        found.count += len(page.elements)
        found.looked_at += page.looked_at
        found.listed += page.elements[: LISTED_MAX - len(found.listed)]
        if page.after is None:
            return found
        if page.after <= after:
            raise Unreachable(
                f"{node.address} did not answer as a node does: its pages do not end"
            )
        after = page.after
