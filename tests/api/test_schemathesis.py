"""The node does what its document says, whatever is asked: by schemathesis, over the wire."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = os.environ.get("OPENAPI_EXAMPLES", "15")
"""Of each call, beside those at every bound of its schema."""


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_check_of_schemathesis_passes() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "tools.openapi", "--examples", EXAMPLES],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
        timeout=590,
    )
    assert ended.returncode == 0, ended.stdout[-10_000:] + ended.stderr[-2_000:]
    selected = re.search(r"Selected: (\d+)", ended.stdout)
    assert selected is not None
    assert int(selected[1]) >= 60, "its document has more operations"
    assert "Stateful (disabled)" in ended.stdout
