"""What operators ask of a node: its tombstones, that it leaves, that it copies another."""

import json
from typing import Any

from lastword.store.operations import Write
from tests.api.http.raw_http import Answer
from tests.api.living_node import NOW_US, LivingNode

WEEK_US = 7 * 86_400_000_000
MINUTE_US = 60_000_000


def said(answer: Answer) -> Any:
    assert answer.status == 200, answer
    return json.loads(answer.body)


async def tombstones(node: LivingNode) -> Any:
    return said(await node.ask("GET", "/_/tombstones"))


async def test_tombstones_are_collectable_when_the_grace_period_is_over(node: LivingNode) -> None:
    await node.say("PATCH", "/s", {"add": ["kept"], "remove": ["one", "two"]})
    shown = await tombstones(node)
    assert (shown["held"], shown["collectable"], shown["collected"]) == (2, 0, 0)
    assert shown["copying"] is None

    node.wall.now_us = NOW_US + WEEK_US + 2 * MINUTE_US
    await node.ask("PUT", "/s/later")

    assert (await tombstones(node))["collectable"] == 2


async def test_a_member_that_does_not_answer_is_shown_with_its_silence(node: LivingNode) -> None:
    await node.ask("PUT", "/_peers_/gone.invalid:1")
    (member,) = (await tombstones(node))["members"]
    assert member.pop("silent") >= 0
    assert member == {
        "address": "gone.invalid:1",
        "answers": False,
        "standing": "unknown",
        "blocksSince": None,
    }


async def test_a_node_that_knows_nobody_has_nobody_to_hand_over_to(node: LivingNode) -> None:
    answer = await node.ask("POST", "/_/leave")
    assert (answer.status, json.loads(answer.body)["error"]["code"]) == (409, "conflict")


async def test_a_node_does_not_leave_while_no_member_answers(node: LivingNode) -> None:
    node.store.execute(Write(b"_peers_", add=(b"gone.invalid:1",)))
    left = said(await node.ask("POST", "/_/leave"))
    assert left == {"hasLeft": False, "waitsFor": ["gone.invalid:1"]}


async def test_a_node_copies_nobody_that_it_is_not_behind(node: LivingNode) -> None:
    answer = await node.say("POST", "/_/rejoin", {"address": "b.invalid:1"})
    assert (answer.status, json.loads(answer.body)["error"]["code"]) == (409, "conflict")
    bodies: tuple[Any, ...] = ({}, {"address": 1}, {"address": "a:1", "more": 1}, [])
    for body in bodies:
        assert (await node.say("POST", "/_/rejoin", body)).status == 400
    refused = await node.say("POST", "/_/rejoin", {"address": "no address"})
    assert json.loads(refused.body)["error"]["code"] == "invalid_address"


async def test_ready_says_that_nothing_is_copied(node: LivingNode) -> None:
    assert said(await node.ask("GET", "/_/ready"))["copying"] is None


async def test_metrics_count_what_is_collected_and_how_the_node_stands(node: LivingNode) -> None:
    text = (await node.ask("GET", "/_/metrics")).body.decode()
    for line in ("lastword_tombstones_collected_total 0.0", "lastword_copying 0.0"):
        assert line in text.splitlines()
    assert 'lastword_standings{standing="behind"} 0.0' in text.splitlines()
