"""`lastword explain`: why an element is in a set or not, and whether all members say so."""

import asyncio
from base64 import b64decode
from collections.abc import Iterator
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from lastword.address import checked_address, is_address
from lastword.cli.reach import node_at
from lastword.client.explanation import Explanation, Lost, Taker
from lastword.client.text import printable, shown_element, shown_span, shown_time
from lastword.errors import LastwordError, Unreachable


class Said(msgspec.Struct, rename="camel", omit_defaults=True):
    """What one node says, or why it says nothing."""

    address: str
    explanation: Explanation | None = None
    error: str | None = None


class Explained(msgspec.Struct, rename="camel"):
    """What all nodes say; they agree where those that answer hold the same state."""

    agree: bool
    nodes: list[Said]

    @classmethod
    def of(cls, nodes: list[Said]) -> "Explained":
        """Return it, with whether they agree."""
        states = {(at.explanation.state, at.explanation.time) for at in nodes if at.explanation}
        return cls(len(states) <= 1, nodes)


def explain(
    address: Annotated[str, typer.Argument(metavar="HOST:PORT", help="The node to ask first.")],
    set_name: Annotated[str, typer.Argument(metavar="SET", help="The set.")],
    element: Annotated[str, typer.Argument(metavar="ELEMENT", help="The element, as text.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say why an element is in a set or is not: who wrote it when, and what it won against.

    The other members are asked, too. Exit code 0: all that answer hold the same. 1: they differ,
    as they do for a moment after a write. 2: an option is wrong. 5: the first node did not answer.
    """
    checked_address(address)
    try:
        found = asyncio.run(_ask_all(address, set_name, element.encode(errors="surrogateescape")))
    except LastwordError as error:  # exit code 1 says that nodes differ, and nothing else
        raise Unreachable(printable(str(error)), hint=error.hint) from error
    if as_json:
        typer.echo(msgspec.json.encode(found))
    else:
        _show(found)
    if not found.agree:
        raise typer.Exit(1)


async def _ask_all(address: str, set_name: str, element: bytes) -> Explained:
    async with node_at(address) as node:
        first = await node.explain(set_name, element)
    others = [at.address for at in first.members if is_address(at.address)]
    said = await asyncio.gather(*(_ask(other, set_name, element) for other in others))
    return Explained.of([Said(address, first), *said])


async def _ask(address: str, set_name: str, element: bytes) -> Said:
    try:
        async with node_at(address) as node:
            return Said(address, await node.explain(set_name, element))
    except LastwordError as error:
        return Said(address, error=printable(str(error)))


def _show(found: Explained) -> None:
    # What strangers wrote may look like the markup of Rich.
    console = Console(soft_wrap=True, markup=False, emoji=False, highlight=False)
    first = found.nodes[0].explanation
    assert first is not None, "the first node answered"  # noqa: S101 - our own fault
    _show_one(console, first)
    if len(found.nodes) > 1:
        if console.is_terminal:
            console.print(_table(found, first))
        else:
            for row in _rows(found, first):
                console.print("  ".join(filter(None, row)))
        agree = "all that answer agree" if found.agree else "they do not agree"
        console.print(f"{agree}; what each says of why: lastword explain MEMBER ...")
    console.print(printable_sentence(first.why))


def printable_sentence(text: str) -> str:
    """Return a sentence of another program's, whole, in printable characters only."""
    return "".join(char if char.isprintable() else "?" for char in text)


def _show_one(console: Console, said: Explanation) -> None:
    raw = b64decode(said.element_base64 or "")
    if said.element is not None:
        raw = said.element.encode(errors="replace")
    console.print(f"{printable(said.set)} / {shown_element(raw)}: {said.state}")
    if said.time is not None:
        console.print(f"  time      {said.time} ({said.time_text})")
        console.print(f"  taken by  {_taker(said.taken_by)}")
    if said.dot is not None:
        console.print(f"  write     {said.dot.number} of run {said.dot.run}")
    if said.learned is not None:
        times = [
            "?" if at is None else shown_time(at) for at in (said.learned.from_, said.learned.to)
        ]
        console.print(f"  learned   between {' and '.join(times)}")
    for what, losts in (("replaced", said.superseded), ("refused", said.refused)):
        for lost in losts:
            console.print(f"  {what:8}  {_lost(lost)}")
    console.print(f"  what lost is remembered since {shown_time(said.remembered_since)}")


def _lost(lost: Lost) -> str:
    by = "a client's own time" if lost.taken_by is None else _taker(lost.taken_by)
    return f"{lost.state} {lost.time} ({lost.time_text}), {by}; at {shown_time(lost.at)}"


def _taker(taker: Taker | None) -> str:
    if taker is None:
        return ""
    where = "address not known here" if taker.address is None else printable(taker.address)
    return f"{where} (this node)" if taker.this_node else where


def _table(found: Explained, first: Explanation) -> Table:
    table = Table("node", "says", "time", "taken by", "known to have it", "heard")
    for row in _rows(found, first):
        table.add_row(*row)
    return table


def _rows(found: Explained, first: Explanation) -> Iterator[tuple[str, ...]]:
    """Yield what each node says, and what the first knows of it."""
    known = {at.address: at for at in first.members}
    for said in found.nodes:
        it, holder = said.explanation, known.get(said.address)
        has = "" if holder is None else "yes" if holder.has else "not known"
        heard = "" if holder is None or holder.heard is None else f"{shown_span(holder.heard)} ago"
        if it is None:
            row = (f"no answer: {said.error}", "", "")
        else:
            row = (it.state, str(it.time_text or ""), _taker(it.taken_by))
        yield printable(said.address), *row, has, heard
