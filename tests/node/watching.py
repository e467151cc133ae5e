"""A client that watches a store, and a store's watchers on a loop that is turned by hand."""

import asyncio
import json
from collections.abc import Callable
from typing import Any, TypeVar

from lastword.api.rest.events import NDJSON
from lastword.crdt.stamp import is_removed, pack
from lastword.node.feed import Cursor, Selection
from lastword.node.watch_limits import WatchLimits
from lastword.node.watchers import LOG_START, Watcher, Watchers
from lastword.store.sqlite.store import SqliteStore
from tests.stores import stamps

T = TypeVar("T")

NARROW = WatchLimits(
    held_events=8,
    held_bytes=60,
    late_numbers=60,
    part_bytes=400,
    page_rows=3,
    looked_at=5,
    encoded_bytes=1_000,
    turns=1,
)
"""Everything happens soon."""


class Hall:
    """The watchers of one store, which is opened again as often as wanted."""

    def __init__(self, limits: WatchLimits = NARROW) -> None:
        self.loop = asyncio.new_event_loop()
        self.limits = limits
        self.store: SqliteStore
        self.watchers: Watchers

    def open(self, store: SqliteStore) -> None:
        self.store = store
        self.watchers = self.run(self._watchers())

    async def _watchers(self) -> Watchers:
        return Watchers(self.store, self.loop, self._read, self.limits)

    async def _read(self, work: Callable[[], T]) -> T:
        """Return what was read a while ago, as it comes from another thread."""
        read = work()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return read

    def run(self, coroutine: Any) -> Any:
        return self.loop.run_until_complete(coroutine)

    def turn(self) -> None:
        """Let the loop turn once."""
        self.run(asyncio.sleep(0))

    def close(self) -> None:
        self.watchers.close()
        self.turn()
        self.loop.close()


def of_set(name: bytes) -> Selection:
    return Selection((b"set", name), name.__eq__, name)


def of_prefix(prefix: bytes) -> Selection:
    return Selection(prefix, lambda name: name.startswith(prefix), prefix=prefix)


class Client:
    """Keeps what it was told, as stamps; where it is told to read anew, it reads the store."""

    def __init__(self, hall: Hall, selection: Selection) -> None:
        self.held: dict[tuple[bytes, bytes], int] = {}
        self.events: list[dict[str, Any]] = []
        self.cursor = LOG_START
        self._hall = hall
        self._selection = selection
        self._watcher: Watcher | None = None
        self._next: asyncio.Task[bytes | None] | None = None

    @property
    def is_connected(self) -> bool:
        return self._watcher is not None

    def connect(self) -> None:
        """Go on behind what it was told last."""
        self._watcher = self._hall.watchers.watch(self._selection, NDJSON, self.cursor)
        self._next = None

    def disconnect(self) -> None:
        watcher, self._watcher = self._watcher, None
        if self._next is not None:
            self._next.cancel()
            self._hall.turn()
        if watcher is not None:
            watcher.close()

    def turn(self) -> bytes | None:
        """Let the loop turn once; return a part that came, not yet applied."""
        if self._watcher is None:
            self.connect()
        assert self._watcher is not None
        if self._next is None:
            self._next = self._hall.loop.create_task(self._watcher.next())
        self._hall.turn()
        if not self._next.done():
            return None
        part, self._next = self._next.result(), None
        assert part, "a stream ended"
        return part

    def pull(self, turns: int) -> int:
        """Take what comes within so many turns of the loop; return how many parts it was."""
        parts = 0
        for _ in range(turns):
            part = self.turn()
            if part is not None:
                parts += 1
                self.apply(part)
        return parts

    def apply(self, part: bytes, lines: int | None = None) -> None:
        for line in part.splitlines()[:lines]:
            self._apply(json.loads(line))

    def _apply(self, event: dict[str, Any]) -> None:
        run, number = (int(piece, 16) for piece in event["cursor"].split("-"))
        kind = event["event"]
        if run == self.cursor.run and kind not in {"open", "reset"}:
            assert number >= self.cursor.number, "a cursor went back"
        self.cursor = Cursor(run, number)
        self.events.append(event)
        if kind == "reset":
            self.held = self._wanted()
        elif kind in {"add", "remove", "collect"}:
            self._change(kind, (event["set"].encode(), event["element"].encode()), event["time"])

    def _change(self, kind: str, name: tuple[bytes, bytes], time: int) -> None:
        if kind == "collect":
            held = self.held.pop(name, None)
            assert held is None or is_removed(held), "what is present was collected"
        else:
            self.held[name] = pack(time, removed=kind == "remove")

    def _wanted(self) -> dict[tuple[bytes, bytes], int]:
        held = stamps(self._hall.store)
        return {name: stamp for name, stamp in held.items() if self._selection.wants(name[0])}

    def settle(self) -> None:
        """Take all there is, then verify that it is what the store holds."""
        quiet = 0
        while quiet < 12:
            quiet = 0 if self.pull(1) else quiet + 1
        wanted = self._wanted()
        for name, stamp in wanted.items():
            assert self.held.get(name) == stamp, f"{name} was not told of"
        for name, stamp in self.held.items():
            assert name in wanted or is_removed(stamp), f"{name} is not in the set any more"
