"""What nodes show to whoever asks them, and what they leave beside their files."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from lastword.crdt.bundle import BundleReader, bundle_lines
from lastword.crdt.stamp import time_of
from tests.calls import Reply, call
from tests.eventually import eventually
from tools.processes import LASTWORD, NodeProcess, Process


class Shown(NamedTuple):
    """The elements of a set that are present and that are removed, with their times."""

    present: dict[str, int]
    removed: dict[str, int]


def state(node: NodeProcess, name: str = "s") -> Shown:
    """Return the state of a set."""
    said = call(node.address, "GET", f"/{name}").json or {"lwwAdded": {}, "lwwRemoved": {}}
    return Shown(said["lwwAdded"], said["lwwRemoved"])


def write(node: NodeProcess, method: str, element: str, query: str = "", name: str = "s") -> Reply:
    """Write one element once the node takes writes, which it must acknowledge."""
    replies: list[Reply] = []

    def is_taken() -> bool:
        # A wall that has moved on looks wrong to a node until it has heard the others' again.
        replies.append(call(node.address, method, f"/{name}/{element}{query}"))
        return replies[-1].status == 200

    eventually(is_taken, f"{node.address} takes {method} {element}")
    return replies[-1]


def put(node: NodeProcess, *elements: str) -> None:
    """Add elements."""
    for element in elements:
        write(node, "PUT", element)


def remove(node: NodeProcess, *elements: str) -> None:
    """Remove elements."""
    for element in elements:
        write(node, "DELETE", element)


def ready(node: NodeProcess) -> Any:
    """Return what a node says of itself."""
    return call(node.address, "GET", "/_/ready").json


def tombstones(node: NodeProcess) -> Any:
    """Return what a node says of collection."""
    return call(node.address, "GET", "/_/tombstones").json


def metric(node: NodeProcess, name: str) -> float:
    """Return the value of one metric."""
    text = call(node.address, "GET", "/_/metrics").body.decode()
    (line,) = [line for line in text.splitlines() if line.startswith(f"lastword_{name} ")]
    return float(line.split()[1])


def logged(node: NodeProcess) -> list[str]:
    """Return the messages that a node has logged, over all its starts."""
    lines = node.stderr.read_text().splitlines()
    return [json.loads(line)["message"] for line in lines if line.startswith("{")]


def refused(node: NodeProcess) -> dict[str, int]:
    """Return the elements that copies have refused, with their times, from the files of it."""
    found: dict[str, int] = {}
    for path in node.database.parent.glob(f"{node.database.name}-refused-*.ndjson"):
        with path.open("rb") as file:
            for part in BundleReader(bundle_lines(file)):
                found |= {name.decode(): time_of(stamp) for name, stamp in part.stamps.items()}
    return found


def say(folder: Path, *arguments: str) -> tuple[int, str]:
    """Run a command of the package; return its exit code and what it printed."""
    with Process(LASTWORD, *arguments, stderr=folder / "command.stderr") as process:
        output = "\n".join(process.read_rest())
        return process.wait(), output


def await_state(nodes: list[NodeProcess], present: set[str], name: str = "s") -> None:
    """Return when every node holds just these elements as present."""
    for node in nodes:
        eventually(
            lambda node=node: set(state(node, name).present) == present,  # type: ignore[misc]
            f"{node.address} has {present}",
        )


def await_removed(nodes: list[NodeProcess], removed: set[str]) -> None:
    """Return when every node holds just these tombstones."""
    for node in nodes:
        eventually(
            lambda node=node: set(state(node).removed) == removed,  # type: ignore[misc]
            f"{node.address} has removed {removed}",
        )


def expect_equal(folder: Path, nodes: list[NodeProcess]) -> None:
    """Expect that all members hold the same, as `lastword verify` says it."""
    eventually(lambda: len({ready(node)["digest"] for node in nodes}) == 1, "digests are equal")
    code, output = say(folder, "verify", nodes[0].address)
    assert code == 0, output
