"""What was acknowledged, noted by the clients that it was acknowledged to."""

from collections.abc import Mapping
from functools import partial

from lastword.client.node import AsyncNode
from lastword.crdt.stamp import pack
from tools.verdict import Write


class Ledger:
    """All acknowledged writes, and the phase that is going on, which is noted with each."""

    def __init__(self, phase: str = "") -> None:
        self.phase = phase
        self.writes: list[Write] = []
        self._newest: dict[tuple[str, bytes], int] = {}

    def note(self, set_name: str, element: bytes, stamp: int, *, own: bool) -> None:
        """Note a write that was acknowledged."""
        self._newest[set_name, element] = max(stamp, self._newest.get((set_name, element), 0))
        self.writes.append(Write(set_name, element, stamp, self.phase, own))

    def knows(self, set_name: str, element: bytes, stamp: int) -> bool:
        """Return whether a write of that element with this or a later time is noted already."""
        return stamp <= self._newest.get((set_name, element), -1)


class NotedNode(AsyncNode):
    """A client of a node that notes in a ledger what was acknowledged to it."""

    def __init__(self, address: str, ledger: Ledger, *, own: bool) -> None:
        super().__init__(address)
        self._ledger = ledger
        self._note = partial(ledger.note, own=own)

    async def put(self, set_name: str, element: bytes) -> int:
        """Add an element, and note it."""
        time = await super().put(set_name, element)
        self._note(set_name, element, pack(time, removed=False))
        return time

    async def delete(self, set_name: str, element: bytes) -> int:
        """Remove an element, and note it."""
        time = await super().delete(set_name, element)
        self._note(set_name, element, pack(time, removed=True))
        return time

    async def merge(
        self, set_name: str, stamps: Mapping[bytes, int], *, ghosts: str | None = None
    ) -> int:
        """Merge a state, and note what it brought."""
        time = await super().merge(set_name, stamps, ghosts=ghosts)
        for element, stamp in stamps.items():
            if not self._ledger.knows(set_name, element, stamp):
                self._note(set_name, element, stamp)
        return time
