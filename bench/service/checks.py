"""That a load did what it says: elements that are read are there, and new ones were new."""

import sys
from random import Random

from bench.bodies import command, get
from bench.connections import Connection, whole_http, whole_resp
from bench.harness import NodeUnderTest, Server

SAMPLES = 100

NEW_SHARE_MIN = 0.998
"""Of members that redis-benchmark adds as new. It draws from 2^31 values, so of two million about
one in two thousand comes twice."""


def cardinality(server: Server, set_name: str) -> int:
    """Return how many members a set has, by SCARD."""
    return _number(server, "SCARD", set_name)


def expect_new(server: Server, set_name: str, before: int, sent: int, *, in_flight: int) -> None:
    """Exit unless a set has grown by what was sent, and no more than was in flight besides."""
    grown = cardinality(server, set_name) - before
    if not NEW_SHARE_MIN * sent <= grown <= sent + in_flight:
        sys.exit(f"{server.name}: {sent} new elements were sent to {set_name}, {grown} came")


def expect_all_new(
    server: Server, set_name: str, before: int, answered: int, *, in_flight: int = 0
) -> None:
    """Exit unless a set has grown by all that was answered, of elements that never come twice."""
    grown = cardinality(server, set_name) - before
    if not answered <= grown <= answered + in_flight:
        sys.exit(f"{server.name}: {answered} elements were put into {set_name}, {grown} came")


def expect_members(server: Server, set_name: str, elements: int) -> None:
    """Exit unless a set holds the elements that will be read, and not what it should not."""
    rng = Random(elements)
    found = [
        _number(server, "SISMEMBER", set_name, f"{rng.randrange(elements):020}")
        for _ in range(SAMPLES)
    ]
    if sum(found) != SAMPLES or _number(server, "SISMEMBER", set_name, "none"):
        sys.exit(f"{server.name}: {set_name} does not hold {elements} elements")


def expect_elements(target: NodeUnderTest, set_name: str, elements: int) -> None:
    """Exit unless GET says the same of them over HTTP."""
    rng = Random(elements)
    connection = Connection(target.port, whole_http)
    for _ in range(SAMPLES):
        answer = connection.ask(get(f"/{set_name}/{rng.randrange(elements):020}"))
        if not answer.rstrip().endswith(b"true"):
            sys.exit(f"{set_name} does not hold {elements} elements: {answer!r}")
    connection.close()


def _number(server: Server, *words: str) -> int:
    connection = Connection(server.redis_port, whole_resp)
    answer = connection.ask(command(*words))
    connection.close()
    return int(answer[1:])
