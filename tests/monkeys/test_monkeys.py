"""The monkeys against a real node, without time passing."""

import asyncio
from pathlib import Path

import pytest
from aiohttp import web

from lastword.client.node import AsyncNode
from lastword.crdt.stamp import is_removed, pack
from lastword.crdt.wire import decode_json, encode_json
from lastword.errors import UnknownPath, Unreachable
from lastword.monkeys.normal import play_normal
from lastword.monkeys.onoff import Outcome, differences, play_onoff
from lastword.monkeys.pace import Delay
from lastword.monkeys.setting import RETRY_S
from lastword.monkeys.viewer import play_viewer
from tests.client.liars import serving
from tests.monkeys.settings import Notes, new_set
from tools.processes import NodeProcess

PACE = Delay(100, 1000)


async def test_the_normal_monkey_does_what_it_says(node: AsyncNode) -> None:
    notes = Notes()
    await play_normal(notes.setting(node, "normal"), PACE, operations=400)
    present: set[str] = set()
    for line in notes.said:
        operation, element = line.split()[:2]
        if operation == "put":
            present.add(element)
        elif operation == "delete":
            present.discard(element)
        else:
            assert line.endswith(": present") == (element.rstrip(":") in present)
    state = await node.state("normal")
    assert {e.decode() for e, stamp in state.items() if not is_removed(stamp)} == present
    assert state.keys() <= {b"%d" % number for number in range(101)}
    assert {line.split()[0] for line in notes.said} == {"get", "put", "delete"}
    assert len(notes.said) == len(notes.slept_s) == 400
    assert all(0.1 <= delay_s <= 1.0 for delay_s in notes.slept_s)


async def test_a_silent_node_is_reported_once_and_asked_again(tmp_path: Path) -> None:
    process = NodeProcess(tmp_path / "a.db").start()
    process.stop()
    notes = Notes()

    async def start_at_third(delay_s: float) -> None:
        if notes.slept_s.count(RETRY_S) == 3 and delay_s == RETRY_S:
            await asyncio.to_thread(process.start)

    try:
        async with AsyncNode(process.address) as node:
            setting = notes.setting(node, "silent", sleep=start_at_third)
            await play_normal(setting, PACE, operations=5)
    finally:
        process.kill()
    assert len(notes.said) == 5
    assert notes.warned == [
        f"{process.address} does not answer: connection refused; trying again every 1 s",
        f"{process.address} answers again",
    ]


async def test_what_the_node_refuses_is_not_asked_again(node: AsyncNode) -> None:
    notes = Notes()
    with pytest.raises(UnknownPath):
        await play_viewer(notes.setting(node, "_no"), new_set(), print, interval_s=1)
    assert notes.slept_s == []


async def test_the_onoff_monkey_succeeds_while_others_write(node: AsyncNode) -> None:
    outcomes: list[Outcome] = []
    disturber = asyncio.create_task(play_normal(Notes().setting(node, "onoff", seed=2), PACE))
    notes = Notes()
    await play_onoff(
        notes.setting(node, "onoff"),
        PACE,
        new_set(),
        outcomes.append,
        offline_ops=60,
        rounds=8,
    )
    disturber.cancel()
    assert [outcome.success for outcome in outcomes] == [True] * 8
    assert len(notes.slept_s) == 8 * 60
    assert str(outcomes[-1]).startswith("Success: ")


@pytest.mark.parametrize("lie", ["drop", "flip", "late"])
async def test_the_onoff_monkey_finds_a_server_that_lies(lie: str) -> None:
    held: dict[bytes, int] = {}

    async def answer(request: web.Request) -> web.Response:
        if request.method == "POST":
            held.update(decode_json(await request.read()))
            return web.Response(body=b"null", headers={"Lastword-Time": "1"})
        told = dict(held)
        victim = max(told)
        if lie == "drop":
            del told[victim]
        else:
            told[victim] -= 1 if lie == "flip" and is_removed(told[victim]) else 2
        return web.Response(body=encode_json(told.items()))

    outcomes: list[Outcome] = []
    async with serving(answer) as address, AsyncNode(address) as node:
        setting = Notes().setting(node, "s")
        await play_onoff(setting, PACE, new_set(), outcomes.append, offline_ops=40, rounds=1)
    assert not outcomes[0].success
    assert outcomes[0].differing.keys() == {max(held)}
    assert str(outcomes[0]).startswith(
        f"Failure: {address} differs in {max(held).decode()} (here "
    )


def test_differences_are_those_where_the_merged_set_is_ahead() -> None:
    local = new_set()
    theirs = {b"same": pack(5, removed=False), b"behind": pack(5, removed=False)}
    local.merge_entries({**theirs, b"behind": pack(5, removed=True), b"lacking": 2}.items())
    assert differences(local, theirs) == {b"behind": (11, 10), b"lacking": (2, None)}


def test_a_failure_with_many_differences_is_one_bounded_line() -> None:
    elements = {b"\x1b%d" % number * 1000: (2, None) for number in range(1000)}
    line = str(Outcome("a:1", 0, elements))
    assert line.isprintable()
    assert line.endswith("990 more")
    assert len(line) < 10_000


async def test_the_viewer_shows_every_update(node: AsyncNode) -> None:
    shown: list[list[bytes]] = []
    notes = Notes()

    async def write(_: float) -> None:
        await node.put("viewed", b"%d" % len(shown))

    setting = notes.setting(node, "viewed", sleep=write)
    await play_viewer(
        setting, new_set(), lambda s: shown.append(sorted(s)), interval_s=2.5, updates=3
    )
    assert shown == [[], [b"1"], [b"1", b"2"]]
    assert notes.slept_s == [2.5, 2.5]


async def test_nothing_but_absence_is_waited_out() -> None:
    class Fault(Exception):
        pass

    calls: list[int] = []

    async def call() -> None:
        calls.append(1)
        raise Unreachable("x") if len(calls) == 1 else Fault

    async with AsyncNode("localhost:1") as node:
        with pytest.raises(Fault):
            await Notes().setting(node, "s").patiently(call)
    assert len(calls) == 2
