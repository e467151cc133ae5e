"""Where skips are counted, only those that are allowed by name pass."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = """
import pytest

@pytest.fixture
def skipping():
    pytest.skip("from its fixture")

def test_in_itself(): pytest.skip("in itself")

@pytest.mark.skipif(True, reason="by a mark")
def test_by_a_mark(): ...

def test_from_its_fixture(skipping): ...

@pytest.mark.parametrize("n", [1, 2])
def test_of_two(n): pytest.skip("both")

@pytest.mark.xfail(reason="known", strict=True)
def test_that_is_known_to_fail(): assert False
"""

pytestmark = pytest.mark.slow


def outcome(folder: Path, source: str, allowed: str | None) -> str:
    """Return the last line of a run of `source` under the rules of this project."""
    (folder / "test_it.py").write_text(source)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    environment.pop("SKIPS_ALLOWED", None)
    if allowed is not None:
        environment["SKIPS_ALLOWED"] = allowed
    command = (sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest", "-p", "no:randomly")
    ended = subprocess.run(
        [*command, "--rootdir", str(folder), "test_it.py"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return ended.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    ("allowed", "outcomes"),
    [
        (None, "5 skipped, 1 xfailed in"),
        ("", "3 failed, 1 xfailed, 2 errors in"),  # an error is in setup
        (
            "test_it.py::test_of_two\ntest_it.py::test_by_*",
            "1 failed, 3 skipped, 1 xfailed, 1 error in",
        ),
    ],
)
def test_only_skips_that_are_named_pass(
    tmp_path: Path, allowed: str | None, outcomes: str
) -> None:
    assert outcome(tmp_path, TESTS, allowed).startswith(outcomes)


def test_a_file_is_not_skipped_in_silence(tmp_path: Path) -> None:
    source = 'import pytest\npytest.importorskip("no_such_module")\n'
    assert outcome(tmp_path, source, None).startswith("1 skipped in")
    assert outcome(tmp_path, source, "").startswith("1 error in")
