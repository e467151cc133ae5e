"""How often an address may show wrong tokens: a bucket of failures that drains with time."""

from collections import OrderedDict
from ipaddress import IPv6Address, ip_address
from typing import Final

from lastword.errors import TooManyFailures

FAILURES_MAX: Final = 10
"""At once: somebody who looks for the right one among a few. More helps who guesses."""

DRAIN_S: Final = 6.0
"""For each failure after that: ten a minute."""

EMPTY_S: Final = FAILURES_MAX * DRAIN_S
"""Until all is forgotten, however many failures there were: an address waits for no longer."""

NETWORK_BITS: Final = 64
"""Of an IPv6 address, those that name a network (RFC 4291, section 2.5.1). Who has one has all of
its 2^64 addresses, and one measure of failures."""

ADDRESSES_MAX: Final = 10_000
"""Of which failures are remembered, the latest ones; a megabyte or two."""


class Throttle:
    """The failures of each address, of IPv6 each network; `now_s` is a monotonic time in seconds.

    An address is that of the connection: what proxies add to a call, anybody can write.
    """

    def __init__(self) -> None:
        self._empty_at: OrderedDict[str, float] = OrderedDict()

    def check(self, address: str, now_s: float) -> None:
        """Raise TooManyFailures where the address has to wait."""
        waits_s = self._empty_at.get(_place(address), now_s) - now_s - (EMPTY_S - DRAIN_S)
        if waits_s > 0:
            raise TooManyFailures("too many wrong tokens from this address", retry_s=waits_s)

    def note(self, address: str, now_s: float) -> None:
        """Note a failure."""
        place = _place(address)
        empty_at = max(self._empty_at.get(place, now_s), now_s) + DRAIN_S
        self._empty_at[place] = min(empty_at, now_s + EMPTY_S)
        self._empty_at.move_to_end(place)
        if len(self._empty_at) > ADDRESSES_MAX:
            self._empty_at.popitem(last=False)


def _place(address: str) -> str:
    """Return what failures of an address are counted for."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return address
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return f"{int(found) >> (128 - NETWORK_BITS):x}"
