"""What the documents must mention, and nothing that does not exist any more."""

import re
from pathlib import Path

import pytest
from typer.main import get_command

from lastword import errors
from lastword.api.resp.table import Table
from lastword.cli.main import app

ROOT = Path(__file__).parent.parent
REFERENCE = (ROOT / "docs" / "REFERENCE.md").read_text()
HEADINGS = [line for line in REFERENCE.splitlines() if line.startswith("### ")]


def _serve_options() -> list[list[str]]:
    command = get_command(app)
    serve = command.commands["serve"]  # type: ignore[attr-defined]  # a group, though typed as a command
    return [parameter.opts for parameter in serve.params if "--help" not in parameter.opts]


def _error_classes(base: type[errors.LastwordError]) -> list[type[errors.LastwordError]]:
    return [base, *(found for sub in base.__subclasses__() for found in _error_classes(sub))]


@pytest.mark.parametrize("names", _serve_options(), ids=lambda names: names[-1])
def test_every_option_of_serve_has_its_heading(names: list[str]) -> None:
    assert any(all(f"`{name}`" in heading for name in names) for heading in HEADINGS)


@pytest.mark.parametrize("found", _error_classes(errors.LastwordError), ids=lambda e: e.__name__)
def test_every_error_code_is_listed(found: type[errors.LastwordError]) -> None:
    assert f"| `{found.code}` |" in REFERENCE


def test_every_error_is_drawn_in_the_tree() -> None:
    assert errors.__doc__ is not None
    drawn = set(re.findall(r"[├└]── (\w+)", errors.__doc__)) | {"LastwordError"}
    assert drawn == {found.__name__ for found in _error_classes(errors.LastwordError)}


def test_every_status_and_exit_code_is_the_one_that_is_documented() -> None:
    rows = re.findall(r"\| `(\w+)` \| *(\d*) *\| *(\d*) *\|", REFERENCE)
    documented = {code: (status, exit_code) for code, status, exit_code in rows}
    for found, status in errors.HTTP_STATUS.items():
        assert documented[found.code][0] == str(status)
    for found, exit_code in errors.EXIT_CODE.items():
        assert documented[found.code][1] == str(exit_code)


def test_every_redis_command_is_listed_and_every_listed_one_exists() -> None:
    table = Table(allow_flush=True)
    rows = re.search(r"\| sets \| SADD.*?\n\n", REFERENCE, re.DOTALL)
    assert rows is not None
    listed = set(re.findall(r"[A-Z]{2,}", rows[0]))
    commands = {command.name.upper() for command in table.commands}
    subcommands = {sub.decode() for command in table.commands for sub in command.subcommands}
    assert listed | {"SET"} == commands | subcommands


def test_architecture_is_short_enough_to_be_read() -> None:
    assert len((ROOT / "ARCHITECTURE.md").read_text().splitlines()) <= 300


@pytest.mark.parametrize("path", sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]), ids=str)
def test_files_that_documents_name_exist(path: Path) -> None:
    for name in re.findall(r"`((?:src|docs|tests|bench|tools)/[\w./-]+)`", path.read_text()):
        assert (ROOT / name).exists(), name
    for name in re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text()):
        assert (path.parent / name).exists(), name
