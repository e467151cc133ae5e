"""Every test that talks to a server does so under asyncio's own loop and under uvloop."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
import uvloop

from tests.api.http.site import Site


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    """A server that is closed at the end, and has left nothing running."""
    site = Site()
    yield site
    await site.close()
    assert not site.server._shared.connections
    assert asyncio.all_tasks() <= {asyncio.current_task()}
