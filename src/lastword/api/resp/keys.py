"""The commands on the names of sets."""

from random import Random
from typing import Any

from lastword.access.glob import matcher
from lastword.access.rights import Right
from lastword.api.resp.command import ALL_KEYS, ONE_KEY, Command, Keys, Reading, Reply
from lastword.api.resp.deleting import delete, flush_all
from lastword.api.resp.names import checked_key
from lastword.api.resp.operations import Delete, Flush, Rename
from lastword.api.resp.reader import Arguments
from lastword.api.resp.replies import Status
from lastword.api.resp.scans import scan
from lastword.api.resp.view import View
from lastword.errors import InvalidCommand


def del_(arguments: Arguments, _: Random) -> Delete:
    """DEL key [key ...]."""
    return Delete(tuple(map(checked_key, arguments[1:])))


def flush(arguments: Arguments, _: Random) -> Flush:
    """FLUSHALL [ASYNC | SYNC]."""
    options = [word.upper() for word in arguments[1:]]
    if options not in ([], [b"ASYNC"], [b"SYNC"]):
        raise InvalidCommand("syntax error")
    return Flush()


def rename(arguments: Arguments, _: Random) -> Rename:
    """RENAME key newkey."""
    return Rename(checked_key(arguments[1]), checked_key(arguments[2]))


def exists(arguments: Arguments) -> Reading:
    """EXISTS key [key ...]."""
    names = list(map(checked_key, arguments[1:]))
    return Reading(lambda view, _: sum(view.totals(name).present > 0 for name in names))


def type_(arguments: Arguments) -> Reading:
    """TYPE key."""
    name = checked_key(arguments[1])
    return Reading(lambda view, _: Status("set" if view.totals(name).present else "none"))


def keys(arguments: Arguments) -> Reading:
    """KEYS pattern."""
    matches = matcher(arguments[1])

    def run(view: View, reply: Reply) -> Any:
        gathered = reply.gathered()
        gathered.add([name for name in view.names() if matches(name)])
        return gathered

    return Reading(run, all_names=True)


def dbsize(_: Arguments) -> Reading:
    """DBSIZE."""
    return Reading(lambda view, _: len(view.names()), all_names=True)


def randomkey(_: Arguments) -> Reading:
    """RANDOMKEY."""

    def run(view: View, reply: Reply) -> bytes | None:
        names = view.names()
        return reply.rng.choice(names) if names else None

    return Reading(run, all_names=True)


_FLUSH = "O(N), N the members of all sets"

COMMANDS = (
    Command(
        "del", -2, "Deletes sets: removes all their members.", "1.0.0", "generic",
        "O(N), N the members", ("write",), ALL_KEYS, write=del_, large=delete,
    ),
    Command(
        "unlink", -2, "Deletes sets, as DEL does.", "4.0.0", "generic", "O(N), N the members",
        ("write", "fast"), ALL_KEYS, write=del_, large=delete,
    ),
    Command(
        "rename", 3, "Gives a set another name.", "1.0.0", "generic", "O(N), N the members",
        ("write",), Keys(1, 2), write=rename,
    ),
    Command(
        "exists", -2, "Returns how many of the named sets exist.", "1.0.0", "generic",
        "O(1) for each name", ("readonly", "fast"), ALL_KEYS, read=exists,
    ),
    Command(
        "type", 2, "Tells whether a set exists.", "1.0.0", "generic", "O(1)",
        ("readonly", "fast"), ONE_KEY, read=type_,
    ),
    Command(
        "keys", 2, "Returns the names that match a pattern.", "1.0.0", "generic",
        "O(N), N the sets", ("readonly",), read=keys,
    ),
    Command(
        "scan", -2, "Returns some names, and where to go on.", "2.8.0", "generic",
        "O(1) for each call, O(N) for all N names", ("readonly",), read=scan,
    ),
    Command(
        "dbsize", 1, "Returns how many sets there are.", "1.0.0", "server", "O(N), N the sets",
        ("readonly", "fast"), read=dbsize,
    ),
    Command(
        "randomkey", 1, "Returns a name at random.", "1.0.0", "generic", "O(N), N the sets",
        ("readonly",), read=randomkey,
    ),
)  # fmt: skip

FLUSHES = tuple(
    Command(
        name, -1, "Deletes all sets.", "1.0.0", "server", _FLUSH, ("write",),
        write=flush, large=flush_all, needs=Right.ADMIN,
    )
    for name in ("flushdb", "flushall")
)  # fmt: skip
"""With `--allow-flush` only."""
