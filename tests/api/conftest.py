"""Nodes within the test, on the loop that the service runs on."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import uvloop

from lastword.api.http import HttpLimits
from lastword.node.watch_limits import WatchLimits
from tests.api.living_node import LIMITS, WATCH_LIMITS, LivingNode

StartNode = Callable[..., Awaitable[LivingNode]]


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
async def start_node(tmp_path: Path) -> AsyncIterator[StartNode]:
    """Start a node with limits of its own; every node is stopped, checked, and free of faults."""
    nodes: list[LivingNode] = []

    async def start(
        limits: HttpLimits = LIMITS, watch_limits: WatchLimits = WATCH_LIMITS
    ) -> LivingNode:
        node = LivingNode(tmp_path / f"{len(nodes)}.db")
        await node.start(limits, watch_limits=watch_limits)
        nodes.append(node)
        return node

    yield start
    for node in nodes:
        await node.close()
    assert asyncio.all_tasks() <= {asyncio.current_task()}


@pytest.fixture
async def node(start_node: StartNode) -> LivingNode:
    """A node on a new file, that knows nobody and is listed nowhere."""
    return await start_node()
