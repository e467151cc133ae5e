"""How commands stand in the help, and how every one of them ends.

On a terminal Rich draws the help. Piped it is plain, and commands stand in the same groups. An
error in usage is one line, as any error is. Whoever reads our output may go away, as `head` does.
"""

import os
import shutil
import sys
from typing import Any, Final

import typer
from typer.core import TyperGroup

from lastword.client.text import printable

PIPE_CLOSED: Final = 141
"""The exit code where nobody reads on, as shells have it: 128 and the number of SIGPIPE."""

USAGE: Final = 2

RICH_COLUMNS: Final = 60
"""On a narrower terminal Rich's tables cut off the names of options."""

NOT_USED_RIGHT: Final[type[Exception]] = typer.BadParameter.__mro__[1]
"""The class of errors in usage: Typer gives it no public name of its own."""


class Commands(TyperGroup):
    """A group of commands whose plain help has the groups that Rich's panels have."""

    def format_commands(self, ctx: typer.Context, formatter: Any) -> None:  # type: ignore[override]
        """Write the commands, group by group."""
        found = {name: self.get_command(ctx, name) for name in self.list_commands(ctx)}
        groups: dict[str, list[tuple[str, str]]] = {}
        for name, command in found.items():
            if command is not None and not command.hidden:
                panel = getattr(command, "rich_help_panel", None) or "Commands"
                groups.setdefault(panel, []).append((name, command.get_short_help_str(60)))
        for panel, rows in groups.items():
            with formatter.section(panel):
                formatter.write_dl(rows, col_max=12)

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        """Run a command; end quietly where nobody reads what it prints."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            # The interpreter flushes at its end, and must not fail then.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(PIPE_CLOSED) from None
        return result


def markup() -> Any:
    """Return how help is drawn: by Rich where there is room for its columns, else plain."""
    wide = shutil.get_terminal_size().columns >= RICH_COLUMNS
    return "rich" if wide and sys.stdout.isatty() else None


def unwrapped(text: str | None) -> str:
    """Return a docstring with a line for each paragraph: where lines end the terminal says."""
    return "\n\n".join(" ".join(part.split()) for part in (text or "").split("\n\n"))


def say_usage(error: Any) -> None:
    """Say what is wrong with how a command was called, and where to look."""
    context = error.ctx
    if context is not None and type(error).__name__ == "NoArgsIsHelpError":
        typer.echo(context.get_help(), err=True)
        return
    path = "lastword" if context is None else context.command_path
    message = printable(error.format_message()).rstrip(".?")
    end = "?" if error.format_message().endswith("?") else "."
    typer.echo(f"lastword: {message}{end} {path} --help has more.", err=True)
