"""One browser and one cluster for all tests of the page; each test takes sets of its own."""

import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from random import Random
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.page.looking import Looker
from tools.browser import CHROMIUM, opened_browser, opened_page
from tools.cluster import Cluster, started_cluster
from tools.wires import Loopback

FAST = ("-r", "0.1", "-f", "1")
"""So that a cut, and its end, are noticed within a second or two."""

Look = Callable[..., AbstractAsyncContextManager[Looker]]


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def browser() -> AsyncIterator[Browser]:
    if shutil.which(CHROMIUM) is None:
        pytest.skip("needs Debian's chromium")
    async with opened_browser() as started:
        yield started


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def cluster(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    folder = tmp_path_factory.mktemp("page")
    async with started_cluster(folder, "abc", Loopback(Random(7)), options=FAST) as started:
        yield started
        await started.heal()
        await started.stop()


@pytest.fixture
def look(browser: Browser) -> Look:
    """Open a page of a node; at its end it has had no error, and called no other place."""

    @asynccontextmanager
    async def opened(address: str, where: str = "", **options: Any) -> AsyncIterator[Looker]:
        url = f"http://{address}/_/{where}"
        async with opened_page(browser, url, reduced_motion="reduce", **options) as watched:
            yield Looker(watched.page)
        assert watched.errors == []
        assert [at for at in watched.requested if not at.startswith(f"http://{address}/")] == []

    return opened
