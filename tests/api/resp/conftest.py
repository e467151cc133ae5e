"""Nodes that speak RESP."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from tests.api.resp.resp_node import RespClient, RespNode

StartResp = Callable[..., Awaitable[RespNode]]


@pytest.fixture
async def start_resp(tmp_path: Path) -> AsyncIterator[StartResp]:
    """Start a node with limits of its own; every node is stopped, checked, and free of faults."""
    nodes: list[RespNode] = []

    async def start(*arguments: object, **options: object) -> RespNode:
        node = RespNode(tmp_path / f"resp{len(nodes)}.db")
        nodes.append(node)
        await node.start(*arguments, **options)  # type: ignore[arg-type]  # as it is called
        return node

    yield start
    for node in nodes:
        await node.close()
    assert asyncio.all_tasks() <= {asyncio.current_task()}


@pytest.fixture
async def resp(start_resp: StartResp) -> RespNode:
    return await start_resp()


@pytest.fixture
async def client(resp: RespNode) -> RespClient:
    return await resp.client()
