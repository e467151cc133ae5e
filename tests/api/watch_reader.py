"""A client that watches, and holds what it was told to the contract of docs/WATCH.md."""

import json
from typing import Any

from tests.api.http.raw_http import RawClient
from tests.api.living_node import LivingNode

NDJSON = "application/x-ndjson"


class WatchReader:
    """One stream of NDJSON. Its cursors must never go back but by a reset."""

    def __init__(self, client: RawClient) -> None:
        self.client = client
        self.cursor = ""
        self._lines: list[bytes] = []

    @classmethod
    async def open(
        cls, node: LivingNode, path: str, headers: dict[str, str] | None = None
    ) -> "WatchReader":
        """Ask for a stream, and read to the end of its head."""
        client = await node.client(
            node.request("GET", path, headers={"Accept": NDJSON} | (headers or {}))
        )
        head = await client.read_answer(to_head=True)
        assert head.status == 200, head
        assert head.headers[b"content-type"] == NDJSON.encode()
        return cls(client)

    async def next(self) -> dict[str, Any]:
        """Return the next event; raises EOFError where the stream has ended."""
        while not self._lines:
            chunk = await self.client.read_chunk()
            if not chunk:
                raise EOFError("the stream ended")
            assert chunk.endswith(b"\n")
            self._lines += chunk.splitlines()
        event: dict[str, Any] = json.loads(self._lines.pop(0))
        self._take(event)
        return event

    async def some(self, count: int) -> list[dict[str, Any]]:
        return [await self.next() for _ in range(count)]

    async def until(self, kind: str) -> list[dict[str, Any]]:
        """Return what comes up to the first event of a kind, and that one."""
        found = [await self.next()]
        while found[-1]["event"] != kind:
            found.append(await self.next())
        return found

    def _take(self, event: dict[str, Any]) -> None:
        before, self.cursor = self.cursor, event["cursor"]
        run, number = parsed(self.cursor)
        if before and parsed(before)[0] == run and event["event"] != "reset":
            assert number >= parsed(before)[1], f"from {before} back to {self.cursor}"


def parsed(cursor: str) -> tuple[int, int]:
    run, _, number = cursor.partition("-")
    return int(run, 16), int(number, 16)


def told(event: dict[str, Any]) -> tuple[str, str, str]:
    return event["event"], event["set"], event["element"]
