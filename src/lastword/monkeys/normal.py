"""The normal monkey: a random get, put or delete of a random element, again and again."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from lastword.client.node import AsyncNode
from lastword.monkeys.setting import Pace, Setting, turns

Operation = Callable[[AsyncNode, str, bytes], Awaitable[str]]


async def play_normal(setting: Setting, pace: Pace, *, operations: int | None = None) -> None:
    """Do `operations` random operations, None for no end, each after a delay of `pace`."""
    for _ in turns(operations):
        await pace.wait(setting)
        operation = setting.rng.choice(OPERATIONS)
        element = setting.random_element()
        done = await setting.patiently(partial(operation, setting.node, setting.set_name, element))
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
