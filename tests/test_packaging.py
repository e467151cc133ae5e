"""The wheel and the source archive: both build, and the wheel has what a node needs."""

import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.slow
def test_wheel_and_sdist_build_and_hold_the_package(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "build",
        "--no-isolation",
        "--outdir",
        str(tmp_path),
        str(ROOT),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=100)
    wheel, sdist = next(tmp_path.glob("*.whl")), next(tmp_path.glob("*.tar.gz"))
    modules = {
        f"lastword/{path.relative_to(ROOT / 'src/lastword')}"
        for path in (ROOT / "src/lastword").rglob("*.py")
    }
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        entry_points = next(name for name in names if name.endswith("entry_points.txt"))
        assert modules | {"lastword/py.typed"} <= names
        assert b"lastword = lastword.__main__:main" in archive.read(entry_points)
    with tarfile.open(sdist) as archive:
        found = {name.partition("/")[2] for name in archive.getnames()}
        needed = {"README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "LICENSE", "pyproject.toml"}
        needed |= {
            "constraints.txt",
            "Makefile",
            "mkdocs.yml",
            "docs/tutorial.md",
            "docs/drawings/fence.svg",
            "tests/documents/test_site.py",
            "bench/service/__main__.py",
            "tools/demo/__main__.py",
            ".ci/run",
        }
        assert needed <= found


def test_the_version_stands_in_one_place() -> None:
    told = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert version("lastword") == told
    for path in sorted((ROOT / "src").rglob("*.py")):
        assert f'"{told}"' not in path.read_text(), path


def test_the_package_is_a_command_too() -> None:
    command = [sys.executable, "-m", "lastword", "--version"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=30)
    assert re.fullmatch(rf"lastword {re.escape(version('lastword'))}\n", done.stdout)


def test_importing_the_library_brings_in_no_server() -> None:
    code = (
        "import sys, lastword; lastword.LWWSet();"
        "bad = {'apsw', 'aiohttp', 'uvloop', 'httptools', 'typer', 'asyncio'} & set(sys.modules);"
        "assert not bad, bad"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)


def test_no_file_names_a_package_index() -> None:
    for name in ("constraints.txt", "pyproject.toml", "Makefile", ".ci/run"):
        text = (ROOT / name).read_text()
        assert "index-url" not in text
        assert "pypi" not in text.lower()
