"""The faults: what is done to a cluster, and how it is undone.

Each is a value that is made from the names of the nodes and a source of randomness, so that a seed
names a run. Faults of one `group` cannot be there at the same time.
"""

import asyncio
import signal
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import permutations
from random import Random
from typing import ClassVar, Final

from tools.cluster import Cluster
from tools.wires import Link

LOST_PERCENT: Final = 30
"""Of packets: half of all connections are not made within the second that nodes give them."""

DELAY_S: Final = 0.15
"""A piece: an exchange takes longer than the pause between two rounds of replication."""

SLOW_BYTES_PER_S: Final = 50_000
"""Of a connection: a page of 256 KiB takes as long as a call between nodes waits."""

TORN_SHARE: Final = 0.3
"""Of bodies: half of all exchanges fail, two in five of these after they were carried out."""


class Fault(ABC):
    """Something that is done to a cluster and undone later."""

    lasts_s: ClassVar[tuple[float, float]] = (1.5, 4.0)
    """Between these, at random. Calls between nodes take up to a second to connect."""

    @property
    def away(self) -> frozenset[str]:
        """The nodes that take no writes meanwhile; all others must."""
        return frozenset()

    @property
    @abstractmethod
    def group(self) -> str:
        """What it is done to: one fault at a time."""

    @property
    @abstractmethod
    def detail(self) -> str:
        """What is done to whom, in a few words."""

    @abstractmethod
    async def begin(self, cluster: Cluster) -> None:
        """Do it."""

    @abstractmethod
    async def end(self, cluster: Cluster) -> None:
        """Undo it."""


@dataclass(frozen=True)
class Kill(Fault):
    """A process that is killed, and started again on its file and port."""

    node: str

    @property
    def group(self) -> str:
        """The process."""
        return self.node

    @property
    def away(self) -> frozenset[str]:
        """The node."""
        return frozenset({self.node})

    @property
    def detail(self) -> str:
        """Whom."""
        return f"SIGKILL to {self.node}"

    async def begin(self, cluster: Cluster) -> None:
        """End the process as a lost machine ends."""
        cluster.members[self.node].process.kill()

    async def end(self, cluster: Cluster) -> None:
        """Start it; return when it serves."""
        await asyncio.to_thread(cluster.members[self.node].process.start)


@dataclass(frozen=True)
class Stop(Fault):
    """A process that stands still for longer than any call between nodes waits."""

    node: str
    lasts_s: ClassVar[tuple[float, float]] = (6.0, 8.0)

    @property
    def group(self) -> str:
        """The process."""
        return self.node

    @property
    def away(self) -> frozenset[str]:
        """The node."""
        return frozenset({self.node})

    @property
    def detail(self) -> str:
        """Whom."""
        return f"SIGSTOP to {self.node}"

    async def begin(self, cluster: Cluster) -> None:
        """Let it stand."""
        cluster.members[self.node].process.process.signal(signal.SIGSTOP)

    async def end(self, cluster: Cluster) -> None:
        """Let it go on."""
        cluster.members[self.node].process.process.signal(signal.SIGCONT)


@dataclass(frozen=True)
class Cut(Fault):
    """Directions in which nothing passes.

    A short one ends before calls between nodes give up, a long one after they did several times.
    """

    links: tuple[Link, ...]
    told: str
    lasts_s: ClassVar[tuple[float, float]] = (1.5, 8.0)

    @property
    def group(self) -> str:
        """All cuts."""
        return "cut"

    @property
    def detail(self) -> str:
        """Who does not reach whom."""
        return self.told

    async def begin(self, cluster: Cluster) -> None:
        """Cut."""
        await cluster.wires.cut(self.links)

    async def end(self, cluster: Cluster) -> None:
        """Heal."""
        await cluster.wires.cut(())


@dataclass(frozen=True)
class Lose(Fault):
    """Packets that are lost at random, between all nodes."""

    @property
    def group(self) -> str:
        """All packets."""
        return "loss"

    @property
    def detail(self) -> str:
        """How many."""
        return f"{LOST_PERCENT} % of all packets"

    async def begin(self, cluster: Cluster) -> None:
        """Begin to lose."""
        await cluster.wires.lose(LOST_PERCENT)

    async def end(self, cluster: Cluster) -> None:
        """Lose no more."""
        await cluster.wires.lose(0)


@dataclass(frozen=True)
class Slow(Fault):
    """A proxy that delays and throttles everything between all nodes."""

    @property
    def group(self) -> str:
        """The pace of all proxies."""
        return "slow"

    @property
    def detail(self) -> str:
        """How slow."""
        return f"{DELAY_S * 1000:g} ms a piece, {SLOW_BYTES_PER_S} bytes/s a connection"

    async def begin(self, cluster: Cluster) -> None:
        """Begin to be slow."""
        wires = cluster.wires
        wires.treat(wires.links(), delay_s=DELAY_S, bytes_per_s=SLOW_BYTES_PER_S)

    async def end(self, cluster: Cluster) -> None:
        """Pass on at once again."""
        cluster.wires.treat(cluster.wires.links(), delay_s=0.0, bytes_per_s=0)


@dataclass(frozen=True)
class Tear(Fault):
    """A proxy that ends connections in the middle of bodies, of requests and of answers."""

    @property
    def group(self) -> str:
        """The tearing of all proxies."""
        return "torn"

    @property
    def detail(self) -> str:
        """How often."""
        return f"{TORN_SHARE:.0%} of bodies are cut in their middle"

    async def begin(self, cluster: Cluster) -> None:
        """Begin to tear."""
        cluster.wires.treat(cluster.wires.links(), tear=TORN_SHARE)

    async def end(self, cluster: Cluster) -> None:
        """Pass on everything whole again."""
        cluster.wires.treat(cluster.wires.links(), tear=0.0)


Maker = Callable[[Sequence[str], Random], Fault]


def kill(names: Sequence[str], rng: Random) -> Fault:
    """Return the killing of one node."""
    return Kill(rng.choice(names))


def stop(names: Sequence[str], rng: Random) -> Fault:
    """Return the standing still of one node."""
    return Stop(rng.choice(names))


def halves(names: Sequence[str], rng: Random) -> Fault:
    """Return a cut between one half and the other."""
    mixed = rng.sample(names, len(names))
    left, right = sorted(mixed[: len(mixed) // 2]), sorted(mixed[len(mixed) // 2 :])
    links = [link for link in permutations(names, 2) if (link[0] in left) != (link[1] in left)]
    return Cut(tuple(links), f"{''.join(left)} / {''.join(right)}")


def ring(names: Sequence[str], rng: Random) -> Fault:
    """Return a cut that leaves each node its two neighbours in a ring.

    Each sees most of the nodes and no two see the same ones, so that no side is the larger.
    """
    mixed = rng.sample(names, len(names))
    joined = {frozenset(pair) for pair in zip(mixed, (*mixed[1:], mixed[0]), strict=True)}
    links = [link for link in permutations(names, 2) if frozenset(link) not in joined]
    return Cut(tuple(links), f"only {'-'.join((*mixed, mixed[0]))}")


def alone(names: Sequence[str], rng: Random) -> Fault:
    """Return a cut between one node and all others."""
    lonely = rng.choice(names)
    return Cut(tuple(link for link in permutations(names, 2) if lonely in link), f"{lonely} alone")


def one_way(names: Sequence[str], rng: Random) -> Fault:
    """Return a cut of everything that one node sends, or of everything that is sent to it."""
    node, side = rng.choice(names), rng.choice((0, 1))
    links = tuple(link for link in permutations(names, 2) if link[side] == node)
    return Cut(links, f"nothing {('from', 'to')[side]} {node}")


MAKERS: Final[dict[str, Maker]] = {
    "kill": kill,
    "stop": stop,
    "halves": halves,
    "ring": ring,
    "alone": alone,
    "one way": one_way,
    "loss": lambda _names, _rng: Lose(),
    "slow": lambda _names, _rng: Slow(),
    "torn": lambda _names, _rng: Tear(),
}
"""Every kind of fault by its name."""
