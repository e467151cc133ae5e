"""Who writes: monkeys, who overwrite each other, and writers, whose elements are all their own.

Every write that a node acknowledges to any of them is noted.
"""

import asyncio
from collections.abc import Coroutine, Iterator, Mapping
from functools import partial
from itertools import count
from random import SystemRandom
from time import monotonic_ns
from typing import Final

from lastword import LWWSet
from lastword.client.node import AsyncNode
from lastword.monkeys.normal import play_normal
from lastword.monkeys.onoff import Outcome, play_onoff
from lastword.monkeys.pace import Delay
from lastword.monkeys.setting import Setting
from tools import ledger
from tools.demo.verdict import PHASES
from tools.ledger import NotedNode

MONKEYS_SET: Final = "monkeys"
WRITERS_SET: Final = "writers"
PACE: Final = Delay(5, 50)
OFFLINE_OPS: Final = 20
WRITE_INTERVAL_S: Final = 0.02


class Ledger(ledger.Ledger):
    """All acknowledged writes, each with the phase of the play, and what on-off monkeys found."""

    def __init__(self) -> None:
        super().__init__(PHASES[0])
        self.outcomes: list[Outcome] = []


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
    return Setting(node, set_name, SystemRandom(), asyncio.sleep, _now_us, say=_hush, warn=_hush)


def _now_us() -> int:
    return monotonic_ns() // 1_000


def _hush(_: str) -> None:
    """Say nothing: the screen is the play's."""
