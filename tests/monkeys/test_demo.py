"""The demonstration as a whole: green on good nodes, and red where anything is wrong."""

import os
import signal
import sys
from pathlib import Path

import pytest

from tools.demo import play
from tools.demo.__main__ import main
from tools.demo.players import WRITERS_SET, Ledger
from tools.processes import Process
from tools.proxy import UNTREATED, Traffic, Treatment

pytestmark = pytest.mark.slow


def demo(folder: Path, *arguments: str) -> Process:
    """Start it with `folder` as the place for temporary files."""
    environment = (f"PYTHONPATH={os.pathsep.join(sys.path)}", f"TMPDIR={folder}")
    command = ("env", *environment, sys.executable, "-m", "tools.demo", *arguments)
    return Process(*command, stderr=folder.with_name("stderr"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "folder"
    made.mkdir()
    return made


def test_it_ends_well_and_leaves_nothing(folder: Path) -> None:
    with demo(folder, "--seconds", "6") as process:
        lines = process.read_rest(60)
        assert process.wait() == 0, lines
    assert "acknowledged writes" in lines[-1]
    assert lines[-1].endswith("none is missing.")
    assert int(lines[-1].split()[0]) > 100
    assert all(len(line) <= 120 for line in lines)
    assert process.errors() == ""
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_can_be_interrupted_and_leaves_nothing(folder: Path, number: signal.Signals) -> None:
    with demo(folder, "--seconds", "300") as process:
        while "monkeys" not in process.read_line():
            pass
        process.signal(number)
        assert process.wait() == 130
    assert process.errors() == ""
    assert list(folder.iterdir()) == []


def test_a_write_that_was_lost_is_found_and_the_files_are_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    note = Ledger.note

    def note_more(ledger: Ledger, set_name: str, element: bytes, stamp: int, *, own: bool) -> None:
        note(ledger, set_name, element, stamp, own=own)
        if element == b"c3":
            note(ledger, WRITERS_SET, b"lost", stamp, own=True)

    monkeypatch.setattr(Ledger, "note", note_more)
    monkeypatch.setattr(play, "CONVERGENCE_S", 1.0)
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    assert main(["--seconds", "2"]) == 1
    text = capsys.readouterr().out
    assert all(f"{node} lacks lost of writers" in text for node in "abc")
    assert str(next(folder.iterdir())) in text
    assert "none is missing" not in text
    assert "never came home" not in text


def test_nodes_that_never_meet_are_a_failure(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Traffic, "of", lambda *_: Treatment(cut=True))
    monkeypatch.setattr(play, "CONVERGENCE_S", 1.0)
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    assert main(["--seconds", "1"]) == 1
    assert "the nodes did not find each other" in capsys.readouterr().out


def test_a_cut_that_does_not_cut_is_a_failure(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Traffic, "of", lambda *_: UNTREATED)
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    assert main(["--seconds", "6"]) == 1
    assert "writes crossed the cut, so it was none" in capsys.readouterr().out
