"""What every monkey is given, and the patience that all of them have with a silent node."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass
from itertools import count
from random import Random
from typing import Any, Final, TypeVar

from lastword.client.node import AsyncNode
from lastword.errors import Unavailable, Unreachable

T = TypeVar("T")

ELEMENT_MAX: Final = 100
"""Elements are the numbers from 0 to this: few enough that monkeys meet at every one of them."""

RETRY_S: Final = 1.0
"""Between two calls to a node that does not answer. Less finds it sooner and costs more calls."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A node, a set on it, and the world: randomness, sleep, a clock, and whom to tell.

    `now_us` is a monotonic clock. `say` takes a line about what was done, `warn` one about
    trouble.
    """

    node: AsyncNode
    set_name: str
    rng: Random
    sleep: Callable[[float], Awaitable[None]]
    now_us: Callable[[], int]
    say: Callable[[str], None]
    warn: Callable[[str], None]

    async def patiently(self, call: Callable[[], Awaitable[T]]) -> T:
        """Return what `call` returns, however long the node is away; tell once that it is.

        Raises what the node refuses: asking again would not help.
        """
        silent = False
        while True:
            try:
                answer = await call()
            except (Unreachable, Unavailable) as error:
                if not silent:
                    self.warn(f"{error}; trying again every {RETRY_S:g} s")
                silent = True
                await self.sleep(RETRY_S)
            else:
                if silent:
                    self.warn(f"{self.node.address} answers again")
                return answer

    def random_element(self) -> bytes:
        """Return one of the numbers that monkeys play with."""
        return b"%d" % self.rng.randint(0, ELEMENT_MAX)


def turns(number: int | None) -> Iterable[int]:
    """Return as many turns as `number` says, endlessly many for None."""
    return count() if number is None else range(number)


async def together(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Do all at once; the first error ends the others, and is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            for each in work:
                group.create_task(each)
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
