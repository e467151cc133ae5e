"""Who watches sets: each is told of what changes, in its turn and at its own pace.

All of it is on the event loop, but for the reading and encoding of the log. Whoever sends asks a
watcher for what comes next, so one whose reader is slow holds its place and nothing else.
"""

import asyncio
import threading
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Protocol, TypeVar

from lastword.errors import StoreError, Unavailable
from lastword.node.encodings import NOTHING, Encoder, Encodings, Part
from lastword.node.feed import (
    Commit,
    Cursor,
    Feed,
    Selection,
    commit_of,
    event_of,
)
from lastword.node.parking import Parking
from lastword.node.place import Place, Reason
from lastword.node.turns import Turns
from lastword.node.watch_limits import WatchLimits
from lastword.replication.entries import Cursor as LogCursor
from lastword.store.ledger import Changes, Ledger
from lastword.store.news import Bounds, News
from lastword.store.sqlite.store import SqliteStore

T = TypeVar("T")

LOG_START = Cursor(0, 0)
"""The cursor of who has nothing yet: the newest state of every element comes first."""


class Read(Protocol):
    """Does work that may take long beside the loop, from one snapshot."""

    def __call__(self, work: Callable[[], T], /) -> Awaitable[T]:
        """Return what `work` returns."""


class Watchers:
    """All who watch the sets of one store; while there are none, a commit costs nothing."""

    def __init__(
        self,
        store: SqliteStore,
        loop: asyncio.AbstractEventLoop,
        read: Read,
        limits: WatchLimits,
    ) -> None:
        self.store = store
        self.loop = loop
        self.read = read
        self.limits = limits
        self.parking: Parking[Watcher] = Parking()
        self.turns = Turns(loop, limits.turns)
        self.reading = asyncio.Semaphore(limits.reads_max)
        self.feed = Feed(store.ledger, limits)
        self.encodings = Encodings(limits.encoded_bytes)
        self.events = self.refused = 0
        self.resets: Counter[Reason] = Counter()
        self._watchers: set[Watcher] = set()
        self._thread = threading.get_ident()
        self._heard: deque[Commit] = deque()
        self._called = self._closed = False
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._watchers)

    def watch(
        self,
        selection: Selection,
        encoder: Encoder,
        after: Cursor | None,
        may: Callable[[], bool] = lambda: True,
    ) -> "Watcher":
        """Let somebody watch from behind a cursor, or else from now on, as long as it `may`.

        Raises Unavailable for one too many, and where the node is stopping.
        """
        if self._closed:
            raise Unavailable("the node is stopping", hint="Ask another node.")
        if len(self._watchers) >= self.limits.watchers_max:
            self.refused += 1
            raise Unavailable(
                f"{self.limits.watchers_max} watch already",
                hint="Watch several sets in one stream (GET /_/watch?prefix=), or another node.",
            )
        if not self._watchers:
            self._begin()
        self.keep_up()
        watcher = Watcher(self, selection, encoder, after, may)
        self._watchers.add(watcher)
        return watcher

    def leave(self, watcher: "Watcher") -> None:
        """Forget a watcher; with the last one the feed ends."""
        self.parking.take(watcher)
        self._watchers.discard(watcher)
        if not self._watchers:
            self.store.writer.follow(None)
            self._heard.clear()
            self._renew()  # and let go of what is held for nobody
            if self._timer is not None:
                self._timer.cancel()

    def close(self) -> None:
        """End all streams, now and in order; no more begin."""
        self._closed = True
        for watcher in list(self._watchers):
            watcher.close()

    def keep_up(self) -> None:
        """Go over to the store's present file, if it is another one."""
        if self.feed.ledger is not self.store.ledger:
            self._renew()
            for watcher in self.parking.all():
                watcher.call()

    def _begin(self) -> None:
        """Hear of commits from now on. In this order: what comes between is not missed."""
        self.store.writer.follow(self._hear)
        self._renew()
        self._plan_sweep()

    def _renew(self) -> None:
        self.feed = Feed(self.store.ledger, self.limits)
        self.encodings = Encodings(self.limits.encoded_bytes)

    def _hear(self, ledger: Ledger, log_end: int, changes: Changes | None) -> None:
        """Take note of a commit, on whatever thread made it."""
        if changes is not None:
            self._heard.append(commit_of(ledger, log_end, changes))
        if self._called:
            return
        self._called = True
        if threading.get_ident() == self._thread:
            self.loop.call_soon(self._take_in)
        else:
            with suppress(RuntimeError):  # the loop has ended, and with it all streams
                self.loop.call_soon_threadsafe(self._take_in)

    def _take_in(self) -> None:
        self._called = False
        self.keep_up()
        while self._heard:
            for index, piece in self.feed.absorb(self._heard.popleft()):
                for watcher in self.parking.waiting_for(piece.sets):
                    watcher.call_for(index, piece.before)

    def _plan_sweep(self) -> None:
        self._timer = self.loop.call_later(self.limits.sweep_s, self._sweep)

    def _sweep(self) -> None:
        """Let those beat that have been silent for too long."""
        self._plan_sweep()
        for watcher in self.parking.since(self.loop.time() - self.limits.beat_s):
            watcher.call()


class Watcher:
    """One stream: `next` is what it says next."""

    def __init__(
        self,
        all_: Watchers,
        selection: Selection,
        encoder: Encoder,
        after: Cursor | None,
        may: Callable[[], bool],
    ) -> None:
        self._all = all_
        self._selection = selection
        self._encoder = encoder
        self._may = may
        self._closed = False
        self._had_turn = True
        self._is_due = False  # to say that nothing came
        self._parked: asyncio.Future[None] | None = None
        self._notes: deque[bytes] = deque()
        self._begin(after)
        self._spoke_s = all_.loop.time()

    async def next(self) -> bytes | None:
        """Return what comes next, as soon as there is something; None when the stream has ended.

        It ends, too, where the watcher may not watch any more.
        """
        while await self._may_go_on():
            if self._notes:
                return self._notes.popleft()
            self._had_turn = False
            part = await self._part()
            if part.data:
                self._all.events += part.events
                self._spoke_s = self._all.loop.time()
                return part.data
        self.close()
        return None

    async def _may_go_on(self) -> bool:
        """Wait for its turn; return whether it has not ended and may watch."""
        if not self._had_turn:
            await self._all.turns.take()
            self._had_turn = True
        return not self._closed and self._may()

    def close(self) -> None:
        """End the stream; a second call does nothing."""
        if not self._closed:
            self._closed = True
            self._all.leave(self)
            if self._parked is not None and not self._parked.done():
                self._parked.set_result(None)

    def call(self) -> None:
        """Let it go on although there is nothing new for it: it waits, and has all until now."""
        feed = self._all.feed
        if self._place.is_of(feed):
            self._place.go_to(feed.last, feed.end)
            self._is_due = True
        self._wake()

    def call_for(self, index: int, number: int) -> None:
        """Let it go on with a piece of the feed that begins behind `number`: it waits."""
        self._place.go_to(index, number)
        self._wake()

    def _begin(self, after: Cursor | None) -> None:
        """Say where it begins.

        A cursor of another file is given back as it is: who hears no more than that, and comes
        again, must be told once more to read anew.
        """
        feed, ledger = self._all.feed, self._all.store.ledger
        if after is None:
            self._place = Place(feed, self._selection, ledger.log_end)
        else:
            begins = after == LOG_START
            self._place = Place(feed, self._selection, after.number, is_beginner=begins)
            if not (begins or _holds(ledger, after)):
                self._notes.append(self._encoder.opened(after))
                self._reset(Reason.OTHER_FILE)
                return
        self._notes.append(self._encoder.opened(self._place.cursor))

    async def _part(self) -> Part:
        """Return what comes next, perhaps nothing."""
        place = self._place
        if not place.is_of(self._all.feed):
            return self._reset(Reason.OTHER_FILE)
        if self._is_due:
            self._is_due = False
            return Part(self._encoder.beat(place.cursor), 0)
        if place.is_behind():
            if place.is_late():
                return self._reset(Reason.SLOW)
            return await self._page()
        if taken := place.take(self._all.limits.part_bytes):
            return self._all.encodings.part(taken, self._selection, self._encoder)
        if place.is_at_end():
            await self._park()
        return NOTHING

    async def _page(self) -> Part:
        """Return what the log has behind this place, or why it has not.

        Where another file took the place of this one meanwhile, that is told next.
        """
        all_, place = self._all, self._place
        try:
            async with all_.reading:
                news, part = await all_.read(self._read)
        except StoreError:
            return self._reset(Reason.DAMAGED)
        reason = place.turn_page(news)
        if reason is not None:
            return self._reset(reason)
        return part if part.events else self._beat()

    def _read(self) -> tuple[News, Part]:
        """Read and encode a page of the log; beside the loop."""
        limits, place = self._all.limits, self._place
        bounds = Bounds(limits.looked_at, limits.page_rows, limits.part_bytes)
        news = self._all.store.read_news(place.number, self._selection.wants, bounds)
        events = [event_of(*met) for met in news.rows]
        return news, Part(self._encoder.told(place.cursor.run, events), len(events))

    def _beat(self) -> Part:
        """Return what says that nothing came, where that is due."""
        all_ = self._all
        if all_.loop.time() - self._spoke_s < all_.limits.beat_s:
            return NOTHING
        return Part(self._encoder.beat(self._place.cursor), 0)

    def _reset(self, reason: Reason) -> Part:
        self._all.keep_up()
        cursor = self._place.reset(self._all.feed)
        self._all.resets[reason] += 1
        self._notes.append(self._encoder.reset(reason, cursor))
        return NOTHING

    async def _park(self) -> None:
        """Wait until there is something, or until it is time to say that there is not."""
        all_ = self._all
        self._parked = all_.loop.create_future()
        all_.parking.put(self, self._selection, all_.loop.time())
        try:
            await self._parked
        finally:
            all_.parking.take(self)
            self._parked = None
        self._had_turn = True

    def _wake(self) -> None:
        self._all.parking.take(self)
        if self._parked is not None:
            self._all.turns.put(self._parked)


def _holds(ledger: Ledger, cursor: Cursor) -> bool:
    """Return whether a cursor is of this file, and not of a later state of it."""
    log_cursor = LogCursor(cursor.run, cursor.number, cursor.number)
    return ledger.holds(log_cursor, ledger.log_end)
