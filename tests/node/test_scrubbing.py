"""Scrubs of a node: begun when they are asked for, one at a time, and then at rest."""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from secrets import randbits

from lastword.node.jobs import Faults
from lastword.node.scrubbing import Scrubbing
from lastword.store.base import StoreOptions
from lastword.store.sqlite.store import SqliteStore
from tests.crdt.walls import HandWall


async def until(holds: Callable[[], bool]) -> None:
    """Let others run until something holds; the caller has a timeout."""
    for _ in iter(holds, True):
        await asyncio.sleep(0)


async def test_a_scrub_that_is_asked_for_while_one_is_under_way_leaves_the_loop_at_rest(
    tmp_path: Path,
) -> None:
    store = SqliteStore(tmp_path / "a.db", StoreOptions(HandWall(), lambda: randbits(63)))
    scrubbing = Scrubbing(store, every_s=0, faults=Faults())
    running = asyncio.create_task(scrubbing.run())
    async with asyncio.timeout(10):
        scrubbing.hurry()
        await until(lambda: scrubbing.is_under_way)
        scrubbing.hurry()
        await until(lambda: scrubbing.scrubs == 1)
        for _ in range(100):  # a loop that is kept busy would not come back here
            await asyncio.sleep(0)
        assert scrubbing.seconds_since == 0
        assert not scrubbing.is_wanted
        scrubbing.hurry()
        await until(lambda: scrubbing.scrubs == 2)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    store.close()
