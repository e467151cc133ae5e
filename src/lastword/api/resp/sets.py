"""The commands on sets."""

from collections.abc import Sequence
from functools import partial
from itertools import islice
from random import Random
from typing import Any

from lastword.api.resp.algebra import (
    Combine,
    cardinality,
    difference,
    intersection,
    union,
)
from lastword.api.resp.chance import draws, sample
from lastword.api.resp.command import (
    ALL_KEYS,
    ONE_KEY,
    Command,
    Keys,
    Reading,
    Reply,
    integer,
)
from lastword.api.resp.names import checked_key, checked_members
from lastword.api.resp.operations import Add, Move, Pop, Remove, Store, check_count
from lastword.api.resp.reader import Arguments
from lastword.api.resp.scans import sscan
from lastword.api.resp.view import ROWS_ATOMIC_MAX, View
from lastword.errors import InvalidCommand

COUNT_MAX = (1 << 63) - 1
DRAWN_AT_ONCE = 1_000


def sadd(arguments: Arguments, _: Random) -> Add:
    """SADD key member [member ...]."""
    check_count(arguments, ROWS_ATOMIC_MAX + 2)
    return Add(checked_key(arguments[1]), checked_members(arguments[2:]))


def srem(arguments: Arguments, _: Random) -> Remove:
    """SREM key member [member ...]."""
    check_count(arguments, ROWS_ATOMIC_MAX + 2)
    return Remove(checked_key(arguments[1]), checked_members(arguments[2:]))


def spop(arguments: Arguments, rng: Random) -> Pop:
    """SPOP key [count]."""
    count = None
    if len(arguments) > 2:
        _check_last(arguments, 3)
        message = "value is out of range, must be positive"
        count = integer(arguments[2], message)
        if count < 0:
            raise InvalidCommand(message)
    return Pop(checked_key(arguments[1]), count, rng.getrandbits(63))


def smove(arguments: Arguments, _: Random) -> Move:
    """SMOVE source destination member."""
    source, destination = map(checked_key, arguments[1:3])
    return Move(source, destination, checked_members(arguments[3:])[0])


def _store(combine: Combine, arguments: Arguments, _: Random) -> Store:
    destination, *sources = map(checked_key, arguments[1:])
    return Store(destination, combine, tuple(sources))


def sismember(arguments: Arguments) -> Reading:
    """SISMEMBER key member."""
    name, member = checked_key(arguments[1]), arguments[2]
    return Reading(lambda view, _: int(view.contains_each(name, [member])[0]))


def smismember(arguments: Arguments) -> Reading:
    """SMISMEMBER key member [member ...]."""
    name, members = checked_key(arguments[1]), arguments[2:]
    return Reading(
        lambda view, _: list(map(int, view.contains_each(name, members))), rows=len(members)
    )


def scard(arguments: Arguments) -> Reading:
    """SCARD key."""
    name = checked_key(arguments[1])
    return Reading(lambda view, _: view.totals(name).present)


def smembers(arguments: Arguments) -> Reading:
    """SMEMBERS key."""
    return _combined(union, arguments)


def _combined(combine: Combine, arguments: Arguments) -> Reading:
    names = list(map(checked_key, arguments[1:]))

    def run(view: View, reply: Reply) -> Any:
        gathered = reply.gathered(is_set=True)
        for chunk in combine(view, names):
            gathered.add(chunk)
        return gathered

    return Reading(run, names)


def sintercard(arguments: Arguments) -> Reading:
    """SINTERCARD numkeys key [key ...] [LIMIT limit]."""
    count = integer(arguments[1], "numkeys should be greater than 0")
    if count <= 0:
        raise InvalidCommand("numkeys should be greater than 0")
    if count > len(arguments) - 2:
        raise InvalidCommand("Number of keys can't be greater than number of args")
    names = list(map(checked_key, arguments[2 : 2 + count]))
    limit = _limit(arguments[2 + count :])
    return Reading(lambda view, _: cardinality(intersection(view, names), limit), names)


def _limit(options: Sequence[bytes]) -> int:
    limit = 0
    while options:
        if options[0].upper() != b"LIMIT" or len(options) < 2:
            raise InvalidCommand("syntax error")
        message = "LIMIT can't be negative"
        limit = integer(options[1], message)
        if limit < 0:
            raise InvalidCommand(message)
        options = options[2:]
    return limit


def srandmember(arguments: Arguments) -> Reading:
    """SRANDMEMBER key [count]."""
    name = checked_key(arguments[1])
    if len(arguments) == 2:
        return Reading(partial(_one_member, name), [name])
    _check_last(arguments, 3)
    count = integer(arguments[2])
    if not -COUNT_MAX <= count <= COUNT_MAX:
        raise InvalidCommand(
            f"value is out of range, value must between -{COUNT_MAX} and {COUNT_MAX}"
        )
    return Reading(partial(_some_members, name, count), [name], rows=max(-count, 0))


def _one_member(name: bytes, view: View, reply: Reply) -> bytes | None:
    return next(draws(view, name, reply.rng), None) if view.totals(name).present else None


def _some_members(name: bytes, count: int, view: View, reply: Reply) -> Any:
    """Return `count` different members, or for a negative one so many that may be the same."""
    gathered = reply.gathered()
    if count >= 0:
        gathered.add(sample(view, name, count, reply.rng))
    elif view.totals(name).present:
        drawn = draws(view, name, reply.rng)
        for start in range(0, -count, DRAWN_AT_ONCE):
            some = list(islice(drawn, min(DRAWN_AT_ONCE, -count - start)))
            view.spend(len(some), sum(map(len, some)))
            gathered.add(some)
    return gathered


def _check_last(arguments: Arguments, count: int) -> None:
    if len(arguments) > count:
        raise InvalidCommand("syntax error")


_PAIR = Keys(1, 2)
_SOURCES = "O(N), N the members of all sources"

COMMANDS = (
    Command(
        "sadd", -3, "Adds members to a set.", "1.0.0", "set", "O(1) for each member",
        ("write", "denyoom", "fast"), ONE_KEY, write=sadd,
    ),
    Command(
        "srem", -3, "Removes members from a set.", "1.0.0", "set", "O(1) for each member",
        ("write", "fast"), ONE_KEY, write=srem,
    ),
    Command(
        "spop", -2, "Removes members at random and returns them.", "1.0.0", "set",
        "O(1) for each member", ("write", "fast"), ONE_KEY, write=spop,
    ),
    Command(
        "smove", 4, "Moves a member from one set to another.", "1.0.0", "set", "O(1)",
        ("write", "fast"), _PAIR, write=smove,
    ),
    Command(
        "sinterstore", -3, "Stores what is in all of the sets.", "1.0.0", "set",
        "O(N*M), N the members of the smallest of M sets",
        ("write", "denyoom"), ALL_KEYS, write=partial(_store, intersection),
        reads_rest=True,
    ),
    Command(
        "sunionstore", -3, "Stores what is in any of the sets.", "1.0.0", "set", _SOURCES,
        ("write", "denyoom"), ALL_KEYS, write=partial(_store, union),
        reads_rest=True,
    ),
    Command(
        "sdiffstore", -3, "Stores what is in the first set and in none of the others.", "1.0.0",
        "set", _SOURCES, ("write", "denyoom"), ALL_KEYS, write=partial(_store, difference),
        reads_rest=True,
    ),
    Command(
        "sismember", 3, "Tells whether a member is in a set.", "1.0.0", "set", "O(1)",
        ("readonly", "fast"), ONE_KEY, read=sismember,
    ),
    Command(
        "smismember", -3, "Tells for each member whether it is in a set.", "6.2.0", "set",
        "O(1) for each member", ("readonly", "fast"), ONE_KEY, read=smismember,
    ),
    Command(
        "scard", 2, "Returns how many members a set has.", "1.0.0", "set", "O(1)",
        ("readonly", "fast"), ONE_KEY, read=scard,
    ),
    Command(
        "smembers", 2, "Returns all members of a set.", "1.0.0", "set", "O(N), N the members",
        ("readonly",), ONE_KEY, read=smembers,
    ),
    Command(
        "sscan", -3, "Returns some members of a set, and where to go on.", "2.8.0", "set",
        "O(1) for each call, O(N) for all N members", ("readonly",), ONE_KEY, read=sscan,
    ),
    Command(
        "srandmember", -2, "Returns members of a set at random.", "1.0.0", "set",
        "O(1) for each member", ("readonly",), ONE_KEY, read=srandmember,
    ),
    Command(
        "sinter", -2, "Returns what is in all of the sets.", "1.0.0", "set",
        "O(N*M), N the members of the smallest of M sets", ("readonly",), ALL_KEYS,
        read=partial(_combined, intersection),
    ),
    Command(
        "sintercard", -3, "Returns how many members are in all of the sets.", "7.0.0", "set",
        "O(N*M), N the members of the smallest of M sets", ("readonly", "movablekeys"),
        Keys(2, 0, counted=True), read=sintercard,
    ),
    Command(
        "sunion", -2, "Returns what is in any of the sets.", "1.0.0", "set", _SOURCES,
        ("readonly",), ALL_KEYS, read=partial(_combined, union),
    ),
    Command(
        "sdiff", -2, "Returns what is in the first set and in none of the others.", "1.0.0",
        "set", _SOURCES, ("readonly",), ALL_KEYS, read=partial(_combined, difference),
    ),
)  # fmt: skip
