"""The one table of commands: what is called by name, and what COMMAND tells of."""

from dataclasses import replace

from lastword.api.resp import (
    documentation,
    hello,
    keys,
    server_commands,
    sets,
    transactions,
)
from lastword.api.resp.command import Command, text
from lastword.api.resp.reader import Arguments
from lastword.api.resp.replies import Status
from lastword.errors import InvalidCommand

SHOWN_BYTES_MAX = 128
"""Of an unknown command and of its arguments together an error shows so much, as Redis does."""


class Table:
    """All commands of one server, by their names in any case."""

    def __init__(self, *, allow_flush: bool) -> None:
        commands = (
            *sets.COMMANDS,
            *keys.COMMANDS,
            *(keys.FLUSHES if allow_flush else ()),
            *hello.COMMANDS,
            *server_commands.COMMANDS,
            *documentation.commands(self),
            *transactions.commands(self.find),
        )
        self.commands: tuple[Command, ...] = tuple(map(_with_help, commands))
        self._named = {command.name.encode(): command for command in self.commands}
        self._named |= {name.upper(): command for name, command in self._named.items()}

    def find(self, arguments: Arguments) -> Command:
        """Return what `arguments` call; raise InvalidCommand if nothing can be called so."""
        name = arguments[0]
        command = self._named.get(name) or self._named.get(name.upper())
        if command is None:
            raise _unknown(arguments)
        if command.subcommands and len(arguments) > 1:
            found = command.subcommands.get(arguments[1].upper())
            if found is None:
                raise InvalidCommand(
                    f"unknown subcommand '{_shown(arguments[1])}'. "
                    f"Try {command.name.upper()} HELP."
                )
            command = found
        command.check_arity(arguments)
        return command

    def named(self, name: bytes) -> Command | None:
        """Return the command of a name, where `a|b` is a subcommand, or None."""
        first, _, second = name.upper().partition(b"|")
        command = self._named.get(first)
        return command.subcommands.get(second) if command and second else command


def _with_help(command: Command) -> Command:
    """Return the command with a subcommand that tells of the others, if it has any."""
    if not command.subcommands:
        return command
    name = command.name.upper()
    lines = [f"{name} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"]
    for word, sub in command.subcommands.items():
        lines += [word.decode(), f"    {sub.summary}"]
    lines += ["HELP", "    Prints this help."]
    help_ = Command(
        f"{command.name}|help",
        2,
        f"Tells of the subcommands of {name}.",
        "5.0.0",
        command.group,
        flags=("loading", "stale"),
        local=lambda _, __: list(map(Status, lines)),
    )
    return replace(command, subcommands={**command.subcommands, b"HELP": help_})


def _unknown(arguments: Arguments) -> InvalidCommand:
    shown = ""
    for argument in arguments[1:]:
        room = SHOWN_BYTES_MAX - len(shown.encode("utf-8", "surrogateescape"))
        if room <= 0:
            break
        shown += f"'{_shown(argument, room)}' "
    name = _shown(arguments[0])
    return InvalidCommand(f"unknown command '{name}', with args beginning with: {shown}")


def _shown(argument: bytes, most: int = SHOWN_BYTES_MAX) -> str:
    """Return the begin of an argument, as Redis shows it: up to a NUL."""
    return text(argument[:most].partition(b"\0")[0])
