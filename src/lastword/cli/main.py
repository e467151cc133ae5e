"""The command `lastword`. Errors of ours end it with one clear line and their exit code."""

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from lastword.cli import monkey
from lastword.cli.serve import serve
from lastword.cli.simulate import simulate
from lastword.errors import LastwordError, exit_code

app = typer.Typer(
    name="lastword",
    help="A leaderless, replicated store of sets: every node takes writes, every copy agrees.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(serve)
app.command()(simulate)
app.add_typer(monkey.app, name="monkey")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"lastword {version('lastword')}")
        raise typer.Exit


@app.callback()
def _options(
    _: Annotated[
        bool,
        typer.Option(
            "--version",
            is_eager=True,
            callback=_show_version,
            help="Print the version and exit.",
        ),
    ] = False,
) -> None:
    """Take the options that stand before a command."""


def main() -> None:
    """Run the command."""
    try:
        app()
    except LastwordError as error:
        typer.echo(f"lastword: {error}. {error.hint}", err=True)
        sys.exit(exit_code(error))
