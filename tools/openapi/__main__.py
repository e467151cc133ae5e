"""`python -m tools.openapi [--examples 100] [--seed 1]`: a node, and schemathesis upon it.

All checks are on; hooks.py and schemathesis.toml say what a schema cannot. Exit code 0: the node
does what its document says, and the document says what the node does.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from tools.processes import NodeProcess

HERE: Final = Path(__file__).parent
PHASES: Final = "examples,coverage,fuzzing"
"""Not the stateful one: it follows links, and the document has none."""


def main() -> int:
    """Play all; return what schemathesis returns."""
    parser = argparse.ArgumentParser(prog="python -m tools.openapi", description=__doc__)
    parser.add_argument("--examples", type=int, default=100, help="of each call (default 100)")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="lastword-openapi-") as folder,
        NodeProcess(Path(folder) / "a.db") as node,
    ):
        return _played(f"http://{node.address}/_/openapi.json", Path(folder), options)


def _played(document: str, folder: Path, options: argparse.Namespace) -> int:
    command = [
        *(str(Path(sys.executable).with_name("st")), "--no-color"),
        *("--config-file", str(HERE / "schemathesis.toml"), "run", document),
        *("--phases", PHASES, "--seed", str(options.seed)),
        *("--max-examples", str(options.examples), "--continue-on-failure"),
    ]
    hooks = {"SCHEMATHESIS_HOOKS": "tools.openapi.hooks", "PYTHONPATH": str(HERE.parents[1])}
    environment = {**os.environ, **hooks}
    return subprocess.run(command, check=False, cwd=folder, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
