"""`kill -9` under load, over REST and RESP."""

from pathlib import Path
from random import Random

import pytest

from tools.durability.kills import storm

pytestmark = pytest.mark.slow  # nodes are started again and again


def test_whatever_was_acknowledged_outlives_kill_9(tmp_path: Path) -> None:
    played = storm(tmp_path, Random(11), kills=4, writes=3_000, elements=5_000)

    assert played.kills >= 4
    assert played.findings.acknowledged >= 3_000
    assert played.findings.lost == []
    assert played.findings.unexpected == []
