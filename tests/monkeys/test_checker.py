"""The checker against servers that lie, and against real nodes that are killed and cut off."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from io import StringIO
from itertools import count
from pathlib import Path
from random import Random
from urllib.parse import unquote_to_bytes

import pytest
from aiohttp import web

from lastword.client.node import AsyncNode
from lastword.crdt.wire import encode_json
from lastword.errors import InvalidRequest
from lastword.monkeys.checker import Checker, Driven, Ledger
from lastword.monkeys.history import Kind, Outcome
from lastword.monkeys.judgement import Judgement, judge
from lastword.monkeys.log import Log, replayed
from lastword.monkeys.pace import Delay
from tests.client.liars import serving
from tests.monkeys.settings import Notes, breathe
from tools.chaos.campaign import wires
from tools.chaos.rounds import CONVERGENCE_S
from tools.cluster import started_cluster
from tools.processes import LASTWORD, NodeProcess, Process
from tools.waiting import until

Held = dict[bytes, int]
Sleep = Callable[[float], Awaitable[None]]
AT_ONCE = Delay(0, 0)


class Liar:
    """A node in memory that does one thing wrong, now and then; without a lie it is a node."""

    def __init__(self, lie: str = "") -> None:
        self.held: Held = {}
        self._lie = lie
        self._clock = count(1_700_000_000_000_000)
        self._writes = 0

    async def answer(self, request: web.Request) -> web.Response:
        """Answer GET, PUT and DELETE of an element, and GET of the set."""
        parts = request.raw_path.strip("/").split("/")
        if len(parts) == 1:
            return web.Response(body=encode_json(self._state().items()))
        element = unquote_to_bytes(parts[1])
        if request.method == "GET":
            stamp = self.held.get(element)
            present = stamp is not None and not stamp & 1
            return web.Response(body=b"true" if present else b"false")
        time = self._write(element, removes=request.method == "DELETE")
        return web.Response(body=b"null", headers={"Lastword-Time": str(time)})

    def _write(self, element: bytes, *, removes: bool) -> int:
        self._writes += 1
        time = next(self._clock)
        wrong = self._writes % 25 == 0
        if wrong and self._lie == "old time":
            return time - 1_000
        if wrong and self._lie == "swap":
            element = b"e0" if element != b"e0" else b"e1"
        if not (wrong and self._lie == "drop"):
            self.held[element] = max(time << 1 | removes, self.held.get(element, 0))
        return time

    def _state(self) -> Held:
        state = dict(self.held)
        first = min(state)
        if self._lie == "forget":
            del state[first]
        if self._lie == "undelete":
            removed = min((at for at, stamp in state.items() if stamp & 1), default=first)
            state[removed] -= 1
        if self._lie == "invent":
            state[first] += 2_000_000
        return state


@asynccontextmanager
async def checking(
    *addresses: str, log: Log | None = None, sleep: Sleep = breathe
) -> AsyncIterator[Checker]:
    """Yield a checker of nodes."""
    async with AsyncExitStack() as stack:
        nodes = [await stack.enter_async_context(AsyncNode(address)) for address in addresses]
        setting = Notes().setting(nodes[0], "checked", sleep=sleep)
        ledger = Ledger() if log is None else Ledger(log.operation)
        yield Checker(setting, [*map(Driven, nodes)], ledger, 40)


async def verdict_on(address: str, log: Log | None = None) -> Judgement:
    """Return what a checker finds in a few hundred operations."""
    async with checking(address, log=log) as checker:
        await checker.play(AT_ONCE, 8, 600)
        judgement, states = await judge(checker, settle_s=0)
    if log is not None:
        log.held(states)
    return judgement


async def test_a_server_that_tells_the_truth_is_proven() -> None:
    async with serving(Liar().answer) as address:
        judgement = await verdict_on(address)
    assert judgement.is_proven
    assert judgement.acknowledged > 100
    assert judgement.lines()[0].startswith("proven: 1 nodes agree, and nothing is missing; ")


@pytest.mark.parametrize(
    ("lie", "found"),
    [
        ("drop", {"visible", "kept"}),
        ("old time", {"rising", "kept", "invented"}),
        ("swap", {"visible", "kept", "invented"}),
        ("forget", {"kept"}),
        ("undelete", {"kept"}),
        ("invent", {"invented"}),
    ],
)
async def test_a_server_that_lies_is_found_out(lie: str, found: set[str]) -> None:
    async with serving(Liar(lie).answer) as address:
        judgement = await verdict_on(address)
    checks = {violation.check for violation in judgement.violations}
    assert judgement.is_violated
    assert checks & found
    assert all(len(violation.history) <= 2 for violation in judgement.violations)
    assert judgement.lines()[-1].startswith("VIOLATED: ")


async def test_two_that_hold_other_things_do_not_agree() -> None:
    async with (
        serving(Liar().answer) as one,
        serving(Liar().answer) as other,
        checking(one, other) as checker,
    ):
        first, second = (driven.node for driven in checker.nodes)
        operation = checker.ledger.begin(one, b"x", Kind.ADD, 0)
        operation.time = await first.put("checked", b"x")
        checker.ledger.end(operation, Outcome.DONE, 1)
        await second.put("checked", b"y")
        judgement, _ = await judge(checker, settle_s=0)
    assert {"agree", "kept", "invented"} == {at.check for at in judgement.violations}


async def test_a_verdict_is_given_again_from_the_log() -> None:
    written = StringIO()
    async with serving(Liar("drop").answer) as address:
        judgement = await verdict_on(address, Log(written))
    again = replayed(written.getvalue().splitlines())
    told = [(at.check, at.element) for at in judgement.violations]
    assert [(at.check, at.element) for at in again.violations] == told
    assert again.acknowledged() == judgement.acknowledged
    with pytest.raises(InvalidRequest, match="line 1 is none"):
        replayed(["{}"])


@pytest.mark.slow
async def test_nodes_that_are_killed_and_cut_off_are_proven(tmp_path: Path) -> None:
    with wires(Random(1), "abc") as connected:
        async with started_cluster(tmp_path, "abc", connected) as cluster:
            assert await until(cluster.is_acquainted, CONVERGENCE_S)
            members = cluster.members

            addresses = [member.address for member in members.values()]
            async with checking(*addresses, sleep=asyncio.sleep) as checker:
                await checker.play(AT_ONCE, 8, 200)
                members["b"].process.kill()
                await cluster.cut_off("c")
                await checker.play(AT_ONCE, 8, 300)
                await asyncio.to_thread(members["b"].process.start)
                await cluster.heal()
                await checker.play(AT_ONCE, 8, 200)
                judgement, _ = await judge(checker, settle_s=20)
            await cluster.stop()
    assert judgement.lines()[0].startswith("proven: 3 nodes agree")
    assert judgement.acknowledged > 200


@pytest.mark.slow
def test_the_command_proves_and_says_what_it_cannot_judge(tmp_path: Path) -> None:
    with NodeProcess(tmp_path / "a.db") as one, NodeProcess(tmp_path / "b.db") as other:
        where = ("-a", one.address, "-a", other.address)
        log = tmp_path / "log"
        with monkey(tmp_path, *where, "--for", "0", "--settle", "0", "--json") as process:
            assert json.loads(process.read_line())["verdict"] == "proven"
            assert process.wait() == 0
        alone = ("-a", one.address, "--log", str(log), "--seed", "7")
        with monkey(tmp_path, *alone, "--for", "60", "--rate", "300") as process:
            assert process.read_line(30).split()[1] == "operations"
            process.signal(signal.SIGINT)
            assert process.read_line().startswith("proven: 1 nodes agree")
            assert process.wait() == 0
        with monkey(tmp_path, "--replay", str(log)) as process:
            assert process.read_line().startswith("proven: 1 nodes agree")
        with monkey(tmp_path, *alone) as process:
            assert process.wait() == 2
            assert "cannot be made: File exists" in process.errors()
        other.kill()
        with monkey(tmp_path, *where, "--for", "1", "--settle", "0") as process:
            assert f"not judged: {other.address} did not answer" in process.read_rest()[-1]
            assert process.wait() == 5
        other.start()


def monkey(folder: Path, *arguments: str) -> Process:
    return Process(LASTWORD, "monkey", "checker", *arguments, stderr=folder / "stderr")
