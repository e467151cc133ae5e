"""The wheel and the source archive: both build, and the wheel has what a node needs."""

import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib.metadata import version
from pathlib import Path
from urllib.request import urlopen

import pytest

from tools.processes import Process

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the source archive, and the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("dist")
    command = [
        sys.executable,
        "-m",
        "build",
        "--no-isolation",
        "--outdir",
        str(folder),
        str(ROOT),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=100)
    return folder


@pytest.mark.slow
def test_wheel_and_sdist_hold_the_package(built: Path) -> None:
    wheel, sdist = next(built.glob("*.whl")), next(built.glob("*.tar.gz"))
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
            "mkdocs.yml",
            "docs/tutorial.md",
            "docs/drawings/fence.svg",
            "tests/documents/test_site.py",
            "bench/service/__main__.py",
            "tools/demo/__main__.py",
            ".ci/run",
        }
        assert needed <= found


@pytest.mark.slow
def test_the_wheel_alone_gives_a_node(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "unpacked"
    with zipfile.ZipFile(next(built.glob("*.whl"))) as archive:
        archive.extractall(folder)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    where = "import lastword; print(lastword.__file__)"
    options = ("-m", "lastword", "serve", "-p", "0", "-d", str(tmp_path / "a.db"))
    errors = tmp_path / "stderr"
    with (
        Process(sys.executable, "-c", where, stderr=errors) as told,
        Process(sys.executable, *options, stderr=errors) as node,
    ):
        assert Path(told.read_line()).is_relative_to(folder)
        found = re.fullmatch(r"lastword (\S+) serves (http://\S+) on .*", node.read_line())
        assert found is not None
        with urlopen(f"{found[2]}/", timeout=10) as answer:
            assert version("lastword") == found[1]
            assert found[1] in answer.read().decode()


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
