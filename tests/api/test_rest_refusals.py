"""Requests that are refused: each in the one shape of errors, and nothing of them applied."""

import asyncio
import json
from base64 import b64encode

import pytest

from lastword.api.http import HttpLimits
from tests.api.conftest import StartNode
from tests.api.http.raw_http import Answer, until
from tests.api.living_node import LivingNode

WRITES = ("PUT", "POST", "PATCH", "DELETE")


def error_of(answer: Answer) -> dict[str, str]:
    """Return the error that an answer tells of, in the one shape that errors have."""
    assert answer.headers[b"content-type"] == b"application/json"
    told = json.loads(answer.body)
    assert told.keys() == {"error"}
    error: dict[str, str] = told["error"]
    assert error.keys() == {"code", "message", "hint"}
    assert "" not in error.values()
    assert len(answer.body) < 1_000
    return error


async def refuse(node: LivingNode, method: str, path: str, body: bytes = b"") -> Answer:
    """Send what must be refused, and verify that it changed nothing."""
    before = node.held()
    answer = await node.ask(method, path, body)
    assert 400 <= answer.status < 500, answer
    error_of(answer)
    assert node.held() == before
    return answer


# Methods and queries.


@pytest.mark.parametrize(
    ("path", "method"),
    [("/", method) for method in (*WRITES, "TRACE", "PROPFIND")]
    + [("/s", method) for method in ("DELETE", "TRACE", "QUERY")]
    + [("/s/a", method) for method in ("POST", "PATCH", "TRACE")]
    + [("/_/ready", method) for method in WRITES]
    + [("/_/metrics", method) for method in WRITES]
    + [("/_/sets", method) for method in WRITES]
    + [("/_/openapi.json", method) for method in WRITES]
    + [("/_/bulk", method) for method in ("GET", "PUT", "PATCH", "DELETE")],
)
async def test_a_method_that_a_path_does_not_take_is_405_with_those_it_takes(
    node: LivingNode, path: str, method: str
) -> None:
    await node.ask("PUT", "/s/a")
    answer = await refuse(node, method, path)
    assert answer.status == 405
    assert error_of(answer)["code"] == "method_not_allowed"
    options = await node.ask("OPTIONS", path)
    assert answer.headers[b"allow"] == options.headers[b"allow"]
    assert method.encode() not in answer.headers[b"allow"].split(b", ")


@pytest.mark.parametrize("body", [b"", b'["a"]'])
async def test_a_set_is_not_deleted_and_it_is_said_how_it_goes(
    node: LivingNode, body: bytes
) -> None:
    await node.ask("PUT", "/s/a")
    answer = await refuse(node, "DELETE", "/s", body)
    assert answer.status == 405
    assert "PATCH /<set>" in error_of(answer)["hint"]
    assert "?members" in error_of(answer)["hint"]


@pytest.mark.parametrize("path", ["/", "/s", "/s/a", "/_/ready", "/_/metrics", "/_/openapi.json"])
async def test_a_read_takes_no_query(node: LivingNode, path: str) -> None:
    await node.ask("PUT", "/s/a")
    for query in ("x", "time=1", "ghosts=remove", "callback=f"):
        assert (await refuse(node, "GET", f"{path}?{query}")).status == 400
    assert (await node.ask("GET", f"{path}?")).status == 200


@pytest.mark.parametrize("query", ["x", "x=1", "Time=1", "timestamp=1", "&", "&time=1"])
async def test_a_write_takes_no_query_that_is_not_known(node: LivingNode, query: str) -> None:
    for method, path, body in (
        ("PUT", "/s/a", b""),
        ("DELETE", "/s/a", b""),
        ("PUT", "/s", b'["a"]'),
        ("PATCH", "/s", b'{"add":["a"]}'),
    ):
        assert (await refuse(node, method, f"{path}?{query}", body)).status == 400


async def test_a_merge_takes_no_query(node: LivingNode) -> None:
    for query in ("time=1", "x=1"):
        await refuse(node, "POST", f"/s?{query}", b'{"lwwAdded":{"a":1}}')


# Bodies.


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_an_element_in_the_path_takes_no_body(node: LivingNode, method: str) -> None:
    await node.ask("PUT", "/s/held")
    for body in (b'["b"]', b"{}", b" "):
        assert (await refuse(node, method, "/s/a", body)).status == 400
        assert (await refuse(node, method, "/s/held", body)).status == 400


NO_JSON = [
    b"",
    b" ",
    b"null",
    b"true",
    b"1",
    b'"a"',
    b"[",
    b"{",
    b"{]",
    b'["a"',
    b'["a",]',
    b"['a']",
    b"[a]",
    b'["a"] ["b"]',
    b'["a"]x',
    b'\xef\xbb\xbf["a"]',
    b'["\xff"]',
    b'["\xed\xa0\x80"]',
    b'["\\ud800"]',
    b'["\\udc00\\ud800"]',
    b'["\n"]',
    b'["a\x00"]',
    b"<members/>",
    b"members=a",
    b"NaN",
    b"Infinity",
    b"9" * 5_000,
    b"[" * 1_000_000,
    b'{"lwwAdded":' * 100_000,
    b'{"add":' + b"[" * 1_000_000,
    b'{"x":' + b"[" * 1_000_000,
    b'["a",' + b"[" * 1_000_000,
]
WRONG_SHAPES = [
    b'["a",1]',
    b'["a",null]',
    b'["a",["b"]]',
    b'[{"a":1}]',
    b'{"a":1}',
    b'{"members":"a"}',
    b'{"members":{"a":1}}',
    b'{"members":["a"],"more":[]}',
    b'{"membersBase64":[1]}',
    b'{"add":"a"}',
    b'{"add":["a"],"remove":null}',
    b'{"add":["a"],"ADD":["b"]}',
    b'{"add":["a"],"' + b"k" * 100_000 + b'":[]}',
    b'{"lwwAdded":["a"]}',
    b'{"lwwAdded":null}',
    b'{"lwwAdded":{"a":1},"lwwMoved":{}}',
    b'{"lwwAdded":{"a":1},"lww_removed":{}}',
    b'{"lwwAdded":{"a":1},"' + b"k" * 100_000 + b'":{}}',
    b'{"lwwAdded":{"a":{"b":1}}}',
    b'{"lwwAdded":{1:1}}',
    b'{"lwwAdded":{"\\ud800":1}}',
    b'{"lwwAdded":{"\xff":1}}',
]


@pytest.mark.parametrize("method", ["PUT", "POST", "PATCH"])
@pytest.mark.parametrize(
    "body", NO_JSON + WRONG_SHAPES, ids=lambda body: f"{body[:20]!r}-{len(body)}"
)
async def test_a_body_that_is_not_exactly_what_is_expected_is_refused(
    node: LivingNode, method: str, body: bytes
) -> None:
    assert (await refuse(node, method, "/s", body)).status == 400


@pytest.mark.parametrize(
    "text", ["!", "YQ", "YQ=", "YQ==\n", "Y Q==", "YQ==YQ==", "_w==", "é", "YR=="]
)
async def test_what_is_not_base64_is_refused(node: LivingNode, text: str) -> None:
    for method, value in (
        ("PUT", {"members": ["a"], "membersBase64": [text]}),
        ("PATCH", {"add": ["a"], "addBase64": [text]}),
        ("PATCH", {"add": ["a"], "removeBase64": [text]}),
        ("POST", {"lwwAdded": {"a": 1}, "lwwAddedBase64": {text: 1}}),
        ("POST", {"lwwAdded": {"a": 1}, "lwwRemovedBase64": {text: 1}}),
    ):
        answer = await refuse(node, method, "/s", json.dumps(value).encode())
        assert answer.status == 400


@pytest.mark.parametrize(
    "patch",
    [
        {"add": ["a", "b"], "remove": ["c", "a"]},
        {"add": ["a"], "removeBase64": ["YQ=="]},
        {"addBase64": ["YQ=="], "remove": ["a"]},
        {"add": [""], "removeBase64": [""]},
    ],
)
async def test_an_element_both_added_and_removed_is_refused(
    node: LivingNode, patch: dict[str, list[str]]
) -> None:
    answer = await refuse(node, "PATCH", "/s", json.dumps(patch).encode())
    assert answer.status == 400


# Limits.


async def test_an_element_over_its_limit_is_refused(node: LivingNode) -> None:
    text = "x" * 65_537
    encoded = b64encode(text.encode()).decode()
    for method, value in (
        ("PUT", ["a", text]),
        ("PUT", {"membersBase64": [encoded]}),
        ("PATCH", {"remove": [text]}),
        ("POST", {"lwwAdded": {"a": 1, text: 1}}),
        ("POST", {"lwwRemovedBase64": {encoded: 1}}),
    ):
        answer = await refuse(node, method, "/s", json.dumps(value).encode())
        assert (answer.status, error_of(answer)["code"]) == (400, "invalid_element")


async def test_more_elements_than_one_request_may_name_are_refused(node: LivingNode) -> None:
    names = [str(number) for number in range(10_001)]
    for method, value in (
        ("PUT", names),
        ("PATCH", {"add": names}),
        ("PATCH", {"add": names[:5_000], "remove": names[5_000:]}),
    ):
        answer = await refuse(node, method, "/s", json.dumps(value).encode())
        assert answer.status == 400


async def test_a_body_over_its_limit_is_413(start_node: StartNode) -> None:
    node = await start_node(HttpLimits(body_bytes_max=100))
    for method in ("PUT", "POST", "PATCH"):
        answer = await refuse(node, method, "/s", b'["' + b"x" * 97 + b'"]')
        assert (answer.status, error_of(answer)["code"]) == (413, "body_too_large")
    assert (await node.ask("PUT", "/s", b'["' + b"x" * 96 + b'"]')).status == 200


async def test_a_path_over_its_limit_is_414(node: LivingNode) -> None:
    answer = await refuse(node, "PUT", "/s/" + "x" * (32 << 10))
    assert (answer.status, error_of(answer)["code"]) == (414, "target_too_long")


# Members.

NO_ADDRESSES = ["a", "a:", ":1", "a:0", "a:65536", "a:b", "a b:1", "a:1\n", "http://a:1", "::1:1"]


@pytest.mark.parametrize("text", [*NO_ADDRESSES, "", "[::1:1", "[g::]:1", "é:1", "x" * 255 + ":1"])
async def test_members_are_addresses(node: LivingNode, text: str) -> None:
    await node.ask("PUT", "/_peers_/a:1")
    path = "".join(f"%{byte:02X}" for byte in text.encode())
    for method, where, value in (
        ("PUT", f"/_peers_/{path}", None),
        ("PUT", "/_peers_", ["b:1", text]),
        ("PATCH", "/_peers_", {"add": ["b:1", text]}),
        ("POST", "/_peers_", {"lwwAdded": {"b:1": 1, text: 1}}),
    ):
        body = b"" if value is None else json.dumps(value).encode()
        answer = await refuse(node, method, where, body)
        assert (answer.status, error_of(answer)["code"]) == (400, "invalid_address")


@pytest.mark.parametrize("address", ["localhost:3000", "10.0.0.1:65535", "[::1]:3000", "a.b-c:1"])
async def test_an_address_becomes_and_ceases_to_be_a_member(
    node: LivingNode, address: str
) -> None:
    path = f"/_peers_/{address}".replace("[", "%5B").replace("]", "%5D")
    assert (await node.ask("PUT", path)).status == 200
    assert node.store.members() == {address}
    assert (await node.ask("DELETE", path)).status == 200
    assert node.store.members() == frozenset()


# Pages from elsewhere.


@pytest.mark.parametrize(
    "origin",
    ["http://elsewhere", "null", "", "http://[", "http://127.0.0.1", "://", "x", "http://a, b"],
)
async def test_a_page_from_elsewhere_writes_nothing(node: LivingNode, origin: str) -> None:
    await node.ask("PUT", "/s/held")
    before = node.held()
    for method, path, body in (
        ("PUT", "/s/a", b""),
        ("DELETE", "/s/held", b""),
        ("PUT", "/s", b'["a"]'),
        ("PATCH", "/s", b'{"add":["a"]}'),
        ("POST", "/s", b'{"lwwAdded":{"a":1}}'),
        ("PUT", "/_peers_/a:1", b""),
        ("POST", "/_/peer", b"\x01"),
    ):
        answer = await node.ask(method, path, body, {"Origin": origin})
        assert (answer.status, error_of(answer)["code"]) == (403, "foreign_origin"), path
    assert node.held() == before


async def test_an_origin_that_is_no_name_is_not_the_name_of_a_node_without_one(
    node: LivingNode,
) -> None:
    answer = await node.ask("PUT", "/s/a", headers={"Origin": "null", "Host": ""})
    assert answer.status == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site", "Cross-Site", "", "none, none"])
async def test_a_write_that_a_browser_says_to_be_of_another_site_is_refused(
    node: LivingNode, site: str
) -> None:
    """Also where it keeps the origin to itself, or has no such header."""
    for headers in ({}, {"Origin": f"http://{node.address}"}):
        answer = await node.ask("PUT", "/s/a", headers={"Sec-Fetch-Site": site, **headers})
        assert (answer.status, error_of(answer)["code"]) == (403, "foreign_origin")
    for own in ("same-origin", "none"):
        answer = await node.ask("PUT", "/s/a", headers={"Sec-Fetch-Site": own})
        assert answer.status == 200


async def test_a_nodes_own_page_writes(node: LivingNode) -> None:
    for origin in (f"http://{node.address}", f"HTTPS://{node.address}"):
        answer = await node.ask("PUT", "/s/a", headers={"Origin": origin})
        assert answer.status == 200
    named = {"Host": "Node.Localhost:3000", "Origin": "http://node.localhost:3000"}
    assert (await node.ask("DELETE", "/s/a", headers=named)).status == 200


async def test_a_page_from_elsewhere_gets_no_leave_to_read(node: LivingNode) -> None:
    await node.ask("PUT", "/s/a")
    for method in ("GET", "OPTIONS"):
        answer = await node.ask(method, "/s", headers={"Origin": "http://elsewhere"})
        assert not any(name.startswith(b"access-control") for name in answer.headers)


# Requests that do not arrive whole.


@pytest.mark.parametrize("framing", [b"Content-Length: 24", b"Transfer-Encoding: chunked"])
async def test_half_a_body_applies_nothing(node: LivingNode, framing: bytes) -> None:
    before = node.held()
    half = b"18\r\n" if framing.startswith(b"T") else b""
    client = await node.client(
        b"PATCH /s HTTP/1.1\r\nHost: a\r\n" + framing + b"\r\n\r\n" + half + b'{"add":["a"]}'
    )
    await until(lambda: len(node.server._shared.connections) == 1)
    client.end_sending()
    assert await client.read_rest() == b""
    await until(lambda: not node.server._shared.connections)
    assert node.held() == before


async def test_a_client_that_goes_without_its_answer_takes_no_one_with_it(
    node: LivingNode,
) -> None:
    await node.ask("PUT", "/s/held")
    gone = await node.client(b"".join(node.request("PUT", f"/s/{n}") for n in range(50)))
    gone.close()
    await until(lambda: len(node.server._shared.connections) == 1)
    async with asyncio.TaskGroup() as group:
        for number in range(20):
            client = await node.client(node.request("PUT", f"/t/{number}"))
            group.create_task(client.read_answer())
    assert len((await node.state("t"))["lwwAdded"]) == 20
