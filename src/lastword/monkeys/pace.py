"""When a monkey does its next operation: after a random delay, or at a rate that waits for nobody.

At a rate, operations are due at fixed times, and a latency counts from there: a node that stands
still for a second delays all that was due in it. Counted from when each was sent, only one would
show it (Tene, "How NOT to Measure Latency": coordinated omission).
"""

from dataclasses import dataclass
from typing import Protocol

from lastword.monkeys.setting import Setting


class Pace(Protocol):
    """Says when the next operation is due."""

    async def wait(self, setting: Setting) -> int:
        """Return when the next operation is due, by the setting's clock, once that has come."""


@dataclass(frozen=True, slots=True)
class Delay:
    """Waits before each operation for anything between the two, in milliseconds."""

    low_ms: float
    high_ms: float

    async def wait(self, setting: Setting) -> int:
        """Sleep for a random delay; the operation is due then."""
        await setting.sleep(setting.rng.uniform(self.low_ms, self.high_ms) / 1000)
        return setting.now_us()


class Rate:
    """Lets so many operations a second be due, however many workers do them."""

    def __init__(self, per_s: float) -> None:
        self._interval_us = 1_000_000 / per_s
        self._began_us: int | None = None
        self._given = 0

    async def wait(self, setting: Setting) -> int:
        """Sleep until the next one is due; where that has passed, return at once."""
        now_us = setting.now_us()
        if self._began_us is None:
            self._began_us = now_us
        due_us = self._began_us + int(self._given * self._interval_us)
        self._given += 1
        if due_us > now_us:
            await setting.sleep((due_us - now_us) / 1_000_000)
        return due_us
