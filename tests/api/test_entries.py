"""`POST /_/entries`: what is held at positions, whole or as far as one answer goes."""

import json
from typing import Any

import msgspec

from lastword.limits import ELEMENT_BYTES_MAX, LISTED_BYTES_MAX
from lastword.replication.hashing import position_of
from tests.api.living_node import LivingNode


def positions(node: LivingNode, set_name: bytes) -> dict[bytes, str]:
    """Return where each element of a set lies."""
    rows = node.store.rows_between(set_name, b"", None, 100_000)
    return {held.key[8:]: f"{position_of(held.key):016x}" for held in rows}


async def asked(node: LivingNode, value: Any) -> tuple[int, Any]:
    answer = await node.say("POST", "/_/entries", value)
    return answer.status, json.loads(answer.body)


async def test_it_has_what_lies_there_and_nothing_else(node: LivingNode) -> None:
    state = {"lwwAdded": {"a": 5, "b": 6}, "lwwRemoved": {"c": 7}, "lwwAddedBase64": {"/w==": 8}}
    await node.say("POST", "/s", state)
    at = positions(node, b"s")
    wanted = [at[b"a"], at[b"c"], at[b"\xff"], "0000000000000001"]
    assert await asked(node, {"set": "s", "positions": wanted}) == (
        200,
        {
            "lookedAt": 4,
            "lwwAdded": {"a": 5},
            "lwwRemoved": {"c": 7},
            "lwwAddedBase64": {"/w==": 8},
        },
    )
    assert await asked(node, {"set": "none", "positions": wanted}) == (200, {"lookedAt": 4})
    body = msgspec.msgpack.encode({"set": "s", "positions": wanted})
    types = dict.fromkeys(("Content-Type", "Accept"), "application/msgpack")
    packed = await node.ask("POST", "/_/entries", body, types)
    assert msgspec.msgpack.decode(packed.body) == {
        "lookedAt": 4,
        "lwwAdded": {"a": 5, b"\xff": 8},
        "lwwRemoved": {"c": 7},
    }


async def test_a_long_answer_says_how_far_it_goes(node: LivingNode) -> None:
    large = [chr(97 + number) * ELEMENT_BYTES_MAX for number in range(20)]
    await node.say("PUT", "/s", large)
    wanted = list(positions(node, b"s").values())
    found = set()
    while wanted:
        status, told = await asked(node, {"set": "s", "positions": wanted})
        assert status == 200
        assert sum(map(len, told["lwwAdded"])) <= LISTED_BYTES_MAX + ELEMENT_BYTES_MAX
        found |= set(told["lwwAdded"])
        wanted = wanted[told["lookedAt"] :]
    assert found == set(large)


async def test_of_a_damaged_set_nothing_is_told(node: LivingNode) -> None:
    await node.say("PUT", "/s", ["a"])
    wanted = list(positions(node, b"s").values())
    assert node.store.damage.distrust(b"s", "a test says so")
    status, told = await asked(node, {"set": "s", "positions": wanted})
    assert (status, told["error"]["code"]) == (503, "corrupt_store")
    assert await asked(node, {"set": "t", "positions": wanted}) == (200, {"lookedAt": 1})
    node.store.damage.sets = {}  # it was sound, as the check at the end has it


async def test_what_is_no_question_is_refused(node: LivingNode) -> None:
    one = "00000000000000ff"
    for wrong in (
        {"set": "s"},
        {"set": "s", "positions": ["ff"]},
        {"set": "s", "positions": [one.upper()]},
        {"set": "s", "positions": [one, one]},
        {"set": "s", "positions": [f"{number:016x}" for number in range(1_001)]},
        {"set": "a/b", "positions": [one]},
        {"set": "s", "positions": [one], "more": 1},
    ):
        status, _ = await asked(node, wrong)
        assert status in {400, 404}, wrong
    twice = await node.ask("POST", "/_/entries", b'{"set":"s","set":"t","positions":[]}')
    assert twice.status == 400
