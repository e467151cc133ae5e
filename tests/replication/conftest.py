from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.replication.net import Net
from tests.stores import AnyStores, MemoryStores, SqliteStores


@pytest.fixture
def net(tmp_path: Path) -> Iterator[Net]:
    made = Net(tmp_path)
    yield made
    made.stores.finish()


@pytest.fixture(params=[MemoryStores, SqliteStores], ids=["memory", "sqlite"])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AnyStores]:
    made: AnyStores = request.param(tmp_path)
    yield made
    made.finish()
