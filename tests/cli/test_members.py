"""`lastword tombstones`, `leave`, `lapse` and `rejoin` with real nodes."""

import pytest

from lastword.client.node import AsyncNode

pytestmark = pytest.mark.slow  # every test starts processes

GONE = "127.0.0.1:1"


async def members(address: str) -> set[bytes]:
    async with AsyncNode(address) as node:
        state = await node.state("_peers_")
    return {element for element, stamp in state.items() if not stamp & 1}
