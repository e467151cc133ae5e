"""Settings for monkeys in which no time passes, and which write down what happens."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random
from time import monotonic_ns

from lastword.client.node import AsyncNode
from lastword.crdt.clock import HybridClock
from lastword.crdt.lww_set import LWWSet
from lastword.monkeys.setting import Setting
from lastword.wall import wall_us


async def breathe(_: float) -> None:
    """Let others run, and return at once."""
    await asyncio.sleep(0)


@dataclass
class Notes:
    """What a monkey told and how long it wanted to sleep."""

    said: list[str] = field(default_factory=list)
    warned: list[str] = field(default_factory=list)
    slept_s: list[float] = field(default_factory=list)

    def setting(
        self,
        node: AsyncNode,
        set_name: str,
        *,
        sleep: Callable[[float], Awaitable[None]] = breathe,
        seed: int = 1,
    ) -> Setting:
        async def noted_sleep(delay_s: float) -> None:
            self.slept_s.append(delay_s)
            await sleep(delay_s)

        return Setting(
            node,
            set_name,
            Random(seed),
            noted_sleep,
            lambda: monotonic_ns() // 1_000,
            say=self.said.append,
            warn=self.warned.append,
        )


def new_set() -> LWWSet[bytes]:
    return LWWSet(clock=HybridClock(wall_us))
