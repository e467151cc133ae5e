"""Bodies with a key that stands twice are refused whole: neither of the two is lost in silence."""

import json
from base64 import b64encode

import msgspec
import pytest

from tests.api.http.raw_http import Answer
from tests.api.living_node import LivingNode

PACKED = {"Content-Type": "application/msgpack"}


async def refused(
    node: LivingNode, method: str, path: str, body: bytes, headers: dict[str, str] | None = None
) -> Answer:
    before = node.held()
    answer = await node.ask(method, path, body, headers)
    assert answer.status == 400
    assert json.loads(answer.body)["error"]["code"] == "invalid_request"
    assert b"stands twice" in answer.body
    assert node.held() == before
    return answer


@pytest.mark.parametrize(
    ("method", "body", "key"),
    [
        ("POST", b'{"lwwAdded":{"a":5,"a":7}}', "a"),
        ("POST", b'{"lwwAdded":{"a":5},"lwwAdded":{"b":7}}', "lwwAdded"),
        ("PUT", b'{"members":["a"],"members":["b"]}', "members"),
        ("PUT", b'{"members":["a"],"membersBase64":[],"membersBase64":["Yg=="]}', "membersBase64"),
        ("PATCH", b'{"add":["a"],"add":["b"]}', "add"),
        ("PATCH", b'{"remove":["a"],"add":["\\"c\\\\"],"remove":[]}', "remove"),
    ],
)
async def test_in_json_the_key_is_named(
    node: LivingNode, method: str, body: bytes, key: str
) -> None:
    answer = await refused(node, method, "/s", body)
    assert repr(key) in json.loads(answer.body)["error"]["message"]


async def test_a_line_of_a_bulk_request_is_refused_and_those_before_it_stand(
    node: LivingNode,
) -> None:
    good = b'{"set":"s","add":["a"],"time":5,"remove":[]}\n'
    for bad in (
        b'{"set":"s","add":["b"],"set":"t"}',
        b'{"set":"s","add":["b"],"add":["c"]}',
        b'{"set":"s","time":5,"add":["b"],"time":null}',
    ):
        answer = await node.ask("POST", "/_/bulk", good + bad)
        assert (answer.status, json.loads(answer.body)["lines"]) == (400, 1)
        assert b"line 2: the key" in answer.body
    assert await node.state("s") == {"lwwAdded": {"a": 5}, "lwwRemoved": {}}


def twice(*pairs: tuple[str, object]) -> bytes:
    """Return a map in msgpack with all of `pairs`."""
    items = b"".join(msgspec.msgpack.encode(item) for pair in pairs for item in pair)
    return bytes((0x80 | len(pairs),)) + items


async def test_in_msgpack_too(node: LivingNode) -> None:
    one = msgspec.msgpack.encode("lwwAdded")
    inner = b"\x81" + one + twice(("a", 5), ("a", 7))
    for method, body in (
        ("POST", inner),
        ("POST", twice(("lwwAdded", {"a": 5}), ("lwwAdded", {"b": 5}))),
        ("PUT", twice(("members", ["a"]), ("members", ["b"]))),
        ("PATCH", twice(("add", ["a"]), ("add", ["b"]))),
    ):
        await refused(node, method, "/s", body, PACKED)
    line = b"\x91" + twice(("set", "s"), ("add", ["a"]), ("set", "t"))
    await refused(node, "POST", "/_/bulk", line, PACKED)


async def test_what_names_one_element_in_two_ways_is_taken_as_ever(node: LivingNode) -> None:
    state = {"lwwAdded": {"a": 5}, "lwwAddedBase64": {b64encode(b"a").decode(): 7}}
    assert (await node.say("POST", "/s", state)).status == 200
    assert await node.state("s") == {"lwwAdded": {"a": 7}, "lwwRemoved": {}}
    assert (await node.say("PUT", "/s", ["b", "b"])).status == 200
