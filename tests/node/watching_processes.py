"""Clients that watch real nodes."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

PATIENCE_S = 30.0


class Stream:
    """One stream of NDJSON of a node that runs as users run it."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer
        self.cursor = ""

    async def next(self) -> dict[str, Any]:
        """Return the next event; raises EOFError or aiohttp's errors where it has ended."""
        async with asyncio.timeout(PATIENCE_S):
            line = await self._answer.content.readline()
        if not line:
            raise EOFError("the stream ended")
        event: dict[str, Any] = json.loads(line)
        self.cursor = event["cursor"]
        return event

    async def elements(self, count: int) -> list[str]:
        """Return the elements of the next adds, which come without a reset."""
        found: list[str] = []
        while len(found) < count:
            event = await self.next()
            assert event["event"] in {"add", "open", "beat"}, event
            if event["event"] == "add":
                found.append(event["element"])
        return found


@asynccontextmanager
async def streaming(
    address: str, path: str, token: str = "", *, buffer_bytes: int = 1 << 16
) -> AsyncIterator[Stream]:
    headers = {"Accept": "application/x-ndjson"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    timeout = aiohttp.ClientTimeout(total=None)
    async with (
        aiohttp.ClientSession(
            timeout=timeout, trust_env=False, read_bufsize=buffer_bytes
        ) as session,
        session.get(f"http://{address}{path}", headers=headers) as answer,
    ):
        assert answer.status == 200, await answer.text()
        yield Stream(answer)
