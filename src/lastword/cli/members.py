"""`lastword lapse`, `leave` and `rejoin`: what operators decide about members.

Each says what it means before it does anything; what cannot be taken back asks for `--yes`.
"""

import asyncio
import time
from typing import Annotated, Final, NamedTuple

import typer

from lastword.address import checked_address
from lastword.cli.periods import shown
from lastword.cli.reach import node_at
from lastword.cli.verify import compared
from lastword.client.answers import Member, Tombstones
from lastword.client.node import AsyncNode
from lastword.client.text import printable
from lastword.crdt.stamp import is_removed
from lastword.errors import ConfigError, Conflict, Unavailable
from lastword.store.operations import PEERS_SET

AGAIN_S: Final = 0.5
"""Between two questions how far a leave is: others say what they hold once a round."""

COUNTED_SETS_MAX: Final = 100
"""Sets whose states are read to say what a choice costs; of more the rest is not counted."""

Address = Annotated[
    str, typer.Option("-a", "--address", metavar="HOST:PORT", help="The node that does it.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Do it; without this it is only explained.")]


def lapse(
    member: Annotated[str, typer.Argument(metavar="MEMBER", help="The address to unlist.")],
    address: Address = "localhost:3000",
    yes: Yes = False,
) -> None:
    """Unlist a member that is gone, so that collection of tombstones no longer waits for it.

    Exit code 0: it is unlisted. 1: it is no member, or answers. 2: an option is wrong, or --yes
    is not given. 5: the node did not answer.
    """
    checked_address(member)
    asyncio.run(_lapse(member, address, yes=yes))


def leave(
    address: Address = "localhost:3000",
    timeout: Annotated[
        float, typer.Option(metavar="SECONDS", min=0, help="How long others are waited for.")
    ] = 60.0,
) -> None:
    """Let a node hand over what only it has, and unlist it; then it may be stopped.

    It goes on serving. Send its clients elsewhere first: whatever it takes in meanwhile has to be
    handed over, too. Exit code 0: every other member that answers holds all. 1: the time is up, or
    there is nobody to hand over to. 2: an option is wrong. 5: the node did not answer.
    """
    asyncio.run(_leave(address, timeout))


def rejoin(
    source: Annotated[
        str, typer.Option("--from", metavar="HOST:PORT", help="The node whose state is taken.")
    ],
    address: Address = "localhost:3000",
    yes: Yes = False,
) -> None:
    """Let one of two nodes that are behind each other begin afresh as a copy of the other.

    Says first what either choice costs. Exit code 0: the copy has begun; `lastword tombstones`
    shows how far it is. 1: the two are not behind each other. 2: an option is wrong, or --yes is
    not given. 5: a node did not answer.
    """
    checked_address(source)
    asyncio.run(_rejoin(address, source, yes=yes))


async def _lapse(member: str, address: str, *, yes: bool) -> None:
    async with node_at(address) as node:
        found = await _member(node, member)
        if found.answers:
            raise Conflict(
                f"{member} answers {address}",
                hint=f"lastword leave -a {member} lets it hand over what it has, and unlists it.",
            )
        typer.echo(
            f"{member} was silent for {shown(found.silent / 1e6)}. Unlisted, it is waited for no "
            "longer: what was removed is forgotten without it.\n"
            "If it comes back it begins afresh as a copy of another member, and what only it has "
            "is offered to the cluster;\nold adds of it that may have been removed meanwhile are "
            "kept in a file beside its own. If it never does, what only it has is lost."
        )
        _ask_for(yes=yes)
        await node.delete(PEERS_SET.decode(), member.encode())
    typer.echo(f"{member} is unlisted")


async def _leave(address: str, timeout_s: float) -> None:
    deadline_s = time.monotonic() + timeout_s
    told: list[str] | None = None
    async with node_at(address) as node:
        while (left := await node.leave()).waits_for or not left.has_left:
            if left.waits_for != told:
                told = left.waits_for
                typer.echo(f"waits for {', '.join(map(printable, told))}: to hold all that it has")
            if time.monotonic() >= deadline_s:
                state = "It is unlisted" if left.has_left else "It is still a member"
                raise Unavailable(
                    f"{address} has not handed over all within {timeout_s:g} s",
                    hint=f"{state}, and serves. Are its clients elsewhere? Then call it again.",
                )
            await asyncio.sleep(AGAIN_S)
    typer.echo(f"{address} is unlisted, and others hold all that it has: it may be stopped")


async def _rejoin(address: str, source: str, *, yes: bool) -> None:
    async with node_at(address) as node, node_at(source) as other:
        found = await _member(node, source)
        if not found.standing.startswith("behind"):
            raise Conflict(f"{address} is not behind {source}")
        typer.echo(f"{address} and {source}: {printable(found.standing)}")
        for line in _costs(address, source, await _difference(node, other)):
            typer.echo(line)
        _ask_for(yes=yes)
        await node.rejoin(source)
    typer.echo(f"{address} copies {source}, and serves on; lastword tombstones {address} has more")


class Difference(NamedTuple):
    """Entries that one of two nodes lacks, or has at an older time; present ones, and removed.

    `uncounted` are sets that differ and were not looked at.
    """

    present_here: int = 0
    removed_here: int = 0
    present_there: int = 0
    removed_there: int = 0
    uncounted: int = 0


async def _difference(here: AsyncNode, there: AsyncNode) -> Difference:
    names = [name.decode() for name in await compared(here.address, there.address)]
    counts = {(side, removed): 0 for side in (0, 1) for removed in (False, True)}
    for name in names[:COUNTED_SETS_MAX]:
        ours, theirs = await _state(here, name), await _state(there, name)
        for side, (one, two) in enumerate(((ours, theirs), (theirs, ours))):
            for element, stamp in one.items():
                if stamp > two.get(element, -1):
                    counts[side, is_removed(stamp)] += 1
    return Difference(
        present_here=counts[0, False],
        removed_here=counts[0, True],
        present_there=counts[1, False],
        removed_there=counts[1, True],
        uncounted=max(0, len(names) - COUNTED_SETS_MAX),
    )


async def _state(node: AsyncNode, name: str) -> dict[bytes, int]:
    return {key: stamp async for part in node.entries(name) for key, stamp in part}


def _costs(address: str, source: str, found: Difference) -> list[str]:
    """Say what it costs that one copies the other, and the other way round."""
    choices = (
        (address, source, found.present_here, found.removed_here),
        (source, address, found.present_there, found.removed_there),
    )
    lines = [
        f"If {copier} copies {copied}: {present:,} elements and {removed:,} removes that only "
        f"{copier} has are offered to it; of the elements those that may have been removed long "
        f"ago are refused, and kept in a file beside the one of {copier}."
        for copier, copied, present, removed in choices
    ]
    if found.uncounted:
        lines.append(f"{found.uncounted:,} sets more differ and were not counted.")
    return lines


async def _member(node: AsyncNode, address: str) -> Member:
    found: Tombstones = await node.tombstones()
    for member in found.members:
        if member.address == address:
            return member
    raise Conflict(
        f"{node.address} lists no other member {address}",
        hint=f"lastword tombstones {node.address} names its members.",
    )


def _ask_for(*, yes: bool) -> None:
    if not yes:
        raise ConfigError("nothing was done", hint="With --yes it is done.")
