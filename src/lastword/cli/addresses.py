"""Which nodes a command calls: the first that answers does it."""

from typing import Annotated, Final

import typer

from lastword.cli.reach import said
from lastword.client.answers import Answer
from lastword.client.caller import Steps
from lastword.client.client import Client
from lastword.client.requests import Request

DEFAULT: Final = "localhost:3000"

RETRIES: Final = 2
"""Rounds over all addresses after the first: half a second. Who waits at a terminal would rather
know."""

Addresses = Annotated[
    list[str] | None,
    typer.Option(
        "-a",
        "--address",
        metavar="HOST:PORT",
        envvar="LASTWORD_ADDRESS",
        show_default=DEFAULT,
        help="A node; repeatable: where one does not answer, the next is asked.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, an object a line.")]


def client_of(addresses: list[str] | None) -> Client:
    """Return a client of the nodes at some addresses."""
    reach = said.get()
    return Client(
        *(addresses or [DEFAULT]), tls=reach.tls or False, token=reach.token, retries=RETRIES
    )


def one_of(addresses: list[str] | None) -> str:
    """Return the first address that answers, for what one node alone has to do.

    A single address is not asked. Raises Unreachable where none answers.
    """
    several = list(dict.fromkeys(addresses or [DEFAULT]))
    if len(several) == 1:
        return several[0]
    with client_of(several) as client:
        return client.run(_greeted(client))


def _greeted(client: Client) -> Steps[str]:
    return (yield from client.caller.call(Request("GET", "/"), _address))


def _address(answer: Answer) -> str:
    answer.shaped(dict)
    return answer.address
