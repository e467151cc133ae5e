"""A plot has the curve and every fault, and is the same file for the same run."""

from dataclasses import replace
from pathlib import Path

import pytest

from lastword.simulation.campaign import CAMPAIGN
from lastword.simulation.cluster import Cluster
from lastword.simulation.outcome import Outcome
from lastword.simulation.plot import draw

pytest.importorskip("matplotlib")

SETTINGS = replace(
    CAMPAIGN,
    nodes=5,
    writes=60,
    duration_us=40_000_000,
    crash=3.0,
    wipe=0.3,
    roll_back=0.3,
    cuts=4,
)


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    return Cluster(SETTINGS, 5).run()


def test_a_plot_shows_the_curve_and_every_kind_of_fault(outcome: Outcome, tmp_path: Path) -> None:
    path = tmp_path / "run.svg"
    draw(outcome, 5, path)
    text = path.read_text()
    for label in (
        "held, mean of all nodes",
        "cut in two",
        "cut one way",
        "crash",
        "crash, disk wiped",
        "crash, disk rolled back",
    ):
        assert f"<!-- {label} -->" in text
    assert "all everywhere" in text


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_the_same_run_draws_the_same_file(outcome: Outcome, tmp_path: Path, suffix: str) -> None:
    one, two = (tmp_path / f"{name}.{suffix}" for name in ("one", "two"))
    draw(outcome, 5, one)
    draw(outcome, 5, two)
    assert one.read_bytes() == two.read_bytes()
