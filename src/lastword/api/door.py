"""Who may connect to one port, how much all of them may hold, and whom it gave up.

It promises that a flood of connections, or of large requests, costs no more than is set, and
that one address leaves room for others. It has no socket and no clock.
"""

from collections import Counter
from collections.abc import Mapping
from enum import Enum, auto
from ipaddress import IPv6Address, ip_address
from types import MappingProxyType
from typing import Final

TOLD_MAX: Final = 512
"""Connections over the limit that are told so, at once; further ones are cut off without a word,
since each that is told stays for up to two seconds, and takes a file of the process's. Where few
connections are taken, as few are told."""

HELD_BYTES_MIN: Final = 64 << 10
"""What one connection may hold uncounted: most requests are far smaller, and cost no look."""


class Entry(Enum):
    """What becomes of a connection that has come."""

    TAKEN = auto()
    TOLD = auto()
    """It is told that there are too many, and closed."""

    CUT = auto()
    """It is closed at once."""


class Door:
    """The connections of one port.

    There are `connections_max` at the most, and `address_connections_max` from one address; they
    hold `held_bytes_max` together. `dropped` counts those that were refused or given up, by
    reason; `held_bytes` is what all hold.
    """

    def __init__(
        self, *, connections_max: int, address_connections_max: int, held_bytes_max: int
    ) -> None:
        self._connections_max = connections_max
        self._address_connections_max = address_connections_max
        self._held_bytes_max = held_bytes_max
        self._inside = 0
        self._of_address: Counter[str] = Counter()
        self.dropped: Counter[str] = Counter()
        self.held_bytes = 0

    @property
    def connections_max(self) -> int:
        """How many connections are taken."""
        return self._connections_max

    @property
    def inside(self) -> int:
        """How many connections there are, refused ones that have not gone yet among them."""
        return self._inside

    def enter(self, host: str) -> Entry:
        """Take in a connection from `host`, however it is judged: it is to `leave` in the end."""
        address = one_address(host)
        self._inside += 1
        self._of_address[address] += 1
        if self._inside > self._connections_max + told_max(self._connections_max):
            self.dropped["flood"] += 1
            return Entry.CUT
        if self._inside > self._connections_max:
            self.dropped["connections"] += 1
            return Entry.TOLD
        if address and self._of_address[address] > self._address_connections_max:
            self.dropped["address"] += 1
            return Entry.TOLD
        return Entry.TAKEN

    def leave(self, host: str) -> None:
        """Forget a connection."""
        address = one_address(host)
        self._inside -= 1
        self._of_address[address] -= 1
        if not self._of_address[address]:
            del self._of_address[address]

    def hold(self, before: int, now: int) -> bool:
        """Take what a connection holds anew; return whether there is room for what it grew by."""
        self.held_bytes += now - before
        if now <= before or self.held_bytes <= self._held_bytes_max:
            return True
        self.dropped["held"] += 1
        return False


def told_max(connections_max: int) -> int:
    """Return how many connections over the limit are told so."""
    return min(TOLD_MAX, connections_max)


NO_DOORS: Final[Mapping[str, Door]] = MappingProxyType({})
"""For a node that listens nowhere yet."""


def one_address(host: str) -> str:
    """Return what counts as one client: of IPv6 the network of 64 bits that a customer gets."""
    if ":" not in host:
        return host
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if not isinstance(address, IPv6Address):
        return str(address)
    mapped = address.ipv4_mapped
    return f"{int(address) >> 64:x}::" if mapped is None else str(mapped)
