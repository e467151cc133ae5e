"""Whether a node lives, is to get traffic, and is converged: each with the reason where not."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from lastword.api.http.messages import Request
from lastword.api.rest.queries import MAX_LAG_S_DEFAULT, max_lag_s
from lastword.client.health import Converged
from lastword.errors import DiskFailed, InvalidRequest
from lastword.node.convergence import PROBE_PAUSE_S, Convergence
from lastword.replication.frames import Frame
from lastword.store.operations import PEERS_SET, Write
from tests.api.living_node import NOW_US, STRANGER, LivingNode

HOUR_US = 3_600_000_000


async def asked(node: LivingNode, path: str) -> tuple[int, Any]:
    answer = await node.ask("GET", path)
    return answer.status, json.loads(answer.body)


def codes(said: Any) -> list[str]:
    return [reason["code"] for reason in said["reasons"]]


async def test_a_node_that_answers_lives(node: LivingNode) -> None:
    assert await asked(node, "/_/live") == (200, {"live": True})
    node.node.is_stopping = True
    assert (await asked(node, "/_/live"))[0] == 200


async def test_a_node_with_nothing_wrong_is_ready(node: LivingNode) -> None:
    status, said = await asked(node, "/_/ready")
    assert (status, said["ready"], said["reasons"]) == (200, True, [])


async def test_a_node_that_stops_is_not_ready(node: LivingNode) -> None:
    node.node.is_stopping = True
    status, said = await asked(node, "/_/ready")
    assert (status, said["ready"], codes(said)) == (503, False, ["stopping"])


async def test_a_node_that_takes_no_writes_is_not_ready_and_says_why(node: LivingNode) -> None:
    node.store.writer.fail(DiskFailed("the disk is on fire"))
    status, said = await asked(node, "/_/ready")
    assert (status, codes(said)) == (503, ["disk_failed"])
    assert "on fire" in said["reasons"][0]["message"]


async def test_a_node_whose_clock_is_off_is_not_ready(node: LivingNode) -> None:
    others, now_us = (b"a.invalid:1", b"b.invalid:1"), time.monotonic_ns() // 1000
    node.store.execute(Write(PEERS_SET, add=others))
    node.wall.now_us = NOW_US + HOUR_US
    for run, address in enumerate(others, start=900):
        frame = Frame(wall_us=NOW_US, run=run)
        node.node.replica.answer(address.decode(), frame, now_us, sent_us=now_us)
    await node.node.tick()
    status, said = await asked(node, "/_/ready")
    assert (status, codes(said)) == (503, ["clock_off"])


async def test_a_single_node_is_converged(node: LivingNode) -> None:
    status, said = await asked(node, "/_/converged")
    assert (status, said["converged"], said["members"]) == (200, True, [])
    assert said["maxLagSeconds"] == MAX_LAG_S_DEFAULT
    packed = await node.ask("GET", "/_/converged", headers={"Accept": "application/msgpack"})
    assert msgspec.msgpack.decode(packed.body, type=Converged).converged


async def test_a_node_that_was_told_of_one_it_has_not_met_is_not_converged(
    tmp_path: Path,
) -> None:
    node = LivingNode(tmp_path / "told.db")
    await node.start(contacts=("gone.invalid:1",))
    try:
        status, said = await asked(node, "/_/converged")
        assert (status, said["converged"], codes(said)) == (503, False, ["no_members_yet"])
    finally:
        await node.close()


async def test_a_member_that_never_answered_is_not_converged(node: LivingNode) -> None:
    node.store.execute(Write(PEERS_SET, add=(b"gone.invalid:1",)))
    status, said = await asked(node, "/_/converged?max_lag=24h")
    assert (status, codes(said)) == (503, ["silent"])
    assert said["reasons"][0]["member"] == "gone.invalid:1"
    (member,) = said["members"]
    assert (member["answers"], member["lagSeconds"], member["digestEqual"]) == (False, None, None)


async def test_one_that_called_and_cannot_be_called_is_not_converged(node: LivingNode) -> None:
    await node.plant([(b"s", b"e", NOW_US)])
    node.store.execute(Write(PEERS_SET, add=(STRANGER.encode(),)))
    status, _ = await asked(node, "/_/converged")
    assert status == 503


async def test_however_many_ask_members_are_probed_once_and_then_not_for_a_while(
    node: LivingNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    convergence, probed = Convergence(node.node), list[str]()

    async def probe(address: str) -> None:
        probed.append(address)

    monkeypatch.setattr(node.node, "probe", probe)
    for _ in range(2):
        await asyncio.gather(*(convergence._probe(["a:1", "b:1"]) for _ in range(50)))
        assert probed == ["a:1", "b:1"]
    convergence._began_s -= PROBE_PAUSE_S
    await convergence._probe(["a:1"])
    assert probed == ["a:1", "b:1", "a:1"]


@pytest.mark.parametrize(
    ("query", "seconds"),
    [("", 2.0), ("max_lag=500ms", 0.5), ("max_lag=2s", 2), ("max_lag=1m", 60), ("max_lag=3", 3)],
)
def test_a_lag_is_a_period(query: str, seconds: float) -> None:
    assert max_lag_s(Request("GET", b"", b"", query.encode())) == seconds


@pytest.mark.parametrize("lag", ["0", "-1", "2d", "25h", "1e3", "", "0.5ms", "\u0661s", "9999999"])
def test_what_is_no_period_is_refused(lag: str) -> None:
    query = f"max_lag={lag}".encode()
    with pytest.raises(InvalidRequest):
        max_lag_s(Request("GET", b"", b"", query))
