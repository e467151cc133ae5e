"""`lastword doctor`: whether a node's clock is right, and what wrong clocks left behind."""

import asyncio
from base64 import b64decode
from dataclasses import dataclass, field
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from lastword.address import checked_address
from lastword.cli.reach import node_at
from lastword.client.clock import ClockReport, FutureEntry
from lastword.client.text import printable, shown_element
from lastword.errors import ConfigError, LastwordError, Unreachable

LISTED_MAX = 100
"""Elements that are listed; the rest are counted."""


@dataclass(slots=True)
class Findings:
    """What was found: clocks, the first elements with future times, and how many there are."""

    clock: ClockReport
    listed: list[FutureEntry] = field(default_factory=list)
    future: int = 0
    looked_at: int = 0

    @property
    def are_well(self) -> bool:
        """Whether nothing needs to be done."""
        clock = self.clock
        apart_us = max((abs(peer.skew_us) for peer in clock.peers), default=0)
        return not (clock.refuses_writes or self.future or apart_us > clock.max_skew_us)


def doctor(
    address: Annotated[str, typer.Argument(metavar="HOST:PORT", help="The node to examine.")],
    remove: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="SET ELEMENT", help="Remove an element, whatever its time."),
    ] = None,
    add: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="SET ELEMENT", help="Add an element, whatever its time."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show how far a node's clock and its members' are apart, and what wrong clocks left behind.

    Elements whose times are more than a minute ahead win over all that is written elsewhere until
    then. --remove or --add settles one: a write on a node that holds it gets a time just above.
    Exit code 0: all is well, or the write was done. 1: something was found. 5: no answer.
    """
    checked_address(address)
    if remove and add:
        raise ConfigError("--remove and --add are given, and one element is settled at a time")
    try:
        if (name := remove or add) is not None:
            time = asyncio.run(_settle(address, name, removed=remove is not None))
            _say_settled(name, time, removed=remove is not None, as_json=as_json)
            return
        findings = asyncio.run(_examine(address))
    except LastwordError as error:  # exit code 1 says that something was found
        raise Unreachable(printable(str(error)), hint=error.hint) from error
    if as_json:
        typer.echo(msgspec.json.encode(findings))
    else:
        _show(address, findings)
    if not findings.are_well:
        raise typer.Exit(1)


async def _examine(address: str) -> Findings:
    async with node_at(address) as node:
        findings, after = Findings(await node.clock()), ""
        while True:
            page = await node.future(after)
            findings.future += len(page.elements)
            findings.looked_at += page.looked_at
            findings.listed += page.elements[: LISTED_MAX - len(findings.listed)]
            if page.after is None:
                return findings
            if page.after <= after:
                raise Unreachable(f"{address} did not answer as a node does: its pages do not end")
            after = page.after


async def _settle(address: str, name: tuple[str, str], *, removed: bool) -> int:
    set_name, element = name[0], name[1].encode(errors="surrogateescape")
    async with node_at(address) as node:
        return await (node.delete if removed else node.put)(set_name, element)


def _say_settled(name: tuple[str, str], time: int, *, removed: bool, as_json: bool) -> None:
    if as_json:
        typer.echo(msgspec.json.encode({"set": name[0], "removed": removed, "time": time}))
        return
    done = "removed from" if removed else "added to"
    typer.echo(
        f"{printable(name[1])} is {done} {printable(name[0])} at time {time}, "
        "above all that this node held; it spreads from here"
    )


def _show(address: str, findings: Findings) -> None:
    # What strangers wrote may look like the markup of Rich.
    console = Console(soft_wrap=True, markup=False, emoji=False, highlight=False)
    clock = findings.clock
    side = "ahead of" if clock.off_us > 0 else "behind"
    writes = "refuses" if clock.refuses_writes else "takes"
    off = f"{abs(clock.off_us) / 1e6:.3f} s {side} the median of {clock.voices}"
    console.print(f"{address}: clock {off}; {writes} writes of clients")
    if clock.peers:
        table = Table("member", "ahead, s", "round trip, s", "heard, s ago")
        for peer in clock.peers:
            times = (peer.skew_us, peer.round_trip_us, peer.age_us)
            table.add_row(printable(peer.address), *(f"{time / 1e6:.3f}" for time in times))
        console.print(table)
    seen = f"{findings.future:,} of {findings.looked_at:,} elements have future times"
    console.print(seen)
    if findings.listed:
        console.print(_future_table(findings.listed))


def _future_table(listed: list[FutureEntry]) -> Table:
    table = Table("set", "element", "state", "ahead, s")
    for entry in listed:
        raw = b64decode(entry.element_base64 or "")
        element = raw if entry.element is None else entry.element.encode(errors="replace")
        state = "removed" if entry.removed else "present"
        ahead = f"{entry.ahead_us / 1e6:,.0f}"
        table.add_row(printable(entry.set), shown_element(element), state, ahead)
    return table
