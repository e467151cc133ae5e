"""Nodes that collect within seconds, on a wall that the test moves on."""

import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from tests.calls import call, members
from tests.clocks.false_time import FalseTime
from tests.eventually import eventually
from tests.restores.shown import metric, state, tombstones
from tools.files import check_file
from tools.processes import NodeProcess

QUICK: Final = ("--grace", "1s", "--collect-every", "2s", "--lapse-after", "60s", "-f", "1")

OLD_S: Final = 130
"""More than the grace period, and than the marks of a minute on either side of it."""


class Cluster:
    """Nodes by the order in which they were started; none outlives the test."""

    def __init__(self, folder: Path, wall: FalseTime, stack: ExitStack) -> None:
        self.nodes: list[NodeProcess] = []
        self._folder = folder
        self._wall = wall
        self._stack = stack

    def start(self, *options: str, port: int = 0, database: Path | None = None) -> NodeProcess:
        """Start one more node, on a file of its own unless there is one already."""
        node = NodeProcess(
            database or self._folder / f"{len(self.nodes)}.db",
            *("-r", "0.1", *QUICK, *options),
            port=port,
            prefix=tuple(self._wall.prefix),
        )
        self.nodes.append(self._stack.enter_context(node))
        return node

    def three(self) -> list[NodeProcess]:
        """Start three nodes that know each other."""
        first = self.start()
        nodes = [first, *(self.start("-i", first.address) for _ in range(2))]
        await_members(nodes, nodes)
        return nodes

    def grow_old(self) -> None:
        """Let all that was removed until now be older than the grace period."""
        self._wall.step(self._wall.off_s + OLD_S)

    def collect(self, *nodes: NodeProcess, name: str = "s") -> None:
        """Grow old, and return when these nodes hold no tombstone of a set any more."""
        self.grow_old()
        for node in nodes:
            eventually(
                lambda node=node: not state(node, name).removed,  # type: ignore[misc]
                f"{node.address} collects: {tombstones(node)}",
            )


@contextmanager
def new_cluster(folder: Path, wall: FalseTime) -> Iterator[Cluster]:
    """Give a cluster; at its end its nodes are stopped in order, and their files verified."""
    with ExitStack() as stack:
        cluster = Cluster(folder, wall, stack)
        yield cluster
    for database in {node.database for node in cluster.nodes}:
        check_file(database)


@contextmanager
def still(*nodes: NodeProcess) -> Iterator[None]:
    """Let nodes stand still within the block: whoever calls them gets no answer."""
    for node in nodes:
        node.process.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for node in nodes:
            node.process.signal(signal.SIGCONT)


def await_members(nodes: list[NodeProcess], listed: list[NodeProcess], *further: str) -> None:
    """Return when each node lists exactly these."""
    wanted = {*(node.address for node in listed), *further}
    for node in nodes:
        eventually(
            lambda node=node: members(node.address) == wanted,  # type: ignore[misc]
            f"{node.address} lists {wanted}",
            within_s=60,
        )


def await_metric(node: NodeProcess, name: str, least: float) -> None:
    """Return when a metric of a node has reached a value."""
    eventually(lambda: metric(node, name) >= least, f"{node.address} has {name} of {least}")


def unlist(asked: NodeProcess, node: NodeProcess) -> None:
    """Let one node be asked to unlist another, which has seen already that it stands listed."""
    await_rounds(node)
    call(asked.address, "DELETE", f"/_peers_/{node.address}")


def await_rounds(node: NodeProcess, count: int = 30) -> None:
    """Return when a node has gone on for some rounds: what it had to list it has listed then."""
    await_metric(node, "rounds_total", metric(node, "rounds_total") + count)
