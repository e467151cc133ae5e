"""Who writes: monkeys, who overwrite each other, and writers, whose elements are all their own.

Every write that a node acknowledges to any of them is noted.
"""

import asyncio
from collections.abc import Coroutine, Iterator, Mapping
from functools import partial
from itertools import count
from random import SystemRandom
from typing import Final

from lastword import LWWSet
from lastword.client.node import AsyncNode
from lastword.crdt.stamp import pack
from lastword.monkeys.normal import play_normal
from lastword.monkeys.onoff import Outcome, play_onoff
from lastword.monkeys.setting import Pace, Setting
from tools.demo.verdict import PHASES, Write

MONKEYS_SET: Final = "monkeys"
WRITERS_SET: Final = "writers"
PACE: Final = Pace(5, 50)
OFFLINE_OPS: Final = 20
WRITE_INTERVAL_S: Final = 0.02


class Ledger:
    """All acknowledged writes, the phase that the play is in, and what on-off monkeys found."""

    def __init__(self) -> None:
        self.phase = PHASES[0]
        self.writes: list[Write] = []
        self.outcomes: list[Outcome] = []
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

    async def merge(self, set_name: str, stamps: Mapping[bytes, int]) -> int:
        """Merge a state, and note what it brought."""
        time = await super().merge(set_name, stamps)
        for element, stamp in stamps.items():
            if not self._ledger.knows(set_name, element, stamp):
                self._note(set_name, element, stamp)
        return time


def players(addresses: Mapping[str, str], ledger: Ledger) -> Iterator[Coroutine[None, None, None]]:
    """Return everyone who plays: at each node a monkey, and at the last one more of each kind.

    `addresses` are those of the nodes by name; the writers sit at the first and the last.
    """
    first, *_, last = addresses
    for address in addresses.values():
        yield _monkey(address, ledger)
    yield _onoff_monkey(addresses[last], ledger)
    for name in (first, last):
        yield _writer(name, addresses[name], ledger)


async def _monkey(address: str, ledger: Ledger) -> None:
    async with NotedNode(address, ledger, own=False) as node:
        await play_normal(_setting(node, MONKEYS_SET), PACE)


async def _onoff_monkey(address: str, ledger: Ledger) -> None:
    async with NotedNode(address, ledger, own=False) as node:
        await play_onoff(
            _setting(node, MONKEYS_SET),
            PACE,
            LWWSet[bytes](),
            ledger.outcomes.append,
            offline_ops=OFFLINE_OPS,
        )


async def _writer(name: str, address: str, ledger: Ledger) -> None:
    """Add one element after another that nobody else knows."""
    async with NotedNode(address, ledger, own=True) as node:
        setting = _setting(node, WRITERS_SET)
        for number in count():
            element = f"{name}{number}".encode()
            await setting.patiently(partial(node.put, WRITERS_SET, element))
            await setting.sleep(WRITE_INTERVAL_S)


def _setting(node: AsyncNode, set_name: str) -> Setting:
    return Setting(node, set_name, SystemRandom(), asyncio.sleep, _hush, _hush)


def _hush(_: str) -> None:
    """Say nothing: the screen is the play's."""
