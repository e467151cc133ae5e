"""`lastword doctor`: what is wrong with a node or its cluster, and what to do about it."""

import asyncio
from base64 import b64decode
from typing import Annotated, Final

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lastword.address import checked_address
from lastword.cli.examination import Examination, examine
from lastword.cli.findings import Finding, findings
from lastword.cli.reach import node_at
from lastword.client.clock import ClockReport, FutureEntry
from lastword.client.text import printable, shown_element
from lastword.errors import ConfigError, LastwordError, Unreachable

STYLES: Final = {"ok": "green", "look": "yellow", "wrong": "bold red"}


class Report(msgspec.Struct):
    """What was found: clocks, elements with future times, and a finding for each thing."""

    clock: ClockReport
    listed: list[FutureEntry]
    future: int
    looked_at: int
    findings: list[Finding]

    @classmethod
    def of(cls, found: Examination) -> "Report":
        """Return the report of an examination."""
        future = found.future
        return cls(found.clock, future.listed, future.count, future.looked_at, findings(found))

    @property
    def are_well(self) -> bool:
        """Whether nothing is wrong; what is worth a look is not."""
        return all(finding.level != "wrong" for finding in self.findings)


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
    """Examine a node: its clock, disk, members, replication, tombstones, limits and settings.

    For each it says whether it is ok, worth a look, or wrong, and what to do. Elements whose
    times are more than a minute ahead win over all that is written elsewhere until then: --remove
    or --add settles one, since a write on a node that holds it gets a time just above.
    Exit code 0: nothing is wrong, or the write was done. 1: something is. 2: an option is wrong.
    5: no answer.
    """
    checked_address(address)
    if remove and add:
        raise ConfigError("--remove and --add are given, and one element is settled at a time")
    try:
        if (name := remove or add) is not None:
            time = asyncio.run(_settle(address, name, removed=remove is not None))
            _say_settled(name, time, removed=remove is not None, as_json=as_json)
            return
        report = Report.of(asyncio.run(examine(address)))
    except LastwordError as error:  # exit code 1 says that something is wrong
        raise Unreachable(printable(str(error)), hint=error.hint) from error
    if as_json:
        typer.echo(msgspec.json.encode(report))
    else:
        _show(address, report)
    if not report.are_well:
        raise typer.Exit(1)


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


def _show(address: str, report: Report) -> None:
    # What strangers wrote may look like the markup of Rich.
    console = Console(soft_wrap=True, markup=False, emoji=False, highlight=False)
    clock = report.clock
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
    seen = f"{report.future:,} of {report.looked_at:,} elements have future times"
    console.print(seen)
    if report.listed:
        console.print(_future_table(report.listed))
    for finding in report.findings:
        line = Text(f"{finding.level:5}", style=STYLES[finding.level])
        console.print(line.append(f"  {finding.area:11}  {finding.what}", style="default"))
        if finding.do:
            console.print(f"       {'':11}  → {finding.do}")


def _future_table(listed: list[FutureEntry]) -> Table:
    table = Table("set", "element", "state", "ahead, s")
    for entry in listed:
        raw = b64decode(entry.element_base64 or "")
        element = raw if entry.element is None else entry.element.encode(errors="replace")
        state = "removed" if entry.removed else "present"
        ahead = f"{entry.ahead_us / 1e6:,.0f}"
        table.add_row(printable(entry.set), shown_element(element), state, ahead)
    return table
