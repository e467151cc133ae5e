"""Turns on the event loop: many may have work at once, a few of them do it between two polls."""

import asyncio
from collections import deque


class Turns:
    """Lets those that wait go on in order, `at_once` of them in each turn of the loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, at_once: int) -> None:
        self._loop = loop
        self._at_once = at_once
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def take(self) -> None:
        """Return when it is the caller's turn."""
        turn = self._loop.create_future()
        self.put(turn)
        await turn

    def put(self, turn: "asyncio.Future[None]") -> None:
        """Let `turn` be done when it is its turn."""
        if not self._waiting:
            self._loop.call_soon(self._serve)
        self._waiting.append(turn)

    def _serve(self) -> None:
        waiting = self._waiting
        for _ in range(min(self._at_once, len(waiting))):
            turn = waiting.popleft()
            if not turn.done():
                turn.set_result(None)
        if waiting:
            self._loop.call_soon(self._serve)
