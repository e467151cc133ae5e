"""What the documents must mention, and nothing that does not exist any more."""

import re
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from lastword import errors
from lastword.api.resp.table import Table
from lastword.cli.main import app
from tools.site.commands import long_name, serve_options

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


SECTIONS = dict(
    re.findall(r"^### ([^\n]+)\n\n(.+?)(?=^##|\Z)", REFERENCE, re.MULTILINE | re.DOTALL)
)


def _section_of(option: Any) -> str:
    name = f"`{long_name(option)}`"
    found: str = next(text for head, text in SECTIONS.items() if name in head)
    return found


@pytest.mark.parametrize("option", serve_options(), ids=long_name)
def test_an_option_has_the_variable_and_the_default_that_its_section_says(option: Any) -> None:
    said = re.sub(r"\s+", " ", _section_of(option))
    assert f"`{option.envvar}`" in said
    if option.hidden:
        return
    default = re.search(r"default `?([^\s`;:]*[^\s`;:,.])", said)
    assert default is not None
    if isinstance(option.default, bool) or option.default is None:
        assert default[1] in {"off", "none", "the"}, "off, none, the system's"
    else:
        assert _plain(default[1], said) == _plain(str(option.default), "")


def _plain(number: str, said: str) -> str:
    """Return a default without what only makes it readable: 64 MiB and 67108864 are the same."""
    units = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
    unit = re.search(rf"default {re.escape(number)} (KiB|MiB|GiB)", said)
    try:
        return f"{float(number.replace(',', '')) * (units[unit[1]] if unit else 1):g}"
    except ValueError:
        return number


def test_figures_of_the_readme_are_those_that_were_measured() -> None:
    readme, _, rest = (ROOT / "README.md").read_text().partition("## Figures")
    assert rest, readme
    measured = (ROOT / "docs" / "PERFORMANCE.md").read_text()
    figures = re.findall(r"\d+,\d{3}(?= a second| elements| \|)", rest.partition("\n## ")[0])
    assert len(figures) >= 6
    assert [figure for figure in figures if figure not in measured] == []


def test_architecture_is_short_enough_to_be_read() -> None:
    assert len((ROOT / "ARCHITECTURE.md").read_text().splitlines()) <= 300


@pytest.mark.parametrize("path", sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]), ids=str)
def test_files_that_documents_name_exist(path: Path) -> None:
    for name in re.findall(r"`((?:src|docs|tests|bench|tools)/[\w./-]+)`", path.read_text()):
        assert (ROOT / name).exists(), name
    for name in re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text()):
        assert (path.parent / name).exists(), name
