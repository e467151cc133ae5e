"""How often an address may show wrong tokens: a bucket of failures that drains with time."""

from collections import OrderedDict
from typing import Final

from lastword.errors import TooManyFailures

FAILURES_MAX: Final = 10
"""At once: somebody who looks for the right one among a few. More helps who guesses."""

DRAIN_S: Final = 6.0
"""For each failure after that: ten a minute."""

ADDRESSES_MAX: Final = 10_000
"""Of which failures are remembered, the latest ones; a megabyte or two."""


class Throttle:
    """The failures of each address; `now_s` is a monotonic time in seconds."""

    def __init__(self) -> None:
        self._empty_at: OrderedDict[str, float] = OrderedDict()

    def check(self, address: str, now_s: float) -> None:
        """Raise TooManyFailures where the address has to wait."""
        waits_s = self._empty_at.get(address, now_s) - now_s - (FAILURES_MAX - 1) * DRAIN_S
        if waits_s > 0:
            raise TooManyFailures("too many wrong tokens from this address", retry_s=waits_s)

    def note(self, address: str, now_s: float) -> None:
        """Note a failure."""
        self._empty_at[address] = max(self._empty_at.get(address, now_s), now_s) + DRAIN_S
        self._empty_at.move_to_end(address)
        if len(self._empty_at) > ADDRESSES_MAX:
            self._empty_at.popitem(last=False)
