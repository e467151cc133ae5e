"""`python -m tools.chaos` as a whole: green on good nodes, red where anything was lost."""

import os
import signal
import sys
from pathlib import Path

import pytest

from tools.chaos import campaign
from tools.chaos.__main__ import main
from tools.chaos.faults import MAKERS
from tools.chaos.load import Load
from tools.chaos.namespaces import FOLDER
from tools.processes import Process
from tools.verdict import Write

SHORT_SEED = "49"
"""Of a run that begins with one short fault."""

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the command makes its own folders."""
    made = tmp_path / "folder"
    made.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(made))
    return made


@pytest.fixture
def gentle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let only short faults happen, on the loopback interface."""
    makers = {kind: MAKERS[kind] for kind in ("slow", "torn")}
    monkeypatch.setattr("tools.chaos.campaign.MAKERS", makers)
    monkeypatch.setattr(campaign, "why_not", lambda: "a test wants it so")


@pytest.mark.usefixtures("gentle")
def test_it_ends_well_and_leaves_its_log_only(folder: Path, tmp_path: Path) -> None:
    log = tmp_path / "log.md"
    arguments = ["--minutes", "0.02", "--seed", "3", "--nodes", "3", "--log", str(log)]
    assert main(arguments) == 0
    text = log.read_text()
    assert "`python -m tools.chaos --minutes 0.02 --seed 3 --nodes 3`" in text
    assert "- none is missing; all digests are equal" in text
    assert list(folder.iterdir()) == []


@pytest.mark.usefixtures("gentle")
def test_a_write_that_was_lost_is_found_and_the_files_are_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    writes = Load.writes
    lost = Write("distinct", b"lost", 2, "", own=False)
    monkeypatch.setattr(Load, "writes", lambda load: [*writes(load), lost])
    assert main(["--minutes", "0.01", "--nodes", "3"]) == 1
    text = capsys.readouterr().out
    assert all(f"- {node} lacks lost of distinct" in text for node in "abc")
    assert str(next(folder.iterdir())) in text
    assert "none is missing" not in text


@pytest.mark.usefixtures("gentle", "folder")
def test_nodes_that_do_not_agree_are_a_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def never(_: object) -> bool:
        return False

    monkeypatch.setattr("tools.cluster.Cluster.agrees", never)
    monkeypatch.setattr("tools.chaos.rounds.CONVERGENCE_S", 1.0)
    monkeypatch.setattr(campaign, "CONVERGENCE_S", 1.0)
    monkeypatch.setattr("tools.cluster.Cluster.is_acquainted", _at_once)
    assert main(["--minutes", "1", "--nodes", "3"]) == 1
    text = capsys.readouterr().out
    assert "- no agreement within 1 s" in text
    assert "- the digests differ: {" in text


async def _at_once(_: object) -> bool:
    return True


def test_it_can_be_interrupted_and_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    environment = (f"PYTHONPATH={os.pathsep.join(sys.path)}", f"TMPDIR={folder}")
    command = ("env", *environment, sys.executable, "-m", "tools.chaos", "--seed", SHORT_SEED)
    with Process(*command, stderr=tmp_path / "stderr") as process:
        while not process.read_line(120).startswith("| 1 |"):
            pass
        process.signal(signal.SIGTERM)
        assert process.wait() == 130
        left = list(FOLDER.glob(f"lw-{process.pid}-*"))
    assert left == []
    assert process.errors() == ""
    assert list(folder.iterdir()) == []
