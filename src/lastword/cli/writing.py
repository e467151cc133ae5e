"""`lastword add` and `remove`: elements into a set, and out of it, in bulks."""

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from io import BytesIO
from typing import Annotated, Final, TextIO, cast

import msgspec
import typer

from lastword.cli.addresses import Addresses, AsJson, client_of
from lastword.cli.elements import Base64, Form, Nul, Read1, given_elements
from lastword.cli.ending import ending
from lastword.cli.reading import Name
from lastword.cli.screen import Gauge, gauge, say, say_json
from lastword.client.caller import Steps
from lastword.client.client import Client
from lastword.client.lists import named_lists
from lastword.client.paths import set_path
from lastword.client.requests import Request
from lastword.client.set_calls import slices
from lastword.client.text import escaped, shown_time
from lastword.crdt.stamp import checked_time
from lastword.errors import ConfigError, GhostElements, InvalidTime, LastwordError

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Ghosts(StrEnum):
    """What becomes of elements that may have been removed long ago."""

    REMOVE = "remove"
    READD = "readd"


Elements = Annotated[
    list[str] | None,
    typer.Argument(metavar="ELEMENT", help="Without any: standard input, one a line."),
]
Time = Annotated[
    str | None,
    typer.Option(
        "--time",
        metavar="TIME",
        help="A time of your own: microseconds since 1970, or 2026-11-28T15:00:00Z.",
    ),
]


class Written(msgspec.Struct, omit_defaults=True):
    """What `--json` says of a write; `time` is the smallest that it got."""

    set: str
    time: int | None
    added: int | None = None
    removed: int | None = None


@dataclass(slots=True)
class Writing:
    """A write of elements to one set, of which some stand already."""

    set_name: str
    removes: bool
    time: int | None
    ghosts: Ghosts | None
    done: int = 0
    smallest: int | None = None

    @property
    def verb(self) -> str:
        """What is done to elements."""
        return "removed" if self.removes else "added"

    def write(self, client: Client, elements: list[bytes]) -> Steps[None]:
        """Write elements at once."""
        name = "remove" if self.removes else "add"
        body = msgspec.json.encode(named_lists(name, elements))
        query = "" if self.time is None else f"time={self.time}"
        query += "" if self.ghosts is None else f"&ghosts={self.ghosts}"
        request = Request(
            "PATCH",
            set_path(self.set_name),
            query,
            body,
            writes=True,
            gets_time=self.time is None,
        )
        time = yield from client.caller.write(request)
        self.smallest = time if self.smallest is None else min(self.smallest, time)
        self.done += len(elements)

    def stands(self, error: LastwordError) -> LastwordError:
        """Return an error with what was done before it."""
        if isinstance(error, GhostElements):
            hint = "With --ghosts=remove they are left out, with --ghosts=readd added as of now."
            return error.reworded(f"{error}{self._before()}", hint=hint)
        return error.reworded(f"{error}{self._before()}")

    def _before(self) -> str:
        return f"; {self.done:,} elements before are {self.verb}" if self.done else ""

    def said(self) -> Written:
        """Return what became of it."""
        counts = {self.verb: self.done}
        return Written(self.set_name, self.smallest, **counts)


def add(
    set_name: Name,
    elements: Elements = None,
    *,
    addresses: Addresses = None,
    time: Time = None,
    ghosts: Annotated[
        Ghosts | None,
        typer.Option(
            help="With --time: elements that may have been removed long ago are left out, or "
            "added as of now. Without it they are refused."
        ),
    ] = None,
    nul: Nul = False,
    base64: Base64 = False,
    as_json: AsJson = False,
) -> None:
    """Add elements to a set: those that are named, or else those of standard input, one a line.

    Up to 10,000 go at once, and those are atomic. It may be repeated. Exit code 0. 1: a node
    refused it; the message says how many stand. 2: an option or an element is wrong. 5: no node
    answered. 6: elements may have been removed long ago.
    """
    with ending(as_json):
        if ghosts is not None and time is None:
            raise ConfigError(
                "--ghosts is for elements with a time of their own", hint="Say --time as well."
            )
        writing = Writing(set_name, False, _time(time), ghosts)
        _write(writing, elements, Form(nul, base64), addresses, as_json=as_json)


def remove(
    set_name: Name,
    elements: Elements = None,
    *,
    addresses: Addresses = None,
    time: Time = None,
    nul: Nul = False,
    base64: Base64 = False,
    as_json: AsJson = False,
) -> None:
    """Remove elements from a set: those that are named, or else those of standard input.

    Whether they are in it or not: where they are added elsewhere at an earlier time, they are
    removed there, too. Exit code 0. 1: a node refused it; the message says how many stand. 2: an
    option or an element is wrong. 5: no node answered.
    """
    with ending(as_json):
        writing = Writing(set_name, True, _time(time), None)
        _write(writing, elements, Form(nul, base64), addresses, as_json=as_json)


def _write(
    writing: Writing,
    arguments: list[str] | None,
    form: Form,
    addresses: list[str] | None,
    *,
    as_json: bool,
) -> None:
    with _input(arguments) as file, client_of(addresses) as client:
        try:
            with gauge(writing.verb) as shown:
                shown.expect(file.total)
                _write_slices(writing, client, given_elements(arguments, form, file), shown, file)
        except LastwordError as error:
            raise writing.stands(error) from error
    if as_json:
        say_json(writing.said())
        return
    side = "from" if writing.removes else "to"
    at = "" if writing.smallest is None else f" at {shown_time(writing.smallest)}"
    name = escaped(writing.set_name.encode())
    counted = "element" if writing.done == 1 else "elements"
    say(f"{writing.done:,} {counted} {writing.verb} {side} {name}{at}")


def _write_slices(
    writing: Writing, client: Client, elements: Iterator[bytes], shown: Gauge, file: "_Counted"
) -> None:
    size = 0
    for part in slices(elements):
        client.run(writing.write(client, part))
        size += sum(map(len, part))
        shown.at(elements=writing.done, size=size, done=file.read)


class _Counted:
    """Standard input, and how much of it was read; `total` is None where nobody can tell."""

    def __init__(self, file: Read1, total: int | None) -> None:
        self._file = file
        self.total = total
        self.read = 0

    def read1(self, size: int, /) -> bytes:
        """Return some bytes, at most `size`; none at the end."""
        data = self._file.read1(size)
        self.read += len(data)
        return data


@contextmanager
def _input(arguments: list[str] | None) -> Iterator[_Counted]:
    """Give standard input; raise ConfigError where someone sits there and nothing was named."""
    if arguments:
        yield _Counted(BytesIO(), None)
        return
    given: TextIO | None = sys.stdin  # whatever its type says: a shell may close it
    if given is None or given.isatty():
        raise ConfigError(
            "no element is named",
            hint="Name some behind the set, or pipe them in, one a line.",
        )
    found = os.fstat(given.fileno())
    total = found.st_size if stat.S_ISREG(found.st_mode) else None
    yield _Counted(cast("Read1", given.buffer), total)


def _time(text: str | None) -> int | None:
    """Return the microseconds since 1970 that a time says; raise ConfigError for none."""
    if text is None:
        return None
    try:
        if text.isascii() and text.isdigit():
            return checked_time(int(text[:30]))
        moment = datetime.fromisoformat(text)
        aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        return checked_time((aware - EPOCH) // timedelta(microseconds=1))
    except (ValueError, InvalidTime):
        raise ConfigError(
            f"--time is no time: {escaped(text[:60].encode(errors='replace'))}",
            hint="Say microseconds since 1970, or a time such as 2026-11-28T15:00:00Z.",
        ) from None
