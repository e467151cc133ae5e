"""`lastword get`, `members` and `sets`: what is in sets, and which there are."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from itertools import islice
from typing import Annotated

import msgspec
import typer

from lastword.cli.addresses import Addresses, AsJson, client_of, one_of
from lastword.cli.completion import set_names
from lastword.cli.elements import (
    Base64,
    Form,
    Nul,
    argument_bytes,
    element_fields,
    shown_lines,
)
from lastword.cli.ending import ending, one_says_no
from lastword.cli.reach import node_at
from lastword.cli.screen import lines, say, say_json, table
from lastword.client.client import Client
from lastword.client.set_calls import PAGE_ELEMENTS, SetCalls
from lastword.client.text import escaped, shown_time
from lastword.crdt.stamp import is_removed, time_of
from lastword.errors import ConfigError

Name = Annotated[
    str, typer.Argument(metavar="SET", help="The set's name.", autocompletion=set_names)
]
Prefix = Annotated[str, typer.Option("--prefix", metavar="TEXT", help="Only what begins so.")]
Limit = Annotated[int | None, typer.Option("--limit", min=0, help="So many at the most.")]


def get(
    set_name: Name,
    element: Annotated[
        str | None, typer.Argument(metavar="ELEMENT", help="Without it: the whole state.")
    ] = None,
    addresses: Addresses = None,
    base64: Base64 = False,
    as_json: AsJson = False,
) -> None:
    """Say whether an element is in a set; or show the state of all, removed ones too.

    Exit code 0: it is in the set, or the set holds something. 1: it is not, or it holds nothing.
    2: an option is wrong. 5: no node answered, or it refused.
    """
    with ending(as_json), one_says_no():
        form = Form(base64=base64)
        if element is None:
            found = _print_state(set_name, one_of(addresses), form, as_json=as_json)
        else:
            key = form.given(argument_bytes(element), 1)
            with client_of(addresses) as client:
                found = client.run(SetCalls(client.caller, set_name).contains(key))
            if as_json:
                say_json({"set": set_name, **element_fields(key), "present": found})
            else:
                say("true" if found else "false")
    if not found:
        raise typer.Exit(1)


def members(
    set_name: Name,
    *,
    prefix: Prefix = "",
    limit: Limit = None,
    count: Annotated[bool, typer.Option("--count", help="Say only how many there are.")] = False,
    addresses: Addresses = None,
    nul: Nul = False,
    base64: Base64 = False,
    as_json: AsJson = False,
) -> None:
    """List the elements that are in a set, one a line, as they come.

    The order says nothing. What cannot be printed is escaped; -0 and --base64 give all bytes. Exit
    code 0. 1: a node refused it. 2: an option is wrong. 5: no node answered.
    """
    with ending(as_json), client_of(addresses) as client:
        form = Form(nul, base64)
        calls = SetCalls(client.caller, set_name)
        if count:
            _check_count(prefix, limit)
            _print_count(set_name, client, calls, as_json=as_json)
            return
        found = islice(_members(client, calls, argument_bytes(prefix), limit), limit)
        if as_json:
            lines(msgspec.json.encode(element_fields(element)) for element in found)
        else:
            form.check_output()
            lines(shown_lines(found, form), form.end)


def sets(
    prefix: Prefix = "",
    limit: Limit = None,
    addresses: Addresses = None,
    as_json: AsJson = False,
) -> None:
    """List the sets, with how many elements are in each, and how many removed ones it holds.

    Reserved sets are left out. Exit code 0. 1: a node refused it. 2: an option is wrong. 5: no
    node answered.
    """
    with ending(as_json), client_of(addresses) as client:
        found = islice(client.sets(prefix), limit)
        if as_json:
            lines(map(msgspec.json.encode, found))
            return
        table(
            ("set", ">present", ">tombstones"),
            ((escaped(one.name.encode()), str(one.present), str(one.tombstones)) for one in found),
        )


def _check_count(prefix: str, limit: int | None) -> None:
    if prefix or limit is not None:
        raise ConfigError(
            "--count counts the whole set", hint="Pipe the members into wc -l to count some."
        )


def _print_count(set_name: str, client: Client, calls: SetCalls, *, as_json: bool) -> None:
    counts = client.run(calls.counts())
    if as_json:
        present, tombstones = counts.present, counts.tombstones
        say_json({"set": set_name, "present": present, "tombstones": tombstones})
    else:
        say(str(counts.present))


def _members(client: Client, calls: SetCalls, prefix: bytes, limit: int | None) -> Iterator[bytes]:
    after: str | None = ""
    size = PAGE_ELEMENTS if limit is None else max(1, min(limit, PAGE_ELEMENTS))
    while after is not None:
        page = client.run(calls.page(after, prefix, size))
        yield from page.elements
        after = page.after


def _print_state(set_name: str, address: str, form: Form, *, as_json: bool) -> bool:
    """Print the entries of a set as they arrive; return whether there are any."""
    on_terminal = sys.stdout.isatty()

    def line(element: bytes, stamp: int) -> bytes:
        present, time = not is_removed(stamp), time_of(stamp)
        if as_json:
            fields = element_fields(element)
            return msgspec.json.encode({**fields, "present": present, "time": time})
        state = "added" if present else "removed"
        if on_terminal:
            return f"{state:8}{shown_time(time)}  ".encode() + form.shown(element)
        return f"{state}\t{time}\t".encode() + form.shown(element)

    async def print_all() -> bool:
        found = False
        async for part in _entries(address, set_name):
            found = found or bool(part)
            lines(line(*entry) for entry in part)
        return found

    return asyncio.run(print_all())


async def _entries(address: str, set_name: str) -> AsyncIterator[list[tuple[bytes, int]]]:
    async with node_at(address) as node:
        async for part in node.entries(set_name):
            yield part
