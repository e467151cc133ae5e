"""What a command is: its facts, as COMMAND tells them, and what does it."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple

from lastword.access.rights import Right
from lastword.api.resp.reader import Arguments
from lastword.api.resp.replies import Gathered
from lastword.api.resp.service import Service
from lastword.api.resp.session import Session
from lastword.api.resp.view import View
from lastword.errors import InvalidCommand
from lastword.store.transaction import Operation


class Keys(NamedTuple):
    """Which arguments name sets: from `first` to `last`, which may count from the end.

    With `counted` the argument before `first` says how many there are.
    """

    first: int = 0
    last: int = 0
    step: int = 1
    counted: bool = False

    def of(self, arguments: Arguments) -> list[bytes]:
        """Return the keys among the arguments."""
        if not self.first:
            return []
        if self.counted:
            count = int(arguments[self.first - 1])
            return arguments[self.first : self.first + count]
        last = self.last if self.last >= 0 else len(arguments) + self.last
        return arguments[self.first : last + 1 : self.step]


NO_KEYS = Keys()
ONE_KEY = Keys(1, 1)
ALL_KEYS = Keys(1, -1)


@dataclass(slots=True)
class Reply:
    """What a read may use for its reply: chance, and so many bytes."""

    rng: Random
    bytes_max: int

    def gathered(self, *, is_set: bool = False) -> Gathered:
        """Return a place for members."""
        return Gathered(self.bytes_max, is_set=is_set)


class Reading(NamedTuple):
    """A read that was checked: what does it, and how much it may look at.

    That is so many `rows`, all rows of the sets `names`, or all names of sets.
    """

    run: Callable[[View, Reply], Any]
    names: Sequence[bytes] = ()
    rows: int = 0
    all_names: bool = False


Write = Callable[[Arguments, Random], Operation[Any]]
Read = Callable[[Arguments], Reading]
Large = Callable[[Service, Operation[Any]], Callable[[], Coroutine[Any, Any, Any]] | None]
Local = Callable[[Session, Arguments], Any]


@dataclass(frozen=True, slots=True)
class Command:
    """A command. Exactly one of `write`, `read`, `local` and `subcommands` does it.

    `arity` counts the name; a negative one is the fewest. `write` makes an operation, `read` a
    reading; `local` is about the connection or the node, and is run on the event loop. With
    `at_once` it is not queued by MULTI. `large` may take a write over that one transaction could
    not hold: then it returns how. `needs` is the right for all sets that it takes beside those for
    the sets that it names; with `reads_rest` it writes to the first of these only.
    """

    name: str
    arity: int
    summary: str
    since: str
    group: str
    complexity: str = "O(1)"
    flags: tuple[str, ...] = ()
    keys: Keys = NO_KEYS
    write: Write | None = None
    read: Read | None = None
    local: Local | None = None
    large: Large | None = None
    at_once: bool = False
    needs: Right = Right.NONE
    reads_rest: bool = False
    subcommands: Mapping[bytes, "Command"] = field(default_factory=dict)

    def keys_of(self, arguments: Arguments) -> list[bytes]:
        """Return the sets that a call names; none where they are counted wrongly."""
        try:
            return self.keys.of(arguments)
        except ValueError:
            return []

    def check_arity(self, arguments: Arguments) -> None:
        """Raise InvalidCommand where there are too many or too few arguments."""
        count = len(arguments)
        if count != self.arity if self.arity >= 0 else count < -self.arity:
            raise InvalidCommand(f"wrong number of arguments for '{self.name}' command")


def text(argument: bytes) -> str:
    """Return an argument as text for a message; the bytes come back when it is encoded."""
    return argument.decode("utf-8", "surrogateescape")


INTEGER_ERROR = "value is not an integer or out of range"


def integer(argument: bytes, message: str = INTEGER_ERROR) -> int:
    """Return a signed 64-bit integer as Redis reads it; raise InvalidCommand if it is none."""
    digits = argument.removeprefix(b"-")
    well_formed = digits.isdigit() and (digits[0] != ord("0") or argument == b"0")
    if not well_formed or len(digits) > 19 or not -(1 << 63) <= int(argument) < 1 << 63:
        raise InvalidCommand(message)
    return int(argument)


def by_subcommand(*commands: Command) -> dict[bytes, Command]:
    """Return commands, named `command|subcommand`, by their subcommands in upper case."""
    return {command.name.partition("|")[2].upper().encode(): command for command in commands}
