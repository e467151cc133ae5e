"""What nodes are connected by: where each runs, and which of them nothing passes between.

On the loopback interface cuts are made by the proxies in front of the nodes; `tools/chaos` has
wires with a network of their own. Nodes are named here as the cluster names them.
"""

import socket
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import permutations
from random import Random
from typing import Any, ClassVar

from tools.proxy import Traffic

Link = tuple[str, str]
"""The names of a sender and of a receiver: one direction."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a node runs.

    `listener` is its proxy's socket, `port` its own (0 takes a free one), `prefix` what its
    command begins with, and `options` those of `serve` that it needs there.
    """

    listener: socket.socket
    port: int = 0
    prefix: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


class Wires(ABC):
    """The network between nodes, and the traffic that their proxies pass."""

    can_lose: ClassVar[bool]
    """Whether single packets can be lost on them."""

    def __init__(self, rng: Random) -> None:
        self.traffic = Traffic(rng)
        self._addresses: dict[str, str] = {}

    def place(self, name: str) -> Place:
        """Return where the node `name` runs; once for each."""
        place = self._new_place(name)
        host, port = place.listener.getsockname()
        self._addresses[name] = f"{host}:{port}"
        return place

    def links(self) -> Iterable[Link]:
        """Return every direction between two nodes."""
        return permutations(self._addresses, 2)

    def treat(self, links: Iterable[Link], **changes: Any) -> None:
        """Change how the proxies treat what passes in these directions."""
        pairs = [
            (self._addresses[sender], self._addresses[receiver]) for sender, receiver in links
        ]
        self.traffic.treat(pairs, **changes)

    @abstractmethod
    async def cut(self, links: Iterable[Link]) -> None:
        """Let nothing pass in these directions, and everything in all others."""

    @abstractmethod
    async def lose(self, percent: int) -> None:
        """Lose that share of all packets between nodes from now on."""

    @abstractmethod
    def _new_place(self, name: str) -> Place: ...


class Loopback(Wires):
    """All nodes on 127.0.0.1: whatever is done to their traffic, the proxies do."""

    can_lose = False

    async def cut(self, links: Iterable[Link]) -> None:
        """End connections in these directions with their next byte."""
        self.treat(self.links(), cut=False)
        self.treat(links, cut=True)

    async def lose(self, percent: int) -> None:
        """Do nothing: a proxy sees no packets."""

    def _new_place(self, name: str) -> Place:  # noqa: ARG002 - all are in one place
        return Place(socket.create_server(("127.0.0.1", 0)))
