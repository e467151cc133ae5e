"""How many elements a set has, and which of several: without the elements themselves."""

import json
from base64 import b64encode
from typing import Any

import msgspec

from tests.api.living_node import LivingNode


async def asked(node: LivingNode, value: Any) -> Any:
    answer = await node.say("POST", "/_/contains", value)
    return answer.status, json.loads(answer.body)


async def test_the_counts_of_a_set_follow_every_write(node: LivingNode) -> None:
    missing = await node.ask("GET", "/s?count")
    assert (missing.status, missing.body) == (404, b"null")
    await node.say("PUT", "/s", ["a", "b", "c"])
    await node.say("PATCH", "/s", {"remove": ["a"]})
    answer = await node.ask("GET", "/s?count")
    assert json.loads(answer.body) == {"present": 2, "tombstones": 1}
    assert (await node.ask("GET", "/s?count=")).body == answer.body  # as some clients write it
    assert (await node.ask("GET", "/s?count=1")).status == 400


async def test_of_each_element_it_says_whether_it_is_there(node: LivingNode) -> None:
    raw = b64encode(b"\xff").decode()
    await node.say("PATCH", "/s", {"add": ["a", "", "é"], "addBase64": [raw], "remove": ["b"]})
    members = ["a", "b", "", "é", "a", "c"]
    told = await asked(node, {"set": "s", "members": members, "membersBase64": [raw, "/g=="]})
    assert told == (200, {"present": [True, False, True, True, True, False, True, False]})
    assert await asked(node, {"set": "no", "members": ["a"]}) == (200, {"present": [False]})
    assert await asked(node, {"set": "s"}) == (200, {"present": []})


async def test_it_takes_and_gives_msgpack(node: LivingNode) -> None:
    await node.say("PATCH", "/s", {"add": ["a"], "addBase64": ["/w=="]})
    body = msgspec.msgpack.encode({"set": "s", "members": [b"a", "a", b"\xff", "b"]})
    types = dict.fromkeys(("Content-Type", "Accept"), "application/msgpack")
    answer = await node.ask("POST", "/_/contains", body, types)
    assert msgspec.msgpack.decode(answer.body) == {"present": [True, True, True, False]}


async def test_many_are_looked_up_beside_the_loop_with_the_same_answer(node: LivingNode) -> None:
    elements = [f"element {number}" for number in range(10_000)]
    await node.say("PUT", "/s", elements[::2])
    status, told = await asked(node, {"set": "s", "members": elements})
    assert (status, told["present"]) == (200, [True, False] * 5_000)


async def test_too_many_and_what_is_none_are_refused(node: LivingNode) -> None:
    for value in (
        {"set": "s", "members": ["a"] * 10_001},
        {"members": ["a"]},
        {"set": "s", "x": 1},
    ):
        status, told = await asked(node, value)
        assert (status, told["error"]["code"]) == (400, "invalid_request")
    status, told = await asked(node, {"set": "_no", "members": ["a"]})
    assert (status, told["error"]["code"]) == (404, "unknown_path")
    status, told = await asked(node, {"set": "_tokens_", "members": ["a"]})
    assert (status, told["error"]["code"]) == (403, "forbidden")
