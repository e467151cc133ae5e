"""The page of all commands, and the table of all settings, from the options themselves."""

from typing import Any, Final

import typer
from typer.cli import get_docs_for_click
from typer.main import get_command

from lastword.cli.main import app

INTRODUCTION: Final = """\
Every command with its options, as `--help` says them. [REFERENCE.md](../REFERENCE.md) says more of
each: what it costs, and its exit codes.

"""

SETTINGS: Final = """\
# Settings of a node

Each option of `lastword serve`, with the variable of the environment and the key of the TOML file
(`--config`) that say the same. The command line wins over the environment, and that over the file.
[REFERENCE.md](../REFERENCE.md#options-of-lastword-serve) says what each costs to change.

| option | environment | key | default | |
| --- | --- | --- | --- | --- |
"""


def commands_page() -> str:
    """Return what Typer itself writes of the commands."""
    command = get_command(app)
    written = get_docs_for_click(
        obj=command, ctx=typer.Context(command, info_name="lastword"), name="lastword"
    )
    heading, _, rest = _escaped(written).partition("\n")
    return f"{heading}\n\n{INTRODUCTION}{rest}"


def settings_page() -> str:
    """Return the table of what a node is told at its start."""
    rows = [_row(option) for option in serve_options() if not option.hidden and option.envvar]
    return SETTINGS + "\n".join(rows) + "\n"


def serve_options() -> list[Any]:
    """Return the options of `lastword serve`, as Typer knows them."""
    serve = get_command(app).commands["serve"]  # type: ignore[attr-defined]  # a group, see test_docs
    return [option for option in serve.params if "--help" not in option.opts]


def long_name(option: Any) -> str:
    """Return the first long name of an option."""
    name: str = next(name for name in option.opts if name.startswith("--"))
    return name


def _row(option: Any) -> str:
    name = long_name(option)
    names = " ".join(f"`{one}`" for one in option.opts)
    key = name.removeprefix("--")
    default = "" if option.default in (None, "") else f"`{_said(option.default)}`"
    return f"| {names} | `{option.envvar}` | `{key}` | {default} | {_cell(option.help)} |"


def _said(default: Any) -> str:
    """Return a default as one would give it in the TOML file."""
    return str(default).lower() if isinstance(default, bool) else str(default)


def _cell(text: str) -> str:
    return _escaped(text).replace("|", "\\|").replace("\n", " ")


def _escaped(text: str) -> str:
    """Return help as Markdown that shows stars and angles as they are."""
    return text.replace("<", "&lt;").replace("_", "\\_") if "`" not in text else text
