"""Files of real nodes are damaged: nothing wrong is served or spread, and all comes right."""

from pathlib import Path

import pytest

from tools.durability.damage import Campaign, Task, tasks_of
from tools.durability.damages import KINDS

pytestmark = pytest.mark.slow  # nodes are started again and again

SEED = 5


def test_damage_is_neither_served_nor_spread_and_comes_right(tmp_path: Path) -> None:
    tasks = tasks_of(file=3, log=3, others=1)

    verdicts = list(Campaign(tmp_path, SEED).play(tasks))

    assert {verdict.kind for verdict in verdicts} == set(KINDS)
    assert any(at.behind for at in verdicts if at.kind == "bit of the log")
    assert [(at.kind, at.number, at.what, at.faults) for at in verdicts if at.faults] == []


def test_flipped_bits_would_be_served_where_no_checksum_is_verified(tmp_path: Path) -> None:
    tasks = [Task("bit of the file", number) for number in range(8)]

    verdicts = list(Campaign(tmp_path, SEED, verified=False).play(tasks))

    assert any(at.wrong or at.mixed for at in verdicts), "else the test above tests nothing"
