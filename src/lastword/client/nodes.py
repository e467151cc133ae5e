"""Which of several nodes is asked next: one that failed rests for a while.

Source of the rest's jitter: M. Brooker, "Exponential Backoff And Jitter" (AWS, 2015).
"""

from collections.abc import Callable, Iterable
from random import Random
from threading import Lock
from typing import Final

from lastword.address import checked_address
from lastword.errors import InvalidAddress

REST_S: Final = 0.5
"""After a first failure: longer than a restart's refused connections take to be noticed twice,
short enough to come back after a hiccup. It doubles with each further failure."""

REST_S_MAX: Final = 30.0
"""A node that is back is asked again within half a minute."""

ADDRESSES_MAX: Final = 100
"""Twice the nodes that a cluster is built for."""


class Nodes:
    """The addresses of nodes, and how they did; several threads may use it at once.

    A `sticky` one goes on with the node that answered last: what a client wrote it then reads.
    Otherwise each call begins at the next one in turn. `shuffled` puts the addresses in an order
    of chance first, so that many clients spread over the nodes.
    """

    def __init__(
        self,
        addresses: Iterable[str],
        *,
        now_s: Callable[[], float],
        rng: Random,
        sticky: bool = True,
        shuffled: bool = False,
    ) -> None:
        self._now_s = now_s
        self._rng = rng
        self._sticky = sticky
        self._lock = Lock()
        self._addresses = list(dict.fromkeys(map(checked_address, addresses)))
        if not 1 <= len(self._addresses) <= ADDRESSES_MAX:
            raise InvalidAddress(
                f"a client has 1 to {ADDRESSES_MAX} addresses, not {len(self._addresses)}"
            )
        if shuffled:
            rng.shuffle(self._addresses)
        self._first = 0
        self._failures = dict.fromkeys(self._addresses, 0)
        self._rests_until = dict.fromkeys(self._addresses, 0.0)

    @property
    def addresses(self) -> tuple[str, ...]:
        """All of them, in their order."""
        return tuple(self._addresses)

    def order(self) -> list[str]:
        """Return all addresses: those that do not rest, then the others by when they wake."""
        with self._lock:
            first, now_s = self._first, self._now_s()
            if not self._sticky:
                self._first = (first + 1) % len(self._addresses)
            turned = self._addresses[first:] + self._addresses[:first]
            return sorted(turned, key=lambda at: max(0.0, self._rests_until[at] - now_s))

    def answered(self, address: str) -> None:
        """Take note that a node did what was asked."""
        with self._lock:
            self._failures[address] = 0
            self._rests_until[address] = 0.0
            if self._sticky:
                self._first = self._addresses.index(address)

    def failed(self, address: str) -> None:
        """Let a node rest for a while, by chance between a half and all of what is due."""
        with self._lock:
            due_s = min(REST_S * 2 ** min(self._failures[address], 10), REST_S_MAX)
            self._failures[address] += 1
            self._rests_until[address] = self._now_s() + due_s * self._rng.uniform(0.5, 1.0)
