"""The normal monkey: a random get, put or delete of a random element, again and again."""

from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Final

from lastword.client.node import AsyncNode
from lastword.monkeys.histogram import Histogram
from lastword.monkeys.pace import Pace
from lastword.monkeys.setting import Setting, together, turns

Operation = Callable[[AsyncNode, str, bytes], Awaitable[str]]


async def play_normal(
    setting: Setting,
    pace: Pace,
    *,
    operations: int | None = None,
    workers: int = 1,
    latencies: Histogram | None = None,
) -> None:
    """Do `operations` random operations, None for no end, each when `pace` says so.

    So many `workers` share them; `latencies` counts what each took, from when it was due.
    """
    left = iter(turns(operations))
    counted = Histogram() if latencies is None else latencies
    await together(_work(setting, pace, left, counted) for _ in range(workers))


async def _work(setting: Setting, pace: Pace, left: Iterator[int], latencies: Histogram) -> None:
    for _ in left:
        due_us = await pace.wait(setting)
        operation = setting.rng.choice(OPERATIONS)
        element = setting.random_element()
        done = await setting.patiently(partial(operation, setting.node, setting.set_name, element))
        latencies.note(setting.now_us() - due_us)
        setting.say(done)


async def _get(node: AsyncNode, set_name: str, element: bytes) -> str:
    present = await node.get(set_name, element)
    return f"get {element.decode()}: {'present' if present else 'absent'}"


async def _put(node: AsyncNode, set_name: str, element: bytes) -> str:
    await node.put(set_name, element)
    return f"put {element.decode()}"


async def _delete(node: AsyncNode, set_name: str, element: bytes) -> str:
    await node.delete(set_name, element)
    return f"delete {element.decode()}"


OPERATIONS: Final[tuple[Operation, ...]] = (_get, _put, _delete)
