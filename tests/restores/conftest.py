from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clocks.false_time import FalseTime, skip_without_faketime
from tests.restores.cluster import Cluster, new_cluster


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    skip_without_faketime()
    with new_cluster(tmp_path, FalseTime(tmp_path / "wall", lag_s=1)) as made:
        yield made
