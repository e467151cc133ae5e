"""`lastword simulate`: its tables, its refusals in one line, and the replay of what failed."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from lastword.cli.main import app
from lastword.simulation.coverage import Coverage
from lastword.simulation.violated import Violated

SMALL = ["--nodes", "4", "--writes", "40", "--duration", "10s", "--partition", "3s", "--seed", "7"]


def simulate(*words: str) -> Result:
    return CliRunner().invoke(app, ["simulate", *words], env={"COLUMNS": "120"})


def trace_of(result: Result) -> str:
    found = re.search(r"trace hash\W+([0-9a-f]{32})", result.stdout)
    assert found is not None, result.output
    return found[1]


def test_a_run_prints_its_figures_on_stdout_and_its_progress_elsewhere() -> None:
    result = simulate(*SMALL)
    assert result.exit_code == 0, result.output
    for figure in ("all of them everywhere", "p99", "bytes per node", "entries sent", "real time"):
        assert figure in result.stdout
    assert "virtual time" not in result.stdout


def test_the_same_seed_prints_the_same_trace_and_another_one_another() -> None:
    assert trace_of(simulate(*SMALL)) == trace_of(simulate(*SMALL))
    assert trace_of(simulate(*SMALL)) != trace_of(simulate(*SMALL[:-1], "8"))


def test_a_campaign_prints_what_it_met() -> None:
    result = simulate("--seeds", "2", "--first-seed", "5", "--jobs", "1")
    assert result.exit_code == 0, result.output
    assert "seeds 5 to 6" in result.stdout
    assert re.search(r"crashes\W+\d", result.stdout)


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        (["--partition", "20"], "'20' is not a duration; write 500us, 5ms, 2s or 1.5m"),
        (["--delay", "2s..1s"], "'2s..1s' ends before it begins"),
        (["--only-faults", "a"], "'a' is not a list of faults; write 3,7,12"),
        (["--loss", "1.5"], "less than or equal to 1"),
        (["--seeds", "3", "--nodes", "4"], "--nodes is of one large run"),
        (["--plot", "a.pdf"], "--plot draws .svg and .png only, not a.pdf"),
    ],
)
def test_a_bad_value_is_refused_in_one_clear_line(words: list[str], refusal: str) -> None:
    result = simulate(*words)
    assert result.exit_code == 2
    assert refusal in " ".join(re.sub("[│╭╮╰╯─]", " ", result.stderr).split())


def test_without_matplotlib_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lastword.cli.simulate.find_spec", lambda _: None)
    result = simulate("--plot", "a.svg")
    assert result.exit_code == 2
    assert "lastword[plot]" in result.stderr


def test_a_failure_prints_the_command_that_replays_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A planted fault: whoever comes back from a crash covers too much."""
    check_all = Coverage.check_all

    def mutant(self: Coverage, store: object) -> None:
        check_all(self, store)  # type: ignore[arg-type]  # passed on as it came
        if len(store.ledger.own_runs) > 2:  # type: ignore[attr-defined]  # a store
            raise Violated("coverage", "planted")

    monkeypatch.setattr(Coverage, "check_all", mutant)
    result = simulate(*SMALL, "--crash", "2", "--wipe", "0", "--rollback", "0")
    assert result.exit_code == 1
    assert "seed 7: coverage: planted" in result.stderr
    assert "1 of " in result.stderr
    found = re.search(r"replay: lastword (.*)", result.stderr)
    assert found is not None
    assert re.search(r"--duration 10000000us .*--only-faults \d+$", found[1])
    again = simulate(*shlex.split(found[1])[1:])
    assert again.exit_code == 1
    assert "seed 7: coverage: planted" in again.stderr


def test_a_failed_seed_of_a_campaign_replays_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def mutant(_self: Coverage, _store: object) -> None:
        raise Violated("coverage", "planted")

    monkeypatch.setattr(Coverage, "check_all", mutant)
    result = simulate("--seeds", "1", "--first-seed", "9", "--jobs", "1", "--shrink", "0s")
    assert result.exit_code == 1
    assert re.search(r"replay: lastword simulate --seeds 1 --first-seed 9 --only-f", result.stderr)


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_a_plot_is_written(tmp_path: Path, suffix: str) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / f"run.{suffix}"
    assert simulate(*SMALL, "--plot", str(path)).exit_code == 0
    assert path.read_bytes().startswith(b"<?xml" if suffix == "svg" else b"\x89PNG")
