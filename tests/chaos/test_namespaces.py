"""Namespaces do what the chaos says that they do: a cut cuts, one way is one way, loss is loss."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random

import pytest

from tools.chaos.namespaces import (
    FOLDER,
    HUB,
    Namespaces,
    entered,
    namespaces,
    remove_leftovers,
    why_not,
)

PORT = 4000
WAIT_S = 0.25
"""For a packet between two namespaces of one machine; where none is due, how long to be sure."""


class Posts:
    """A socket for datagrams on each of two nodes, and one for a client in the hub."""

    def __init__(self, wires: Namespaces, stack: ExitStack) -> None:
        self._wires = wires
        self._sockets = {}
        for name in ("a", "b", HUB):
            with entered(wires.namespace(name)):
                own = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            if name != HUB:
                own.bind((wires.host(name), PORT))
            own.settimeout(WAIT_S)
            self._sockets[name] = own

    def send(self, sender: str, receiver: str, text: bytes) -> None:
        self._sockets[sender].sendto(text, (self._wires.host(receiver), PORT))

    def received(self, name: str) -> list[bytes]:
        """Return what has come to a node, once no more comes."""
        found = []
        try:
            while True:
                found.append(self._sockets[name].recv(100))
        except TimeoutError:
            return found


@pytest.fixture
def wires() -> Iterator[Namespaces]:
    hindrance = why_not()
    if hindrance is not None:
        pytest.skip(hindrance)
    with namespaces(Random(0), "ab") as made:
        yield made


@pytest.fixture
def posts(wires: Namespaces) -> Iterator[Posts]:
    with ExitStack() as stack:
        yield Posts(wires, stack)


def interfaces() -> list[str]:
    """Return the interfaces of the machine's own network, wherever this thread is."""
    lines = Path("/proc/1/net/dev").read_text().splitlines()
    return [line.partition(":")[0].strip() for line in lines]


def exchanged(posts: Posts) -> tuple[bool, bool]:
    """Return whether something passes from a to b, and whether from b to a."""
    posts.send("a", "b", b"there")
    posts.send("b", "a", b"back")
    return posts.received("b") == [b"there"], posts.received("a") == [b"back"]


async def test_a_cut_cuts_both_ways_until_it_heals(wires: Namespaces, posts: Posts) -> None:
    assert exchanged(posts) == (True, True)
    await wires.cut([("a", "b"), ("b", "a")])
    assert exchanged(posts) == (False, False)
    await wires.cut(())
    assert exchanged(posts) == (True, True)


async def test_a_cut_one_way_is_one_way(wires: Namespaces, posts: Posts) -> None:
    await wires.cut([("a", "b")])
    assert exchanged(posts) == (False, True)
    await wires.cut([("b", "a")])
    assert exchanged(posts) == (True, False)


async def test_clients_reach_both_sides_of_a_cut(wires: Namespaces, posts: Posts) -> None:
    await wires.cut([("a", "b"), ("b", "a")])
    await wires.lose(99)
    for name in "ab":
        posts.send(HUB, name, b"hello")
        assert posts.received(name) == [b"hello"]


@pytest.mark.slow
async def test_loss_loses_its_share_of_the_packets(wires: Namespaces, posts: Posts) -> None:
    await wires.lose(30)
    arrived = 0
    for _ in range(20):
        for _ in range(50):
            posts.send("a", "b", b"one")
        arrived += len(posts.received("b"))
    # 700 are to be expected, with a standard deviation of 14.
    assert 600 < arrived < 800
    await wires.lose(0)
    assert exchanged(posts) == (True, True)


async def test_what_is_cut_stays_cut_while_packets_are_lost(
    wires: Namespaces, posts: Posts
) -> None:
    await wires.cut([("a", "b")])
    await wires.lose(1)
    await wires.lose(0)
    assert exchanged(posts) == (False, True)


@pytest.mark.usefixtures("wires")
def test_the_machines_own_network_is_left_alone() -> None:
    before = interfaces()
    with namespaces(Random(0), "ab"):
        assert interfaces() == before


def own() -> set[str]:
    """Return the names of the namespaces of this process."""
    return {path.name for path in FOLDER.glob(f"lw-{os.getpid()}-*")}


def test_nothing_is_left_where_a_run_fails(wires: Namespaces) -> None:
    before = own()
    assert before == {wires.namespace(name) for name in ("a", "b", HUB)}

    def fail() -> None:
        with namespaces(Random(0), "ab"):
            assert len(own()) == 6
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert own() == before


@pytest.mark.slow
@pytest.mark.usefixtures("wires")
def test_what_a_killed_run_left_is_removed() -> None:
    code = (
        "import os, signal\n"
        "from random import Random\n"
        "from tools.chaos.namespaces import namespaces\n"
        "with namespaces(Random(0), 'ab'):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.Popen(
        [sys.executable, "-c", code], cwd=Path(__file__).parent.parent.parent
    )
    assert killed.wait(60) == -signal.SIGKILL
    left = f"lw-{killed.pid}-*"
    assert len(list(FOLDER.glob(left))) == 3
    remove_leftovers()
    assert list(FOLDER.glob(left)) == []
    assert len(own()) == 3
