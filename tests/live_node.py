"""Fixtures of a node that runs as users run it, for tests that talk to one."""

from collections.abc import AsyncIterator, Iterator

import pytest

from lastword.client.node import AsyncNode
from tools.processes import NodeProcess


@pytest.fixture(scope="package")
def node_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """A node that all tests here use; each takes sets of its own."""
    with NodeProcess(tmp_path_factory.mktemp("node") / "a.db") as process:
        yield process


@pytest.fixture
async def node(node_process: NodeProcess) -> AsyncIterator[AsyncNode]:
    async with AsyncNode(node_process.address) as client:
        yield client
