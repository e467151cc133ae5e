"""Waiting, in programs that run nodes: until a condition holds, or until told to stop."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from typing import Final

POLL_S: Final = 0.1


async def until(condition: Callable[[], Awaitable[bool]], within_s: float) -> bool:
    """Return whether the condition came to hold within `within_s`."""
    deadline_s = time.monotonic() + within_s
    while not await condition():
        if time.monotonic() > deadline_s:
            return False
        await asyncio.sleep(POLL_S)
    return True


def stop_on_sigterm() -> None:
    """End this task where SIGTERM comes, as Ctrl-C does."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
