"""Nodes that are written to all at once end equal, and hold at least what each acknowledged."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest

from lastword.wall import wall_us
from tests.api.living_node import LivingNode
from tests.calls import Caller, call, members
from tests.eventually import eventually
from tools.files import check_file
from tools.processes import NodeProcess

SETS = ["s", "t", "%F0%9F%8D%89"]
ELEMENTS = [f"e{number}" for number in range(30)]
PATIENCE_S = 30.0


class Said(NamedTuple):
    """What a node acknowledged: this element has at least this stamp."""

    set_name: str
    element: str
    stamp: int


def stamps_of(state: Any) -> dict[str, int]:
    """Return the stamp of each element of a state in JSON."""
    added = {element: 2 * time for element, time in state["lwwAdded"].items()}
    return added | {element: 2 * time + 1 for element, time in state["lwwRemoved"].items()}


class Writer:
    """A client that writes by every call that there is, and notes what was acknowledged."""

    def __init__(self, seed: int, address: str) -> None:
        self.said: list[Said] = []
        self.failed: list[BaseException] = []
        self._rng = Random(seed)
        self._caller = Caller(address)
        self._set = ""

    def run(self, count: int) -> None:
        calls: list[Callable[[], None]] = [
            self._put,
            self._delete,
            self._put_many,
            self._patch,
            self._merge,
        ]
        try:
            for _ in range(count):
                self._set = self._rng.choice(SETS)
                self._rng.choice(calls)()
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            self.failed.append(error)
        finally:
            self._caller.close()

    def _some(self) -> list[str]:
        return self._rng.sample(ELEMENTS, 4)

    def _note(self, elements: list[str], time: int, *, removed: bool) -> None:
        self.said += [Said(self._set, element, 2 * time + removed) for element in elements]

    def _put(self) -> None:
        element = self._rng.choice(ELEMENTS)
        reply = self._caller.call("PUT", f"/{self._set}/{element}")
        self._note([element], reply.time, removed=False)

    def _delete(self) -> None:
        element = self._rng.choice(ELEMENTS)
        reply = self._caller.call("DELETE", f"/{self._set}/{element}")
        self._note([element], reply.time, removed=True)

    def _put_many(self) -> None:
        some = self._some()
        self._note(some, self._caller.say("PUT", f"/{self._set}", some).time, removed=False)

    def _patch(self) -> None:
        add, remove = (some := self._some())[:2], some[2:]
        reply = self._caller.say("PATCH", f"/{self._set}", {"add": add, "remove": remove})
        self._note(add, reply.time, removed=False)
        self._note(remove, reply.time, removed=True)

    def _merge(self) -> None:
        one, two = self._some()[:2]
        added, removed = (wall_us() - self._rng.randrange(100_000) for _ in range(2))
        state = {"lwwAdded": {one: added}, "lwwRemoved": {two: removed}}
        self._caller.say("POST", f"/{self._set}", state)
        self._note([one], added, removed=False)
        self._note([two], removed, removed=True)


def write_at_once(nodes: list[NodeProcess], count: int) -> list[Said]:
    """Write by two clients of each node, all at the same time."""
    writers = [Writer(seed, node.address) for seed, node in enumerate(nodes * 2)]
    threads = [threading.Thread(target=writer.run, args=(count,)) for writer in writers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
        assert not thread.is_alive()
    assert [error for writer in writers for error in writer.failed] == []
    return [said for writer in writers for said in writer.said]


def all_states(node: NodeProcess) -> list[Any]:
    return [call(node.address, "GET", f"/{name}").json for name in [*SETS, "_peers_"]]


@pytest.mark.slow
def test_concurrent_writes_of_every_kind_end_equal_on_every_node(tmp_path: Path) -> None:
    with ExitStack() as stack:
        first = stack.enter_context(NodeProcess(tmp_path / "0.db"))
        nodes = [first]
        for number in (1, 2):
            node = NodeProcess(tmp_path / f"{number}.db", "-i", first.address)
            nodes.append(stack.enter_context(node))
        addresses = {node.address for node in nodes}
        eventually(lambda: all(members(n.address) == addresses for n in nodes), "all are listed")
        said = write_at_once(nodes, 150)
        eventually(
            lambda: all_states(nodes[0]) == all_states(nodes[1]) == all_states(nodes[2]),
            "all nodes hold the same",
        )
        held = {name: stamps_of(call(first.address, "GET", f"/{name}").json) for name in SETS}
    for set_name, element, stamp in said:
        assert held[set_name][element] >= stamp
    assert {(said_of, element) for said_of in SETS for element in held[said_of]} == {
        (set_name, element) for set_name, element, _ in said
    }
    for number in range(3):
        check_file(tmp_path / f"{number}.db")


@pytest.mark.slow
async def test_ten_nodes_told_of_one_each_in_a_chain_find_all(tmp_path: Path) -> None:
    nodes: list[LivingNode] = []
    try:
        for number in range(10):
            node = LivingNode(tmp_path / f"{number}.db")
            told = (nodes[-1].address,) if nodes else ()
            await node.start(contacts=told, listed=True)
            nodes.append(node)
            await node.ask("PUT", f"/s/{number}")
        everyone = {node.address for node in nodes}
        everything = {str(number).encode() for number in range(10)}
        for node in nodes:
            condition = partial(knows, node, everyone, everything)
            await asyncio.to_thread(eventually, condition, f"{node.address} knows all")
    finally:
        for node in nodes:
            await node.close()


def knows(node: LivingNode, everyone: set[str], everything: set[bytes]) -> bool:
    """Tell whether a node lists everyone and holds everything."""
    return node.store.members() == everyone and all(
        node.store.contains(b"s", element) for element in everything
    )
