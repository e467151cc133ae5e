from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stores import AnyStores, MemoryStores, SqliteStores


@pytest.fixture(params=[MemoryStores, SqliteStores], ids=["memory", "sqlite"])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AnyStores]:
    made: AnyStores = request.param(tmp_path)
    yield made
    made.finish()


@pytest.fixture
def files(tmp_path: Path) -> Iterator[SqliteStores]:
    made = SqliteStores(tmp_path)
    yield made
    made.finish()
