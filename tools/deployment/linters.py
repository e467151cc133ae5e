"""Each file of deploy/ is given to the tool that knows its format."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
DEPLOY: Final = ROOT / "deploy"
BIN: Final = Path(sys.executable).parent

EXPOSURE_MAX: Final = 20
"""Of a hundred, by `systemd-analyze security`; a unit without any hardening has 96."""


def lint_all() -> Iterator[str]:
    """Yield what each tool found, once it found nothing; raise CalledProcessError otherwise."""
    yield _run("hadolint", BIN / "hadolint", DEPLOY / "Dockerfile")
    schema = ("--builtin-schema", "vendor.compose-spec")
    yield _run("compose", BIN / "check-jsonschema", *schema, DEPLOY / "compose" / "compose.yaml")
    ansible = DEPLOY / "ansible"
    strict = ("--offline", "--profile", "production", "-q", ".")
    yield _run("ansible-lint", BIN / "ansible-lint", *strict, folder=ansible)
    for play in ("playbook.yml", "restart.yml"):
        syntax = ("-i", "inventory.example.yml", "--syntax-check", play)
        yield _run(play, BIN / "ansible-playbook", *syntax, folder=ansible)
    yield from _unit()


def _unit() -> Iterator[str]:
    """Check the unit; what it starts need not be on this machine."""
    if shutil.which("systemd-analyze") is None:
        yield "systemd-analyze: not on this machine, so the unit was not checked"
        return
    with tempfile.TemporaryDirectory() as folder:
        unit = Path(folder) / "lastword.service"
        text = (DEPLOY / "systemd" / "lastword.service").read_text()
        unit.write_text(text.replace("/opt/lastword/bin/lastword", sys.executable))
        yield _run("systemd-analyze verify", "systemd-analyze", "verify", unit)
        limit = f"--threshold={EXPOSURE_MAX}"
        security = ("security", "--no-pager", "--offline=yes", limit, unit)
        yield _run("systemd-analyze security", "systemd-analyze", *security)


def _run(name: str, *command: str | Path, folder: Path = ROOT) -> str:
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        print(done.stdout + done.stderr, file=sys.stderr)
        done.check_returncode()
    return f"{name}: nothing found"
