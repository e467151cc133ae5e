"""`lastword watch`: what changes in sets, as it comes."""

import sys
from collections.abc import Iterator
from typing import Annotated, Any, Final

import msgspec
import typer

from lastword.cli.addresses import Addresses, AsJson, client_of
from lastword.cli.completion import set_names
from lastword.cli.elements import argument_bytes, element_fields
from lastword.cli.ending import ending
from lastword.cli.screen import lines, say
from lastword.client.kinds import BYTES
from lastword.client.text import escaped, printable, shown_time
from lastword.client.watching import Event, Watching
from lastword.errors import ConfigError

REASONS: Final = {
    "collected": "a removed element may have been forgotten since",
    "other_file": "the cursor is of another node, or of another file",
    "slow": "this reader did not keep up",
    "damaged": "the node cannot read its log",
}
"""What the reasons of resets mean; docs/WATCH.md."""

SIGNS: Final = {"add": "+", "remove": "-", "collect": "·"}


def watch(
    set_name: Annotated[
        str | None,
        typer.Argument(metavar="SET", help="The set.", autocompletion=set_names),
    ] = None,
    *,
    prefix: Annotated[
        str | None,
        typer.Option("--prefix", metavar="TEXT", help="All sets that begin so; '' is all."),
    ] = None,
    after: Annotated[
        str | None,
        typer.Option(
            "--after",
            metavar="CURSOR",
            help="Go on behind a cursor that was told; 0 begins with the newest state of all.",
        ),
    ] = None,
    addresses: Addresses = None,
    as_json: AsJson = False,
) -> None:
    """Print what changes in a set, or in several, as it comes, until Ctrl-C.

    A node that goes away is waited for, or the next is asked; nothing is missed without a word.
    Exit code 130: ended by Ctrl-C. 1: a node refused it. 2: an option is wrong. 5: no node
    answered for half a minute.
    """
    with ending(as_json), client_of(addresses) as client:
        if (set_name is None) == (prefix is None):
            raise ConfigError("a set, or --prefix, is to be named", hint="Give one of the two.")
        watching = Watching(set_name, BYTES, after, prefix=argument_bytes(prefix or ""))
        _print(client.stream(watching), set_name, as_json=as_json)


def _print(events: Iterator[Event[bytes]], set_name: str | None, *, as_json: bool) -> None:
    cursor = ""
    try:
        for event in events:
            line = _json(event) if as_json else _line(event, set_name)
            if line is not None:
                lines([line])
            if not as_json:
                _tell(event)
            cursor = event.cursor
    except KeyboardInterrupt:
        if cursor and sys.stderr.isatty():
            say(f"\n--after {printable(cursor)} goes on from here", err=True)
        raise


def _json(event: Event[bytes]) -> bytes:
    told: dict[str, Any] = {"event": event.kind}
    if event.element is not None:
        told |= {"set": event.set, **element_fields(event.element), "time": event.time}
    if event.kind == "reset":
        told["reason"] = event.reason
    return msgspec.json.encode({**told, "cursor": event.cursor})


def _line(event: Event[bytes], set_name: str | None) -> bytes | None:
    """Return what is printed of a change: on a terminal for people, else fields and tabs."""
    if event.element is None:
        return None
    name, element = escaped((event.set or set_name or "").encode()), escaped(event.element)
    time = event.time or 0
    if not sys.stdout.isatty():
        return "\t".join((event.kind, name, str(time), element, event.cursor)).encode()
    of_set = f"{name}  " if set_name is None else ""
    return f"{shown_time(time)}  {SIGNS[event.kind]} {of_set}{element}".encode()


def _tell(event: Event[bytes]) -> None:
    """Say on standard error what is no change."""
    if event.kind == "open" and sys.stderr.isatty():
        say("watching; Ctrl-C ends it", err=True)
    elif event.kind == "reset":
        why = REASONS.get(event.reason, printable(event.reason))
        say(f"what happened before this is not known ({why}): read the set anew", err=True)
