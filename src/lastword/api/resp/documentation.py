"""COMMAND: the facts of all commands, from the same table that they are called by."""

from collections.abc import Iterable
from functools import partial
from typing import Any, Protocol

from lastword.access.glob import matcher
from lastword.api.resp.command import Command, Keys, by_subcommand, text
from lastword.api.resp.reader import Arguments
from lastword.api.resp.replies import Status
from lastword.api.resp.session import Session
from lastword.errors import InvalidCommand


class Catalogue(Protocol):
    """All commands, and each by its name."""

    commands: tuple[Command, ...]

    def named(self, name: bytes) -> Command | None:
        """Return the command of a name, where `a|b` is a subcommand, or None."""


_GROUP_CATEGORY = {
    "set": "@set",
    "generic": "@keyspace",
    "connection": "@connection",
    "transactions": "@transaction",
}


def command_all(catalogue: Catalogue, _: Session, __: Arguments) -> list[Any]:
    """COMMAND."""
    return [_facts(command) for command in list(catalogue.commands)]


def count(catalogue: Catalogue, _: Session, __: Arguments) -> int:
    """COMMAND COUNT."""
    return len(list(catalogue.commands))


def info(catalogue: Catalogue, session: Session, arguments: Arguments) -> list[Any]:
    """COMMAND INFO [name [name ...]]."""
    if len(arguments) == 2:
        return command_all(catalogue, session, arguments)
    found = [catalogue.named(name) for name in arguments[2:]]
    return [command and _facts(command) for command in found]


def docs(catalogue: Catalogue, _: Session, arguments: Arguments) -> dict[str, Any]:
    """COMMAND DOCS [name [name ...]]."""
    commands: Iterable[Command | None] = list(catalogue.commands)
    if len(arguments) > 2:
        commands = [catalogue.named(name) for name in arguments[2:]]
    return {command.name: _docs(command) for command in commands if command is not None}


def list_(catalogue: Catalogue, _: Session, arguments: Arguments) -> list[bytes]:
    """COMMAND LIST [FILTERBY MODULE name | ACLCAT category | PATTERN pattern]."""
    commands = list(catalogue.commands)
    match [word.upper() for word in arguments[2:4]]:
        case []:
            pass
        case [b"FILTERBY", b"MODULE"] if len(arguments) == 5:
            commands = []
        case [b"FILTERBY", b"ACLCAT"] if len(arguments) == 5:
            category = "@" + text(arguments[4]).lower()
            commands = [command for command in commands if category in _categories(command)]
        case [b"FILTERBY", b"PATTERN"] if len(arguments) == 5:
            matches = matcher(arguments[4].lower())
            commands = [command for command in commands if matches(command.name.encode())]
        case _:
            raise InvalidCommand("syntax error")
    return [command.name.encode() for command in commands]


def getkeys(catalogue: Catalogue, _: Session, arguments: Arguments) -> list[bytes]:
    """COMMAND GETKEYS name [argument ...]."""
    return [key for key, _ in _keys(catalogue, arguments[2:])]


def getkeysandflags(catalogue: Catalogue, _: Session, arguments: Arguments) -> list[Any]:
    """COMMAND GETKEYSANDFLAGS name [argument ...]."""
    return [[key, [Status(flag)]] for key, flag in _keys(catalogue, arguments[2:])]


def _keys(catalogue: Catalogue, called: Arguments) -> list[tuple[bytes, str]]:
    command = catalogue.named(called[0])
    if command is None:
        raise InvalidCommand("Invalid command specified")
    if not command.keys.first:
        raise InvalidCommand("The command has no key arguments")
    try:
        command.check_arity(called)
        keys = command.keys.of(called)
    except (InvalidCommand, ValueError):
        raise InvalidCommand("Invalid number of arguments specified for command") from None
    if not keys:
        raise InvalidCommand("Invalid arguments specified for command")
    return [(key, "RO" if "readonly" in command.flags else "RW") for key in keys]


def _facts(command: Command) -> list[Any]:
    """Return the ten facts that clients know a command by."""
    keys = Keys() if command.keys.counted else command.keys
    return [
        command.name.encode(),
        command.arity,
        frozenset(map(Status, command.flags)),
        keys.first,
        keys.last,
        keys.step if keys.first else 0,
        frozenset(map(Status, _categories(command))),
        frozenset(),
        _key_specs(command),
        [_facts(sub) for sub in command.subcommands.values()],
    ]


def _categories(command: Command) -> list[str]:
    found = {"write": "@write", "readonly": "@read", "admin": "@admin"}
    categories = [category for flag, category in found.items() if flag in command.flags]
    if command.group in _GROUP_CATEGORY:
        categories.append(_GROUP_CATEGORY[command.group])
    return [*categories, "@fast" if "fast" in command.flags else "@slow"]


def _key_specs(command: Command) -> list[Any]:
    """Return where keys stand, in the form that Redis has had since version 7."""
    keys = command.keys
    if not keys.first:
        return []
    if keys.counted:
        search = {"keynumidx": 0, "firstkey": 1, "keystep": 1}
        begin, find = keys.first - 1, {"type": b"keynum", "spec": search}
    else:
        last = keys.last if keys.last < 0 else keys.last - keys.first
        begin = keys.first
        find = {"type": b"range", "spec": {"lastkey": last, "keystep": keys.step, "limit": 0}}
    return [
        {
            "flags": frozenset([Status("RO" if "readonly" in command.flags else "RW")]),
            "begin_search": {"type": b"index", "spec": {"index": begin}},
            "find_keys": find,
        }
    ]


def _docs(command: Command) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "summary": command.summary,
        "since": command.since,
        "group": command.group,
        "complexity": command.complexity,
    }
    if command.subcommands:
        facts["subcommands"] = {sub.name: _docs(sub) for sub in command.subcommands.values()}
    return facts


_FLAGS = ("loading", "stale")
_SERVER = "server"


def commands(catalogue: Catalogue) -> tuple[Command, ...]:
    """Return COMMAND and what belongs to it, over `catalogue`."""
    return (
        Command(
            "command", -1, "Returns facts of all commands.", "2.8.13", _SERVER,
            "O(N), N the commands", _FLAGS,
            local=partial(command_all, catalogue), subcommands=_subcommands(catalogue),
        ),
    )  # fmt: skip


def _subcommands(catalogue: Catalogue) -> dict[bytes, Command]:
    return by_subcommand(
        Command(
            "command|count", 2, "Returns how many commands there are.", "2.8.13", _SERVER,
            flags=_FLAGS,
            local=partial(count, catalogue),
        ),
        Command(
            "command|info", -2, "Returns facts of commands.", "2.8.13", _SERVER,
            "O(N), N the commands", _FLAGS,
            local=partial(info, catalogue),
        ),
        Command(
            "command|docs", -2, "Returns what commands are for.", "7.0.0", _SERVER,
            "O(N), N the commands", _FLAGS,
            local=partial(docs, catalogue),
        ),
        Command(
            "command|list", -2, "Returns the names of commands.", "7.0.0", _SERVER,
            "O(N), N the commands", _FLAGS,
            local=partial(list_, catalogue),
        ),
        Command(
            "command|getkeys", -3, "Returns the keys in a command.", "2.8.13", _SERVER,
            "O(N), N the arguments", _FLAGS,
            local=partial(getkeys, catalogue),
        ),
        Command(
            "command|getkeysandflags", -3, "Returns the keys in a command, with their use.",
            "7.0.0", _SERVER, "O(N), N the arguments", _FLAGS,
            local=partial(getkeysandflags, catalogue),
        ),
    )  # fmt: skip
