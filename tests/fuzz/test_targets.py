"""Every target of the fuzzer holds for some hundred inputs, the same ones each time."""

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tools.fuzz.targets import TARGETS

RUNS = 500
ROOT = Path(__file__).parents[2]


def played(tmp_path: Path, *options: str) -> str:
    """Fuzz every target in a process of its own, so that nothing else is instrumented."""
    command = [
        *(sys.executable, "-m", "tools.fuzz.one", *TARGETS, f"--runs={RUNS}", "--seed=1"),
        *(f"--findings={tmp_path}", f"--scratch={tmp_path / 'scratch'}", *options),
    ]
    ended = subprocess.run(
        command,
        cwd=ROOT,
        check=False,
        timeout=250,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    assert ended.returncode == 0, "\n".join(ended.stdout.splitlines()[-60:])
    return ended.stdout


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("options", [(), ("--plain",)], ids=["guided", "plain"])
def test_every_decoder_holds(tmp_path: Path, options: tuple[str, ...]) -> None:
    said = played(tmp_path, *options)
    units = re.findall(r"stat::number_of_executed_units: (\d+)", said)
    assert units == [str(RUNS)] * len(TARGETS)
    is_guided = not options and find_spec("atheris") is not None
    assert said.count("INITED cov:") == len(TARGETS) * is_guided
