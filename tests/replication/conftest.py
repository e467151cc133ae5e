from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.replication.net import Net


@pytest.fixture
def net(tmp_path: Path) -> Iterator[Net]:
    made = Net(tmp_path)
    yield made
    made.stores.finish()
