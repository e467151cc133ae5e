"""The wheel and the source archive: both build, and the wheel has what a node needs."""

import subprocess
import sys
import tarfile
import zipfile
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
    page = {
        f"lastword/api/page/{path.name}"
        for path in (ROOT / "src/lastword/api/page").iterdir()
        if path.suffix in {".html", ".css", ".js", ".svg"}
    }
    assert len(page) > 10
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        entry_points = next(name for name in names if name.endswith("entry_points.txt"))
        assert modules | page | {"lastword/py.typed"} <= names
        assert b"lastword = lastword.__main__:main" in archive.read(entry_points)
    with tarfile.open(sdist) as archive:
        found = {name.partition("/")[2] for name in archive.getnames()}
        assert {f"src/{name}" for name in page} <= found
        needed = {"README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "LICENSE", "pyproject.toml"}
        needed |= {
            "constraints.txt",
            "Makefile",
            "bench/service/__main__.py",
            "tools/demo/__main__.py",
            ".ci/run",
        }
        assert needed <= found


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
