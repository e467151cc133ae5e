"""JSON or msgpack: what a body is, by its type, and what is answered, by what is accepted."""

import json
import tracemalloc
from typing import Any

import msgspec
import pytest

from lastword.api.http.forms import MSGPACK_NAMES, wanted_form
from lastword.api.http.messages import Request
from tests.api.http.raw_http import Answer
from tests.api.living_node import NOW_US, LivingNode

MSGPACK = "application/msgpack"
ASKED = {"Accept": MSGPACK}


def unpacked(answer: Answer) -> Any:
    assert answer.headers[b"content-type"] == MSGPACK.encode()
    return msgspec.msgpack.decode(answer.body)


async def pack(node: LivingNode, method: str, path: str, value: Any) -> Answer:
    """Send `value` as msgpack, and ask for msgpack."""
    headers = {"Content-Type": MSGPACK, "Accept": MSGPACK}
    return await node.ask(method, path, msgspec.msgpack.encode(value), headers)


# Which form is answered.


@pytest.mark.parametrize(
    ("accept", "answered"),
    [
        (None, "application/json"),
        ("", "application/json"),
        ("*/*", "application/json"),
        ("application/*", "application/json"),
        ("text/html", "application/json"),
        ("application/json", "application/json"),
        ("application/msgpack", "application/msgpack"),
        ("APPLICATION/MsgPack", "application/msgpack"),
        ("application/vnd.msgpack", "application/vnd.msgpack"),
        ("application/x-msgpack", "application/x-msgpack"),
        ("application/x-msgpack, application/msgpack", "application/msgpack"),
        ("application/x-msgpack, application/msgpack;q=0.5", "application/x-msgpack"),
        ("application/json, application/msgpack", "application/msgpack"),
        ("application/msgpack, */*", "application/msgpack"),
        ("application/msgpack;q=0.9, */*;q=0.1", "application/msgpack"),
        ("application/msgpack;q=0.5, application/json", "application/json"),
        ("application/msgpack;q=0.5, */*", "application/json"),
        ("application/msgpack;q=0.5, application/*", "application/json"),
        ("application/msgpack;q=0.5, application/json;q=0.4, */*", "application/msgpack"),
        ("application/msgpack;q=0", "application/json"),
        ("application/msgpack;q=0.000, text/html", "application/json"),
        ("application/msgpack; q=0.5 , application/json ; Q=0.6", "application/json"),
        ("application/msgpack;q=1.000", "application/msgpack"),
        ("application/msgpack;q=2", "application/json"),
        ("application/msgpack;q=x", "application/json"),
        ("application/msgpack;q=", "application/json"),
        ("application/msgpack-seq", "application/json"),
        (";;;msgpack,,,", "application/json"),
        ("application/msgpack;v=1;q=0.9", "application/msgpack"),
    ],
)
def test_msgpack_goes_to_who_names_it_and_does_not_want_json_more(
    accept: str | None, answered: str
) -> None:
    headers = {} if accept is None else {b"accept": accept.encode()}
    request = Request("GET", b"/s", b"/s", headers=headers)
    assert wanted_form(request).content_type.decode() == answered


async def test_elements_are_answered_in_msgpack_where_it_is_asked_for(node: LivingNode) -> None:
    missing = await node.ask("GET", "/s/a", headers=ASKED)
    assert (missing.status, unpacked(missing)) == (404, None)
    written = await node.ask("PUT", "/s/a", headers=ASKED)
    assert (unpacked(written), int(written.headers[b"lastword-time"])) == (None, NOW_US)
    assert unpacked(await node.ask("GET", "/s/a", headers=ASKED)) is True
    assert unpacked(await node.ask("DELETE", "/s/a", headers=ASKED)) is None
    assert unpacked(await node.ask("GET", "/s/a", headers=ASKED)) is False
    for name in MSGPACK_NAMES:
        answer = await node.ask("GET", "/s/a", headers={"Accept": name.decode()})
        assert (answer.headers[b"content-type"], answer.body) == (name, b"\xc2")


async def test_a_state_in_msgpack_has_text_where_it_is_text_and_else_bytes(
    node: LivingNode,
) -> None:
    await node.say("PATCH", "/s?time=5", {"add": ["a", "é"], "addBase64": ["/w=="]})
    await node.say("PATCH", "/s?time=6", {"remove": ["b"], "removeBase64": ["/g=="]})
    assert unpacked(await node.ask("GET", "/s", headers=ASKED)) == {
        "lwwAdded": {"a": 5, "é": 5, b"\xff": 5},
        "lwwRemoved": {"b": 6, b"\xfe": 6},
    }
    page = unpacked(await node.ask("GET", "/s?members", headers=ASKED))
    assert page["after"] is None
    assert len(page["members"]) == 3
    assert set(page["members"]) == {"a", "é", b"\xff"}


async def test_the_node_and_its_sets_are_shown_in_msgpack(node: LivingNode) -> None:
    await node.ask("PUT", "/s/a")
    assert unpacked(await node.ask("GET", "/", headers=ASKED))["name"] == "lastword"
    assert unpacked(await node.ask("GET", "/_/ready", headers=ASKED))["sets"] == 1
    listed = unpacked(await node.ask("GET", "/_/sets", headers=ASKED))
    assert listed == {"sets": [{"name": "s", "present": 1, "tombstones": 0}], "after": None}
    metrics = await node.ask("GET", "/_/metrics", headers=ASKED)
    assert metrics.headers[b"content-type"].startswith(b"text/plain")


async def test_errors_are_answered_in_msgpack_whoever_finds_them(node: LivingNode) -> None:
    for method, path, status in (
        ("GET", "/_nothing", 404),
        ("TRACE", "/s", 405),
        ("GET", "/s?x", 400),
        ("PUT", f"/s/a?time={NOW_US * 2}", 422),  # refused on its way to the disk
    ):
        answer = await node.ask(method, path, headers=ASKED)
        assert answer.status == status
        assert unpacked(answer)["error"].keys() == {"code", "message", "hint"}


async def test_answers_whose_form_was_chosen_say_what_by(node: LivingNode) -> None:
    await node.ask("PUT", "/s/a")
    for path in ("/s", "/s?members", "/_/sets", "/nothing"):
        for headers in ({}, ASKED):
            answer = await node.ask("GET", path, headers=headers)
            assert answer.headers[b"vary"] == b"Accept"


# Which form is taken.


async def test_every_write_goes_in_msgpack(node: LivingNode) -> None:
    for method, value in (
        ("PUT", ["a", b"\xff"]),
        ("PUT", {"members": ["b", b"c"]}),
        ("PATCH", {"add": ["d"], "remove": [b"a", b"\xfe"]}),
        ("POST", {"lwwAdded": {"e": 5, b"\xfd": 6}, "lwwRemoved": {b"f": 7}}),
    ):
        assert unpacked(await pack(node, method, "/s", value)) is None
    state = unpacked(await node.ask("GET", "/s", headers=ASKED))
    assert state["lwwAdded"].keys() == {b"\xff", "b", "c", "d", "e", b"\xfd"}
    assert state["lwwRemoved"].keys() == {"a", b"\xfe", "f"}


async def test_a_state_that_was_read_in_msgpack_can_be_merged(node: LivingNode) -> None:
    await node.say("PATCH", "/s", {"add": ["a"], "addBase64": ["/w=="], "remove": ["b"]})
    state = (await node.ask("GET", "/s", headers=ASKED)).body
    await node.ask("POST", "/t", state, {"Content-Type": MSGPACK})
    assert await node.state("t") == await node.state("s")


BAD = [
    b"",
    b"\xc0",
    b"\xc1",
    b"\x93",
    b"\x91\x01",
    b"\x81\xa3add\xa1x",
    b"\x80\x80",
    b"\x91" * 1_000_000,
]
WRONG = [
    {"add": [1]},
    {"add": [None]},
    {"add": [["a"]]},
    {"more": []},
    {"members": {"a": 1}},
    [1.5],
]


@pytest.mark.parametrize("method", ["PUT", "POST", "PATCH"])
@pytest.mark.parametrize(
    "body",
    BAD + [msgspec.msgpack.encode(value) for value in WRONG],
    ids=lambda body: body[:12].hex(),
)
async def test_msgpack_that_is_not_what_is_expected_is_refused(
    node: LivingNode, method: str, body: bytes
) -> None:
    before = node.held()
    answer = await node.ask(method, "/s", body, {"Content-Type": MSGPACK})
    assert answer.status == 400
    assert json.loads(answer.body)["error"]["code"] in {"invalid_request", "invalid_time"}
    assert node.held() == before


async def test_elements_in_msgpack_have_the_limits_of_all(node: LivingNode) -> None:
    longest = b"\xff" * 65_536
    assert (await pack(node, "PUT", "/s", [longest])).status == 200
    assert (await pack(node, "PUT", "/s", [longest + b"x"])).status == 400
    assert (await pack(node, "PATCH", "/s", {"add": ["x"] * 10_001})).status == 400
    assert (await pack(node, "PATCH", "/s", {"add": ["x"], "remove": [b"x"]})).status == 400


@pytest.mark.parametrize(
    "kind",
    [
        "application/json",
        "application/json; charset=utf-8",
        "Application/JSON",
        "application/x-www-form-urlencoded",  # what curl -d says
        "application/octet-stream",
        "text/plain;charset=UTF-8",
        "application/merge-patch+json",
        "",
    ],
)
async def test_json_is_taken_under_the_names_that_clients_give_it(
    node: LivingNode, kind: str
) -> None:
    for method, body in (
        ("PUT", b'["a"]'),
        ("PATCH", b'{"add":["a"]}'),
        ("POST", b'{"lwwAdded":{"a":1}}'),
    ):
        answer = await node.ask(method, "/s", body, {"Content-Type": kind})
        assert (answer.status, answer.body) == (200, b"null")


@pytest.mark.parametrize("kind", ["text/html", "application/xml", "image/png", "msgpack", "*/*"])
async def test_a_body_in_another_form_is_415(node: LivingNode, kind: str) -> None:
    before = node.held()
    for method in ("PUT", "PATCH", "POST"):
        answer = await node.ask(method, "/s", b"[]", {"Content-Type": kind})
        error = json.loads(answer.body)["error"]
        assert (answer.status, error["code"]) == (415, "unknown_media_type")
    assert (await node.ask("POST", "/_/bulk", b"", {"Content-Type": kind})).status == 415
    assert node.held() == before


async def test_a_compressed_body_is_415_and_says_why(node: LivingNode) -> None:
    for method, path in (("PUT", "/s"), ("PATCH", "/s"), ("POST", "/s"), ("POST", "/_/bulk")):
        answer = await node.ask(method, path, b"\x1f\x8b\x08", {"Content-Encoding": "gzip"})
        error = json.loads(answer.body)["error"]
        assert (answer.status, error["code"]) == (415, "unknown_media_type")
        assert "Content-Encoding" in error["message"]
    assert (await node.ask("PUT", "/s", b'["a"]', {"Content-Encoding": "identity"})).status == 200


@pytest.mark.parametrize("head", [b"", b"\x81\xa7members", b"\x81\xa3add", b"\x81\xa6remove"])
async def test_too_many_elements_in_msgpack_are_refused_before_they_take_memory(
    node: LivingNode, head: bytes
) -> None:
    count = 1_000_000
    body = head + b"\xdd" + count.to_bytes(4) + b"\xa2ab" * count
    method = "PUT" if not head or b"members" in head else "PATCH"
    tracemalloc.start()
    try:
        answer = await node.ask(method, "/s", body, {"Content-Type": "application/msgpack"})
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    error = json.loads(answer.body)["error"]
    assert (answer.status, error["code"]) == (400, "invalid_request")
    assert "10000" in error["message"]
    assert error["hint"].startswith("Send them in several requests")
    assert peak < 8 * len(body)
