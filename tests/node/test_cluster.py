"""Clusters of real processes: nodes find each other, and what is written reaches all."""

import shutil
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import pytest

from lastword.api.transport import TIMEOUT_S
from tests.calls import call, members
from tests.eventually import eventually
from tools.files import check_file
from tools.processes import NodeProcess

pytestmark = pytest.mark.slow


class Launch(Protocol):
    def __call__(self, *options: str, port: int = 0) -> NodeProcess: ...


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Launch]:
    """Start nodes; all are stopped in order at the end, and their files verified."""
    nodes: list[NodeProcess] = []
    with ExitStack() as stack:

        def start(*options: str, port: int = 0) -> NodeProcess:
            defaults = () if "-r" in options else ("-r", "0.2")
            file = tmp_path / f"{len(nodes)}.db"
            node = stack.enter_context(NodeProcess(file, *options, *defaults, port=port))
            nodes.append(node)
            return node

        yield start
    for node in nodes:
        check_file(node.database)


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("", 0))) for _ in range(count)]
        return [taken.getsockname()[1] for taken in sockets]


def await_members(nodes: list[NodeProcess], addresses: set[str]) -> None:
    for node in nodes:
        await_members_of(node, addresses)


def await_members_of(node: NodeProcess, addresses: set[str]) -> None:
    eventually(lambda: members(node.address) == addresses, f"{node.address} lists {addresses}")


def await_answer(node: NodeProcess, path: str, body: bytes) -> None:
    eventually(
        lambda: call(node.address, "GET", path).body == body, f"{node.address} says {body!r}"
    )


def metric(node: NodeProcess, name: str) -> float:
    text = call(node.address, "GET", "/_/metrics").body.decode()
    (line,) = [line for line in text.splitlines() if line.startswith(f"{name} ")]
    return float(line.split()[1])


# Finding each other.


@pytest.mark.parametrize("delay", ["5", "0.2"])
def test_two_nodes_started_as_in_the_original_find_each_other(launch: Launch, delay: str) -> None:
    ports = free_ports(2)
    told = [option for port in ports for option in ("-i", f"localhost:{port}")]
    nodes = [launch(*told, "-l", "-r", delay, "-f", "60", port=port) for port in ports]
    await_members(nodes, {f"localhost:{port}" for port in ports})
    one, other = nodes
    call(one.address, "PUT", "/fruit/apple")
    call(other.address, "DELETE", "/fruit/pear")
    await_answer(other, "/fruit/apple", b"true")
    await_answer(one, "/fruit/pear", b"false")


def test_one_of_two_needs_to_be_told_and_a_third_finds_both(launch: Launch) -> None:
    first = launch()
    second = launch("-i", first.address)
    await_members([first, second], {first.address, second.address})
    third = launch("-i", second.address)
    nodes = [first, second, third]
    await_members(nodes, {node.address for node in nodes})
    call(third.address, "PUT", "/s/a")
    await_answer(first, "/s/a", b"true")


# Away, and back.


@pytest.mark.parametrize("restarted", ["nobody", "the writer"])
@pytest.mark.parametrize("ending", ["stopped", "killed"])
def test_what_is_written_while_a_member_is_away_arrives_when_it_is_back(
    launch: Launch, ending: str, restarted: str
) -> None:
    writer = launch()
    away = launch("-i", writer.address)
    both = {writer.address, away.address}
    await_members([writer, away], both)
    call(writer.address, "PUT", "/s/removed")
    await_answer(away, "/s/removed", b"true")
    away.stop() if ending == "stopped" else away.kill()
    call(writer.address, "PUT", "/s/added")
    call(writer.address, "DELETE", "/s/removed")
    if restarted == "the writer":
        writer.restart()
    failed = metric(writer, "lastword_sends_failed_total")
    eventually(
        lambda: metric(writer, "lastword_sends_failed_total") >= failed + 2, "it is missed twice"
    )
    assert members(writer.address) == both
    call(writer.address, "PUT", "/s/late")
    away.start()
    await_answer(away, "/s/added", b"true")
    await_answer(away, "/s/removed", b"false")
    await_answer(away, "/s/late", b"true")
    assert members(away.address) == both


def test_what_was_written_before_its_node_went_away_is_passed_on_when_it_is_back(
    launch: Launch,
) -> None:
    first = launch()
    second = launch("-i", first.address)
    await_members([first, second], {first.address, second.address})
    first.kill()
    call(second.address, "PUT", "/s/a")
    second.kill()
    first.start()
    call(first.address, "PUT", "/s/b")
    second.start()
    await_answer(first, "/s/a", b"true")
    await_answer(second, "/s/b", b"true")


def test_a_node_on_a_restored_backup_is_only_late(launch: Launch, tmp_path: Path) -> None:
    first = launch()
    restored = launch("-i", first.address)
    await_members([first, restored], {first.address, restored.address})
    call(restored.address, "PUT", "/s/removed")
    await_answer(first, "/s/removed", b"true")
    restored.stop()
    shutil.copy(restored.database, tmp_path / "backup")
    restored.start()
    call(restored.address, "DELETE", "/s/removed")
    call(restored.address, "PUT", "/s/added")
    await_answer(first, "/s/removed", b"false")
    await_answer(first, "/s/added", b"true")
    restored.stop()
    shutil.copy(tmp_path / "backup", restored.database)
    restored.start()
    call(restored.address, "PUT", "/s/new")
    for node in (first, restored):
        await_answer(node, "/s/removed", b"false")
        await_answer(node, "/s/added", b"true")
        await_answer(node, "/s/new", b"true")


def test_a_member_that_stands_still_does_not_hold_up_the_others(launch: Launch) -> None:
    first = launch()
    second = launch("-i", first.address)
    still = launch("-i", first.address)
    nodes = [first, second, still]
    await_members(nodes, {node.address for node in nodes})
    still.process.signal(signal.SIGSTOP)
    for number in range(5):
        begun_s = time.monotonic()
        call(first.address, "PUT", f"/s/{number}")
        await_answer(second, f"/s/{number}", b"true")
        # Had the exchange waited for the one that stands still, it would have taken longer.
        assert time.monotonic() - begun_s < TIMEOUT_S - 1
    still.process.signal(signal.SIGCONT)
    await_answer(still, "/s/4", b"true")
    await_members(nodes, {node.address for node in nodes})


# One last word.


def test_a_later_delete_wins_over_a_put_on_every_node(launch: Launch) -> None:
    first = launch()
    others = [launch("-i", first.address) for _ in range(2)]
    nodes = [first, *others]
    await_members(nodes, {node.address for node in nodes})
    put = call(first.address, "PUT", "/s/in-order")
    for node in others:
        await_answer(node, "/s/in-order", b"true")
    assert call(others[0].address, "DELETE", "/s/in-order").time > put.time
    at = put.time
    call(others[0].address, "DELETE", f"/s/out-of-order?time={at + 1}")
    call(others[1].address, "PUT", f"/s/out-of-order?time={at}")
    call(others[1].address, "DELETE", f"/s/tie?time={at}")
    call(first.address, "PUT", f"/s/tie?time={at}")
    call(first.address, "PUT", f"/s/put-last?time={at + 1}")
    call(others[0].address, "DELETE", f"/s/put-last?time={at}")
    for node in nodes:
        for name in ("in-order", "out-of-order", "tie"):
            await_answer(node, f"/s/{name}", b"false")
        await_answer(node, "/s/put-last", b"true")
