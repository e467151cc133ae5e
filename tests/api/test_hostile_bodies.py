"""What is nested, lies of its length, is no text or no number: refused, and the node goes on."""

import gzip
import json
import zlib

import pytest

from tests.api.living_node import LivingNode

DEEP = 100_000
DIGITS = b"9" * 5_000
PACKED = {"Content-Type": "application/msgpack"}
NDJSON = {"Content-Type": "application/x-ndjson"}

IN_JSON = {
    "deep map": b'{"lwwAdded":' + b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "deep list": b'{"add":' + b"[" * DEEP + b"]" * DEEP + b"}",
    "long number": b'{"lwwAdded":{"a":' + DIGITS + b"}}",
    "huge exponent": b'{"lwwAdded":{"a":1e400}}',
    "small exponent": b'{"lwwAdded":{"a":1e-400}}',
    "NaN": b'{"lwwAdded":{"a":NaN}}',
    "Infinity": b'{"lwwAdded":{"a":-Infinity}}',
    "lone surrogate": b'{"lwwAdded":{"\\ud800":1}}',
    "surrogates turned round": b'{"add":["\\udc00\\ud800"]}',
    "surrogate in UTF-8": b'{"add":["\xed\xa0\x80"]}',
    "raw NUL": b'{"add":["\x00"]}',
}
IN_MSGPACK = {
    "deep list": b"\x81\xa3add" + b"\x91" * DEEP + b"\xc0",
    "deep map": b"\x81\xa8lwwAdded" + b"\x81\xa1a" * DEEP + b"\x01",
    "map that lies": b"\x81\xa8lwwAdded\xdf\xff\xff\xff\xff",
    "list that lies": b"\x81\xa3add\xdd\xff\xff\xff\xff",
    "text that lies": b"\x81\xa3add\x91\xdb\xff\xff\xff\xffa",
    "bytes that lie": b"\x81\xa3add\x91\xc6\xff\xff\xff\xffa",
    "extension": b"\x81\xa3add\x91\xd4\x05\x00",
    "extension that lies": b"\x81\xa3add\x91\xc9\xff\xff\xff\xff\x05",
    "timestamp": b"\x81\xa8lwwAdded\x81\xa1a\xd6\xff\x00\x00\x00\x00",
    "key that is a number": b"\x81\xa8lwwAdded\x81\x01\x01",
    "key that is a list": b"\x81\xa8lwwAdded\x81\x91\x01\x01",
    "key that is nil": b"\x81\xc0\x91\xa1a",
    "name that is bytes": b"\x81\xc4\x03add\x91\xa1b\xc1",
    "text that is none": b"\x81\xa3add\x91\xa1\xff",
    "never used byte": b"\xc1",
    "NaN": b"\x81\xa8lwwAdded\x81\xa1a\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00",
}


async def refused(
    node: LivingNode, method: str, path: str, body: bytes, headers: dict[str, str] | None = None
) -> None:
    before = node.held()
    answer = await node.ask(method, path, body, headers)
    assert 400 <= answer.status < 500, answer
    assert len(answer.body) < 1_000
    assert node.held() == before
    assert (await node.ask("GET", "/_/ready")).status == 200


@pytest.mark.parametrize("name", IN_JSON)
async def test_json_that_is_hostile_is_refused(node: LivingNode, name: str) -> None:
    for method in ("POST", "PUT", "PATCH"):
        await refused(node, method, "/s", IN_JSON[name])
    line = b'{"set":"s","x":' + IN_JSON[name] + b"}\n"
    await refused(node, "POST", "/_/bulk", line, NDJSON)
    await refused(node, "POST", "/_/rejoin", IN_JSON[name])


@pytest.mark.parametrize("name", IN_MSGPACK)
async def test_msgpack_that_is_hostile_is_refused(node: LivingNode, name: str) -> None:
    for method in ("POST", "PUT", "PATCH"):
        await refused(node, method, "/s", IN_MSGPACK[name], PACKED)
    for path in ("/_/bulk", "/_/rejoin"):
        await refused(node, "POST", path, IN_MSGPACK[name], PACKED)
    for version in (2, 3):
        await refused(node, "POST", "/_/peer", bytes((version,)) + IN_MSGPACK[name])


@pytest.mark.parametrize(
    "line",
    [
        b'{"set":"\\ud800","add":["a"]}',
        b'{"set":"\xed\xa0\x80","add":["a"]}',
        b'{"set":"s","add":["\\ud800"]}',
        b'{"set":"s","add":["a"],"time":' + DIGITS + b"}",
        b'{"set":"s","add":["a"],"time":1e400}',
        b'{"set":"' + b"a" * 256 + b'","add":["a"]}',
    ],
    ids=range(6),
)
async def test_a_hostile_line_writes_nothing(node: LivingNode, line: bytes) -> None:
    await refused(node, "POST", "/_/bulk", line, NDJSON)


@pytest.mark.parametrize("path", ["/%ED%A0%80", "/%ff/a", "/%C0%AF/a", "/%00%80/a"])
async def test_a_set_is_named_by_utf8_only(node: LivingNode, path: str) -> None:
    await refused(node, "PUT", path, b"" if path.endswith("/a") else b'["a"]')


async def test_nul_and_surrogate_bytes_in_names_and_elements_are_kept_to_the_byte(
    node: LivingNode,
) -> None:
    assert (await node.ask("PUT", "/a%00b/x%00%ED%A0%80")).status == 200
    assert (await node.say("PATCH", "/a%00b", {"add": ["\0"]})).status == 200
    assert (await node.ask("GET", "/a%00b/x%00%ED%A0%80")).body == b"true"
    assert (await node.ask("GET", "/a/x%00%ED%A0%80")).status == 404
    state = await node.state("a%00b")
    assert list(state["lwwAdded"]) == ["\0"]
    assert len(state["lwwAddedBase64"]) == 1


@pytest.mark.parametrize("path", ["/s", "/_/bulk", "/_/rejoin"])
@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "gzip, identity"])
async def test_nothing_is_decompressed(node: LivingNode, path: str, coding: str) -> None:
    bomb = gzip.compress(b" " * 10_000_000 + b'["a"]')
    for body in (bomb, zlib.compress(b'["a"]'), b'["a"]'):
        answer = await node.ask("POST", path, body, {"Content-Encoding": coding})
        assert (answer.status, json.loads(answer.body)["error"]["code"]) == (
            415,
            "unknown_media_type",
        )


@pytest.mark.parametrize(
    "head",
    [
        b"PUT /s HTTP/1.1\r\nHost: a\r\nContent-Length: " + DIGITS + b"\r\n\r\n",
        b"PUT /s HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + DIGITS + b"\r\n",
        b"PUT /s/a HTTP/1.1\r\nHost: a:" + DIGITS + b"\r\n\r\n",
        b"GET /s?limit=" + DIGITS + b"&members HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    ],
    ids=["length", "chunk", "port", "limit"],
)
async def test_a_number_of_5000_digits_is_refused(node: LivingNode, head: bytes) -> None:
    client = await node.client(head)
    assert (await client.read_rest()).startswith(b"HTTP/1.1 4")
    assert (await node.ask("GET", "/_/ready")).status == 200
