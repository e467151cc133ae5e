"""Periodic jobs: a tick that a test can call, and the one runner that calls it."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from random import Random

logger = logging.getLogger(__name__)

FaultHook = Callable[[BaseException], None]


class Faults:
    """Counts faults of our own by where they happened, and logs each with its trace.

    `hook` is told of each; tests use it to fail.
    """

    def __init__(self, hook: FaultHook = lambda _: None) -> None:
        self.counts: Counter[str] = Counter()
        self._hook = hook

    def note(self, where: str, error: BaseException) -> None:
        """Count and log a fault."""
        self.counts[where] += 1
        logger.error("a fault in %s", where, exc_info=error)
        self._hook(error)


async def run_periodically(
    name: str,
    tick: Callable[[], Awaitable[None]],
    *,
    interval_s: float,
    rng: Random,
    faults: Faults,
) -> None:
    """Call `tick` at once and then every `interval_s`, a tenth more or less, until cancelled.

    A fault in it is counted, and the job goes on.
    """
    while True:
        try:
            await tick()
        except Exception as error:  # noqa: BLE001 - the job goes on; the fault is logged and counted
            faults.note(name, error)
        await asyncio.sleep(interval_s * rng.uniform(0.9, 1.1))
