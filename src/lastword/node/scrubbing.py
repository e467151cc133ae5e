"""Scrubs, one at a time: soon after the start, then now and then, or when it is asked for."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from lastword.node.jobs import Faults
from lastword.store.sqlite.scrub import Scrub
from lastword.store.sqlite.store import SqliteStore

SHARE: Final = 20
"""A scrub works one part of so many of the time: a twentieth of a core and of the disk. A million
elements take some five minutes so, ten million an hour."""

SCRUB_EVERY_S: Final = 7 * 86_400.0
"""A week: damage is found well before `lapse_after`, within which the others still have all."""


class Scrubbing:
    """The scrubs of one node. `pages`, `rows` and `scrubs` count since its start."""

    def __init__(self, store: SqliteStore, *, every_s: float, faults: Faults) -> None:
        self._store = store
        self._every_s = every_s
        self._faults = faults
        self._wanted = asyncio.Event()
        self._hurries = False
        self._whole_s: float | None = None
        self.pages = self.rows = self.scrubs = 0
        self.is_under_way = False

    @property
    def seconds_since(self) -> int | None:
        """Seconds since the last scrub that went over all of the present file."""
        return None if self._whole_s is None else int(time.monotonic() - self._whole_s)

    @property
    def is_wanted(self) -> bool:
        """Whether one was asked for that has not ended."""
        return self._hurries

    async def run(self) -> None:
        """Scrub in time, and when asked, until cancelled."""
        thread = ThreadPoolExecutor(1, thread_name_prefix="lastword-scrub")
        try:
            while True:
                if self._every_s or self._hurries:
                    await self._scrub(thread)
                await self._wait()
        finally:
            thread.shutdown()

    def hurry(self) -> None:
        """Go over all now, or on with the scrub under way, as fast as that goes."""
        self._hurries = True
        self._wanted.set()

    async def _wait(self) -> None:
        if self._hurries:  # it was asked for as the last one ended
            return
        timeout_s = self._every_s or None
        try:
            async with asyncio.timeout(timeout_s):
                await self._wanted.wait()
        except TimeoutError:
            return

    async def _scrub(self, thread: ThreadPoolExecutor) -> None:
        """Do one scrub; where the disk fails, or another file comes, it is not whole."""
        loop = asyncio.get_running_loop()
        self._wanted.clear()
        self.is_under_way = True
        try:
            scrub = await loop.run_in_executor(thread, Scrub, self._store)
            try:
                while not scrub.is_over:
                    await self._step(scrub, thread)
            finally:
                await asyncio.shield(loop.run_in_executor(thread, scrub.close))
            if scrub.is_whole:
                self._whole_s = time.monotonic()
        except Exception as error:  # noqa: BLE001 - the node goes on; the next scrub tries again
            self._faults.note("a scrub", error)
        finally:
            self.is_under_way = self._hurries = False
            self._wanted.clear()  # it was asked for while it was under way
        self.scrubs += 1

    async def _step(self, scrub: Scrub, thread: ThreadPoolExecutor) -> None:
        pages, rows, began_s = scrub.pages, scrub.rows, time.monotonic()
        await asyncio.get_running_loop().run_in_executor(thread, scrub.step)
        self.pages += scrub.pages - pages
        self.rows += scrub.rows - rows
        if not self._hurries:
            took_s = time.monotonic() - began_s
            try:
                async with asyncio.timeout(took_s * (SHARE - 1)):
                    await self._wanted.wait()
            except TimeoutError:
                return
