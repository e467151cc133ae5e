"""Power cuts under load, over REST and RESP, on a disk that loses what was not synced."""

from pathlib import Path
from random import Random

import pytest

from tools.durability.cuts import cut_again_and_again

pytestmark = pytest.mark.slow  # nodes are started again and again


def test_whatever_was_acknowledged_outlives_a_power_cut(tmp_path: Path) -> None:
    played = cut_again_and_again(tmp_path, Random(3), cuts=5)

    assert played.findings.acknowledged > 500
    assert played.findings.lost == []
    assert played.findings.unexpected == []


def test_a_power_cut_tells_a_commit_that_is_not_synced(tmp_path: Path) -> None:
    played = cut_again_and_again(tmp_path, Random(3), cuts=2, synchronous="NORMAL")

    assert played.findings.acknowledged > 200
    assert played.findings.lost, "else the test of the real thing tests nothing"
