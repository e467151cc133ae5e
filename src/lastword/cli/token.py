"""`lastword token`: make, list and revoke tokens of clients."""

import asyncio
from datetime import UTC, datetime
from secrets import token_bytes
from typing import Annotated, Final

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from lastword.access.gate import records_of
from lastword.access.rights import TOKENS_SET
from lastword.access.token import ID_BYTES, SECRET_BYTES, Record, RightName, make
from lastword.cli.reach import node_at
from lastword.client.text import printable
from lastword.crdt.stamp import is_removed
from lastword.errors import ConfigError, Conflict, InvalidElement
from lastword.wall import wall_us

NAME: Final = TOKENS_SET.decode()

app = typer.Typer(
    help="Tokens of clients, for nodes that were started with --admin-token-file. They are "
    "called with an admin's token: lastword --token-file FILE token list.",
    no_args_is_help=True,
)

Address = Annotated[
    str, typer.Option("-a", "--address", metavar="HOST:PORT", help="Any node of the cluster.")
]
Patterns = list[str] | None


class Shown(msgspec.Struct):
    """A token, as `--json` shows it; `made` is in microseconds since 1970."""

    id: str
    grants: list[tuple[RightName, str]]
    note: str
    made: int


class Listing(msgspec.Struct):
    """All tokens, and how many elements of `_tokens_` are none."""

    tokens: list[Shown]
    malformed: int


@app.command()
def create(
    read: Annotated[
        Patterns,
        typer.Option("--read", metavar="PATTERN", help="May read sets of such names; repeatable."),
    ] = None,
    write: Annotated[
        Patterns,
        typer.Option("--write", metavar="PATTERN", help="May read and write them; repeatable."),
    ] = None,
    admin: Annotated[
        Patterns,
        typer.Option(
            "--admin", metavar="PATTERN", help="And reserved sets; '*' is all; repeatable."
        ),
    ] = None,
    note: Annotated[str, typer.Option(help="For whom it is.")] = "",
    address: Address = "localhost:3000",
) -> None:
    """Make a token and print it, once: only its hash is kept.

    PATTERN is as in KEYS of Redis: 'team-*'. Exit code 0. 1: the node refused it. 2: nothing is
    granted, or a pattern is none. 5: the node did not answer.
    """
    given: tuple[tuple[RightName, Patterns], ...] = (
        ("read", read), ("write", write), ("admin", admin),
    )  # fmt: skip
    grants = [(right, pattern) for right, patterns in given for pattern in patterns or ()]
    if not grants:
        raise ConfigError(
            "the token would grant nothing", hint="Say --read, --write or --admin with a pattern."
        )
    try:
        made = make(token_bytes(ID_BYTES + SECRET_BYTES), grants, note, wall_us())
    except InvalidElement as error:
        raise ConfigError(printable(str(error)), hint="Use shorter or fewer patterns.") from None
    asyncio.run(_put(address, made.record))
    typer.echo(made.token)
    typer.echo(f"token {made.record.id}: it is not shown again", err=True)


@app.command("list")
def list_(
    address: Address = "localhost:3000",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """List the tokens: their ids, what they grant, and their notes.

    Exit code 0. 1: the node refused it. 5: the node did not answer.
    """
    records, malformed = asyncio.run(_records(address))
    if as_json:
        shown = [Shown(one.id, one.grants, one.note, one.made) for one in records]
        typer.echo(msgspec.json.encode(Listing(shown, malformed)).decode())
        return
    console = Console(soft_wrap=True, markup=False, emoji=False, highlight=False)
    table = Table("id", "grants", "made", "note")
    for one in records:
        grants = ", ".join(f"{right} {printable(pattern)}" for right, pattern in one.grants)
        made = datetime.fromtimestamp(one.made // 1_000_000, UTC)
        table.add_row(one.id, grants, f"{made:%Y-%m-%d %H:%M} UTC", printable(one.note))
    console.print(table)
    if malformed:
        console.print(f"{malformed} elements of {NAME} are no tokens, and grant nothing")


@app.command()
def revoke(
    id_: Annotated[str, typer.Argument(metavar="ID", help="As lastword token list shows it.")],
    address: Address = "localhost:3000",
) -> None:
    """Revoke a token: each node refuses it as soon as it has heard of it.

    Exit code 0. 1: there is none with that id, or the node refused it. 5: the node did not answer.
    """
    if not asyncio.run(_remove(address, id_)):
        raise Conflict(
            f"{address} knows no token {printable(id_)}", hint="lastword token list shows all."
        )
    typer.echo(f"token {printable(id_)} is revoked")


async def _put(address: str, record: Record) -> None:
    async with node_at(address) as node:
        await node.put(NAME, record.element())


async def _records(address: str) -> tuple[list[Record], int]:
    async with node_at(address) as node:
        state = await node.state(NAME)
    records, others = records_of(at for at, stamp in state.items() if not is_removed(stamp))
    return sorted(records, key=lambda one: (one.made, one.id)), others


async def _remove(address: str, id_: str) -> bool:
    """Remove all records of an id, however they are written; return whether there were any."""
    found = False
    async with node_at(address) as node:
        for element, stamp in (await node.state(NAME)).items():
            records, _ = records_of([element])
            if not is_removed(stamp) and any(record.id == id_ for record in records):
                await node.delete(NAME, element)
                found = True
    return found
