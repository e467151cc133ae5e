"""`POST /_/bulk`: writes to many sets, a line each, up to the first that is refused."""

import json
import tracemalloc
from typing import Any

import msgspec
import pytest

from lastword.crdt.stamp import pack
from lastword.errors import DiskFailed, InvalidTime
from lastword.limits import (
    BULK_LINES,
    BULK_PACKED_LINES_MAX,
    GROUP_ROWS_MAX,
    MAX_SKEW_US_DEFAULT,
    PEERS_MAX,
    TIME_MAX,
)
from tests.api.http.raw_http import Answer
from tests.api.living_node import NOW_US, LivingNode

FUTURE_US = NOW_US + 2 * MAX_SKEW_US_DEFAULT


async def bulk(node: LivingNode, *lines: dict[str, Any]) -> Answer:
    body = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    return await node.ask("POST", "/_/bulk", body)


def stopped(answer: Answer, *, status: int, lines: int) -> dict[str, str]:
    """Return the error of an answer that says how many lines stand."""
    told = json.loads(answer.body)
    assert (answer.status, told["lines"]) == (status, lines), told
    assert told.keys() == {"error", "lines"}
    error: dict[str, str] = told["error"]
    assert error["message"].startswith(f"line {lines + 1}: ")
    return error


def adds(count: int, set_name: str = "s") -> list[dict[str, Any]]:
    return [{"set": set_name, "add": [f"element {number}"]} for number in range(count)]


async def test_each_line_writes_to_its_set(node: LivingNode) -> None:
    answer = await bulk(
        node,
        {"set": "a", "add": ["x", "y"], "addBase64": ["/w=="]},
        {"set": "b", "remove": ["x"], "removeBase64": ["/g=="], "time": 7},
        {"set": "a", "remove": ["y"]},
        {"set": "a"},
    )
    assert (answer.status, answer.body) == (200, b'{"lines":4}')
    assert answer.headers[b"lastword-time"] == b"7"
    state = await node.state("a")
    assert state["lwwAdded"].keys() == {"x"}
    assert state["lwwAddedBase64"].keys() == {"/w=="}
    assert state["lwwRemoved"].keys() == {"y"}
    assert await node.state("b") == {
        "lwwAdded": {},
        "lwwRemoved": {"x": 7},
        "lwwRemovedBase64": {"/g==": 7},
    }


async def test_a_later_line_comes_after_an_earlier_one(node: LivingNode) -> None:
    await bulk(node, {"set": "s", "add": ["x"]}, {"set": "s", "remove": ["x"]})
    assert (await node.ask("GET", "/s/x")).body == b"false"
    await bulk(node, {"set": "s", "remove": ["x"]}, {"set": "s", "add": ["x"]})
    assert (await node.ask("GET", "/s/x")).body == b"true"


@pytest.mark.parametrize(
    ("body", "lines", "elements"),
    [
        (b"", 0, set()),
        (b"\n", 0, set()),
        (b" \t\r\n\n" * 1_000, 0, set()),
        (b'{"set":"s","add":["a"]}', 1, {"a"}),
        (b'{"set":"s","add":["a"]}\n', 1, {"a"}),
        (b'\n\n{"set":"s","add":["a"]}\r\n \n{"set":"s","add":["b"]}\r\n\n', 5, {"a", "b"}),
        (b'  {"set":"s","add":["a"]}  ', 1, {"a"}),
    ],
    ids=range(7),
)
async def test_blank_lines_and_the_last_lines_end_do_not_matter(
    node: LivingNode, body: bytes, lines: int, elements: set[str]
) -> None:
    answer = await node.ask("POST", "/_/bulk", body)
    assert (answer.status, answer.body) == (200, b'{"lines":%d}' % lines)
    held = await node.state("s")
    assert set(held["lwwAdded"] if held else ()) == elements


async def test_many_lines_are_applied_in_commits_of_a_thousand(node: LivingNode) -> None:
    before = node.store.commits
    answer = await bulk(node, *adds(2 * BULK_LINES + 1))
    assert answer.body == b'{"lines":%d}' % (2 * BULK_LINES + 1)
    assert node.store.commits == before + 3
    assert len((await node.state("s"))["lwwAdded"]) == 2 * BULK_LINES + 1


async def test_long_lines_are_applied_in_smaller_groups(node: LivingNode) -> None:
    before = node.store.commits
    half = [str(number) for number in range(GROUP_ROWS_MAX // 2 + 1)]
    answer = await bulk(node, *({"set": f"s{number}", "add": half} for number in range(3)))
    assert answer.body == b'{"lines":3}'
    assert node.store.commits == before + 3


@pytest.mark.parametrize(
    ("line", "status", "code"),
    [
        (b"{", 400, "invalid_request"),
        (b"[]", 400, "invalid_request"),
        (b"null", 400, "invalid_request"),
        (b'{"add":["a"]}', 400, "invalid_request"),
        (b'{"set":1,"add":["a"]}', 400, "invalid_request"),
        (b'{"set":"s","add":["a"],"more":1}', 400, "invalid_request"),
        (b'{"set":"s","add":"a"}', 400, "invalid_request"),
        (b'{"set":"s","add":["a"],"remove":["a"]}', 400, "invalid_request"),
        (b'{"set":"s","addBase64":["!"]}', 400, "invalid_request"),
        (b'{"set":"s","add":["a"]} {"set":"s"}', 400, "invalid_request"),
        (b'{"set":"s","add":["\xff"]}', 400, "invalid_request"),
        (b'{"set":"s","add":' + b"[" * 100_000, 400, "invalid_request"),
        (json.dumps({"set": "s", "add": ["x"] * 10_001}).encode(), 400, "invalid_request"),
        (json.dumps({"set": "s", "add": ["x" * 65_537]}).encode(), 400, "invalid_element"),
        (b'{"set":"","add":["a"]}', 400, "invalid_set_name"),
        (b'{"set":"a/b","add":["a"]}', 400, "invalid_set_name"),
        (json.dumps({"set": "x" * 256, "add": ["a"]}).encode(), 400, "invalid_set_name"),
        (b'{"set":"_x","add":["a"]}', 404, "unknown_path"),
        (b'{"set":"_peers_","add":["a"]}', 400, "invalid_address"),
        (b'{"set":"s","add":["a"],"time":-1}', 400, "invalid_time"),
        (b'{"set":"s","add":["a"],"time":1.5}', 400, "invalid_time"),
        (b'{"set":"s","add":["a"],"time":"1"}', 400, "invalid_time"),
        (b'{"set":"s","add":["a"],"time":%d}' % (TIME_MAX + 1), 400, "invalid_time"),
        (b'{"set":"s","add":["a"],"time":%d}' % FUTURE_US, 422, "future_time"),
    ],
    ids=lambda value: repr(value[:30]) if isinstance(value, bytes) else "",
)
async def test_the_first_bad_line_ends_it_and_those_before_it_stand(
    node: LivingNode, line: bytes, status: int, code: str
) -> None:
    good = [json.dumps(each).encode() for each in adds(1_500)]
    later = b'{"set":"later","add":["x"]}'
    answer = await node.ask("POST", "/_/bulk", b"\n".join([*good, line, later]))
    assert stopped(answer, status=status, lines=1_500)["code"] == code
    assert len((await node.state("s"))["lwwAdded"]) == 1_500
    assert (await node.ask("GET", "/later")).status == 404
    assert len(answer.body) < 1_000


async def test_blank_lines_count_where_a_line_is_named(node: LivingNode) -> None:
    answer = await node.ask("POST", "/_/bulk", b'\n\n{"set":"s","add":["a"]}\n\n\n{"no"\n')
    told = json.loads(answer.body)
    assert (told["lines"], told["error"]["message"][:8]) == (5, "line 6: ")


async def test_the_line_behind_those_that_stand_is_the_refused_one_wherever_it_is_refused(
    node: LivingNode,
) -> None:
    for wrong in ('{"no"', f'{{"set":"s","add":["x"],"time":{FUTURE_US}}}'):
        body = f'{{"set":"s","add":["a"]}}\n\n \n{wrong}\n'.encode()
        stopped(
            await node.ask("POST", "/_/bulk", body), status=400 if "no" in wrong else 422, lines=3
        )


async def test_a_wrong_time_in_a_line_comes_with_the_hint_of_times(node: LivingNode) -> None:
    error = stopped(await bulk(node, {"set": "s", "time": -1}), status=400, lines=0)
    assert (error["code"], error["hint"]) == ("invalid_time", InvalidTime.hint_default)


async def test_too_many_lines_in_msgpack_are_refused_before_they_take_memory(
    node: LivingNode,
) -> None:
    body = (
        b"\xdd" + (BULK_PACKED_LINES_MAX + 1).to_bytes(4) + b"\xc0" * (BULK_PACKED_LINES_MAX + 1)
    )
    packed = {"Content-Type": "application/msgpack"}
    tracemalloc.start()
    try:
        answer = await node.ask("POST", "/_/bulk", body, packed)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    told = json.loads(answer.body)
    assert (answer.status, told["lines"]) == (400, 0)
    assert str(BULK_PACKED_LINES_MAX) in told["error"]["message"]
    assert told["error"]["hint"].startswith("Send them in several requests")
    assert peak < 20 * len(body)


async def test_every_line_is_atomic_also_one_that_ends_it(node: LivingNode) -> None:
    await node.plant([(b"s", b"full", pack(TIME_MAX, removed=True))])
    answer = await bulk(
        node,
        {"set": "s", "add": ["a"]},
        {"set": "s", "add": ["b", "full"]},
        {"set": "s", "add": ["c"]},
    )
    assert stopped(answer, status=400, lines=1)["code"] == "invalid_time"
    assert (await node.state("s"))["lwwAdded"].keys() == {"a"}


async def test_nothing_behind_a_line_that_is_refused_on_its_way_to_the_disk_stands(
    node: LivingNode,
) -> None:
    refused = {"set": "s", "add": ["x"], "time": FUTURE_US}
    answer = await bulk(node, *adds(10), refused, *adds(3 * BULK_LINES, "later"))
    stopped(answer, status=422, lines=10)
    assert (await node.ask("GET", "/later")).status == 404


async def test_a_body_that_stopped_can_be_sent_again(node: LivingNode) -> None:
    lines = [*adds(10), {"set": "s", "add": ["x"], "time": FUTURE_US}]
    assert (await bulk(node, *lines)).status == 422
    node.wall.now_us = FUTURE_US
    assert (await bulk(node, *lines)).body == b'{"lines":11}'
    assert len((await node.state("s"))["lwwAdded"]) == 11


async def test_lines_list_members_up_to_their_limit_and_no_further(node: LivingNode) -> None:
    lines = [{"set": "_peers_", "add": [f"a:{port}"]} for port in range(1, PEERS_MAX + 2)]
    answer = await bulk(node, *lines)
    stopped(answer, status=400, lines=PEERS_MAX)
    assert len(node.store.members()) == PEERS_MAX


async def test_the_limit_of_members_holds_over_commits_and_counts_each_once(
    node: LivingNode,
) -> None:
    lines = [{"set": "_peers_", "add": [f"a:{port}"]} for port in range(1, PEERS_MAX + 1)]
    between = [{"set": "s", "add": ["x"]}]
    assert (await bulk(node, *lines, *between, *lines)).status == 200
    answer = await bulk(node, *lines, *between, *lines, {"set": "_peers_", "add": ["b:1"]})
    stopped(answer, status=400, lines=2 * PEERS_MAX + 1)
    assert len(node.store.members()) == PEERS_MAX
    assert (await node.ask("PUT", "/_peers_/a:1")).status == 200
    assert (await node.ask("PUT", "/_peers_/b:1")).status == 400


async def test_it_goes_in_msgpack_as_an_array(node: LivingNode) -> None:
    lines = [{"set": "a", "add": ["x", b"\xff"]}, {"set": "b", "remove": [b"y"], "time": 5}]
    answer = await node.ask(
        "POST",
        "/_/bulk",
        msgspec.msgpack.encode(lines),
        {"Content-Type": "application/msgpack", "Accept": "application/msgpack"},
    )
    assert msgspec.msgpack.decode(answer.body) == {"lines": 2}
    assert (await node.state("a"))["lwwAddedBase64"].keys() == {"/w=="}
    assert (await node.state("b"))["lwwRemoved"] == {"y": 5}


@pytest.mark.parametrize(
    "body", [b"", b"\x80", b"\xc1", b"\x91", b"\xdd\xff\xff\xff\xff", b"\x90x"]
)
async def test_msgpack_that_is_no_array_is_refused_whole(node: LivingNode, body: bytes) -> None:
    before = node.held()
    answer = await node.ask("POST", "/_/bulk", body, {"Content-Type": "application/msgpack"})
    assert (answer.status, json.loads(answer.body)["lines"]) == (400, 0)
    assert node.held() == before


@pytest.mark.parametrize("kind", ["application/x-ndjson", "application/jsonl", "text/plain"])
async def test_lines_are_taken_under_their_names(node: LivingNode, kind: str) -> None:
    body = b'{"set":"s","add":["a"]}'
    assert (await node.ask("POST", "/_/bulk", body, {"Content-Type": kind})).status == 200
    assert (await node.ask("PUT", "/s", b'["a"]', {"Content-Type": "text/csv"})).status == 415


async def test_a_disk_that_failed_is_said_with_how_many_lines_stand(node: LivingNode) -> None:
    node.store.writer._failed = DiskFailed("the disk is gone")
    answer = await bulk(node, *adds(2_500))
    told = json.loads(answer.body)
    assert (answer.status, told["error"]["code"], told["lines"]) == (507, "disk_failed", 0)


async def test_it_takes_no_query_and_no_page_from_elsewhere(node: LivingNode) -> None:
    body = b'{"set":"s","add":["a"]}'
    assert (await node.ask("POST", "/_/bulk?time=1", body)).status == 400
    origin = {"Origin": "http://elsewhere"}
    assert (await node.ask("POST", "/_/bulk", body, origin)).status == 403
    assert (await node.ask("GET", "/s")).status == 404
