"""Old adds of what may have been removed long ago, over REST: 409, or as the caller chooses."""

import json
from typing import Any

import msgspec
import pytest

from lastword.limits import ELEMENT_BYTES_MAX, MERGE_SLICE_ELEMENTS
from lastword.store.operations import Merge
from tests.api.http.raw_http import Answer
from tests.api.living_node import NOW_US, LivingNode
from tests.api.test_bulk import bulk, stopped
from tests.stores import NoteCollected

COLLECTED = NOW_US - 1_000_000
OLD = COLLECTED
FRESH = COLLECTED + 1
ADDS = [
    ("PUT", "/s/a", None),
    ("PUT", "/s", ["a"]),
    ("PATCH", "/s", {"add": ["a"], "remove": ["b"]}),
]


@pytest.fixture
async def collected(node: LivingNode) -> LivingNode:
    """A node that collected tombstones of the set s up to COLLECTED."""
    await node.node.commits.submit(NoteCollected(b"s", COLLECTED), lambda _: None)
    return node


async def say(node: LivingNode, method: str, path: str, value: Any) -> Answer:
    return await node.ask(method, path, b"" if value is None else json.dumps(value).encode())


def refused(answer: Answer) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(answer.body)["error"]
    assert (answer.status, told["code"]) == (409, "ghosts")
    assert "?ghosts=remove" in told["hint"]
    assert "?ghosts=readd" in told["hint"]
    return told


@pytest.mark.parametrize(("method", "path", "value"), ADDS)
async def test_an_add_at_an_old_time_is_refused_whole_and_chosen_by_the_caller(
    collected: LivingNode, method: str, path: str, value: Any
) -> None:
    before = collected.held()
    assert refused(await say(collected, method, f"{path}?time={OLD}", value))["elements"] == ["a"]
    assert collected.held() == before

    left_out = await say(collected, method, f"{path}?time={OLD}&ghosts=remove", value)
    assert left_out.status == 200
    assert (await collected.ask("GET", "/s/a")).body != b"true"

    readded = await say(collected, method, f"{path}?time={OLD}&ghosts=readd", value)
    assert readded.status == 200
    assert (await collected.state("s"))["lwwAdded"]["a"] > COLLECTED


async def test_what_is_newer_or_removes_or_takes_the_nodes_time_is_free(
    collected: LivingNode,
) -> None:
    assert (await collected.ask("PUT", f"/s/a?time={FRESH}")).status == 200
    assert (await collected.ask("DELETE", f"/s/b?time={OLD}")).status == 200
    assert (await collected.ask("PUT", "/s/c")).status == 200
    assert (await collected.ask("PUT", f"/s/c?time={OLD}")).status == 200  # it is present


async def test_the_time_of_what_was_added_anew_is_answered(collected: LivingNode) -> None:
    one = await collected.ask("PUT", f"/s/a?time={OLD}&ghosts=readd")
    many = await collected.say("POST", "/s?ghosts=readd", {"lwwAdded": {"b": 1, "c": OLD}})
    none = await collected.say("POST", "/s?ghosts=remove", {"lwwAdded": {"d": 7}})
    times = [int(answer.headers[b"lastword-time"]) for answer in (one, many, none)]
    held = (await collected.state("s"))["lwwAdded"]
    assert held == {"a": times[0], "b": times[1], "c": times[1]}
    assert times[2] == 7


async def test_a_state_is_checked_whole_before_its_first_slice(collected: LivingNode) -> None:
    fresh = {str(number): FRESH for number in range(3 * MERGE_SLICE_ELEMENTS)}
    state = {"lwwAdded": fresh | {"old": OLD}, "lwwAddedBase64": {"/w==": 1}}
    before = collected.held()
    told = refused(await collected.say("POST", "/s", state))
    assert (told["elements"], told["elementsBase64"]) == (["old"], ["/w=="])
    assert "more" not in told
    assert collected.held() == before

    assert (await collected.say("POST", "/s?ghosts=remove", state)).status == 200
    assert (await collected.state("s"))["lwwAdded"] == fresh
    assert (await collected.say("POST", "/s?ghosts=readd", state)).status == 200
    held = await collected.state("s")
    assert held["lwwAdded"]["old"] > COLLECTED
    assert held["lwwAddedBase64"]["/w=="] > COLLECTED


async def test_a_collection_between_two_slices_is_said_with_how_much_stands(
    node: LivingNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit = node.node.commits.submit
    merges = 0

    def collecting(operation: Any, render: Any) -> Any:
        """Do as the node's own, with a collection just before the second slice."""
        nonlocal merges
        merges += isinstance(operation, Merge)
        if merges == 2:
            submit(NoteCollected(b"s", COLLECTED), lambda _: None)
        return submit(operation, render)

    monkeypatch.setattr(node.node.commits, "submit", collecting)
    names = [str(number) for number in range(2 * MERGE_SLICE_ELEMENTS)]
    state = {"lwwAdded": dict.fromkeys(names, OLD)}
    told = refused(await node.say("POST", "/s", state))
    assert f"{MERGE_SLICE_ELEMENTS} elements are merged, the others may not be" in told["message"]
    assert told["hint"].endswith("Then send the state again.")
    assert told["elements"][0] == names[MERGE_SLICE_ELEMENTS]
    assert len(told["elements"]) + told["more"] == MERGE_SLICE_ELEMENTS
    assert (await node.say("POST", "/s?ghosts=readd", state)).status == 200
    assert (await node.state("s"))["lwwAdded"].keys() == set(names)


async def test_a_bulk_request_stops_at_the_line_with_a_ghost(collected: LivingNode) -> None:
    lines: list[dict[str, Any]] = [
        {"set": "s", "add": ["a"]},
        {"set": "s", "add": ["a", "b"], "addBase64": ["/w=="], "time": OLD},
        {"set": "s", "add": ["c"]},
    ]
    error: dict[str, Any] = stopped(await bulk(collected, *lines), status=409, lines=1)
    assert (error["code"], error["elements"], error["elementsBase64"]) == (
        "ghosts",
        ["b"],
        ["/w=="],
    )
    assert (await collected.ask("GET", "/s/c")).body == b"false"
    body = b"\n".join(json.dumps(line).encode() for line in lines)
    for choice, present in (("remove", b"false"), ("readd", b"true")):
        answer = await collected.ask("POST", f"/_/bulk?ghosts={choice}", body)
        assert answer.body == b'{"lines":3}'
        assert (await collected.ask("GET", "/s/b")).body == present


async def test_in_msgpack_elements_are_listed_as_text_or_bytes(collected: LivingNode) -> None:
    body = msgspec.msgpack.encode({"lwwAdded": {"a": 1, b"\xff": 1}})
    types = {"Content-Type": "application/msgpack", "Accept": "application/msgpack"}
    answer = await collected.ask("POST", "/s", body, types)
    assert answer.status == 409
    assert set(msgspec.msgpack.decode(answer.body)["error"]["elements"]) == {"a", b"\xff"}


async def test_a_refusal_is_short_whatever_it_is_about(collected: LivingNode) -> None:
    hard = {"\0" * (ELEMENT_BYTES_MAX - number): OLD for number in range(20)}
    soft = {"\0" * 50 + str(number): OLD for number in range(10_000)}
    answer = await collected.say("POST", "/s", {"lwwAdded": hard | soft})
    told = refused(answer)
    assert len(told["elements"]) + told["more"] == len(hard) + len(soft)
    assert len(told["elements"]) == 100
    assert len(answer.body) < 64 << 10


@pytest.mark.parametrize(("method", "path", "value"), ADDS)
async def test_the_choice_stands_before_the_time_or_alone_too(
    collected: LivingNode, method: str, path: str, value: Any
) -> None:
    left_out = await say(collected, method, f"{path}?ghosts=remove&time={OLD}", value)
    assert left_out.status == 200
    assert (await collected.ask("GET", "/s/a")).body != b"true"
    assert (await say(collected, method, f"{path}?ghosts=remove", value)).status == 200
    assert (await collected.ask("GET", "/s/a")).body == b"true", "a time of the node's is no ghost"


@pytest.mark.parametrize(
    "query",
    ["ghosts=", "ghosts=refuse", "ghosts=remove&ghosts=readd", "ghosts", "ghosts=REMOVE", "x=1"],
)
async def test_what_is_no_choice_is_refused(collected: LivingNode, query: str) -> None:
    before = collected.held()
    for path in (f"/s?{query}", f"/_/bulk?{query}"):
        assert (await collected.say("POST", path, {})).status == 400
    assert (await collected.ask("PUT", f"/s/a?time=1&{query}")).status == 400
    assert (await collected.ask("DELETE", f"/s/a?time=1&{query}")).status == 400
    assert (await collected.ask("PUT", f"/s/a?{query}")).status == 400
    assert collected.held() == before
