"""What each call answers, to the byte."""

import json
import re
from base64 import b64encode
from importlib.metadata import version

import pytest
from prometheus_client.parser import text_string_to_metric_families

from lastword.limits import MERGE_SLICE_ELEMENTS
from tests.api.living_node import NOW_US, LivingNode

NO_ENTRIES: dict[str, dict[str, int]] = {"lwwAdded": {}, "lwwRemoved": {}}


# The five calls.


async def test_a_set_without_entries_is_404_null_and_so_are_its_elements(
    node: LivingNode,
) -> None:
    for path in ("/s", "/s/a", "/s/", "/_peers_"):
        answer = await node.ask("GET", path)
        assert (answer.status, answer.body) == (404, b"null")


async def test_an_element_that_was_put_is_there(node: LivingNode) -> None:
    put = await node.ask("PUT", "/s/a")
    assert (put.status, put.body) == (200, b"null")
    got = await node.ask("GET", "/s/a")
    assert (got.status, got.body) == (200, b"true")
    assert got.headers[b"content-type"] == b"application/json"


async def test_an_element_that_is_not_in_a_set_with_entries_is_false(node: LivingNode) -> None:
    await node.ask("PUT", "/s/a")
    got = await node.ask("GET", "/s/b")
    assert (got.status, got.body) == (200, b"false")


async def test_an_element_that_was_deleted_is_false(node: LivingNode) -> None:
    await node.ask("PUT", "/s/a")
    deleted = await node.ask("DELETE", "/s/a")
    assert (deleted.status, deleted.body) == (200, b"null")
    got = await node.ask("GET", "/s/a")
    assert (got.status, got.body) == (200, b"false")


async def test_a_delete_of_what_was_never_there_is_kept_as_a_tombstone(node: LivingNode) -> None:
    answer = await node.ask("DELETE", "/s/a")
    assert (answer.status, answer.body) == (200, b"null")
    assert await node.state("s") == {"lwwAdded": {}, "lwwRemoved": {"a": NOW_US}}
    assert (await node.ask("GET", "/s/a")).body == b"false"


async def test_the_state_of_a_set_is_two_maps_with_times(node: LivingNode) -> None:
    await node.ask("PUT", "/s/a")
    await node.ask("DELETE", "/s/b")
    answer = await node.ask("GET", "/s")
    assert answer.status == 200
    assert answer.headers[b"content-type"] == b"application/json"
    assert answer.body == (b'{"lwwAdded":{"a":%d},"lwwRemoved":{"b":%d}}' % (NOW_US, NOW_US + 1))


async def test_a_set_of_which_everything_was_removed_is_still_a_set(node: LivingNode) -> None:
    await node.ask("PUT", "/s/a")
    await node.ask("DELETE", "/s/a")
    answer = await node.ask("GET", "/s")
    assert answer.status == 200
    assert json.loads(answer.body)["lwwAdded"] == {}


async def test_a_large_set_is_answered_whole(node: LivingNode) -> None:
    times = {f"element {number}": number for number in range(12_000)}
    assert (await node.say("POST", "/s", {"lwwAdded": times})).status == 200
    assert await node.state("s") == {"lwwAdded": times, "lwwRemoved": {}}


async def test_sets_are_apart(node: LivingNode) -> None:
    await node.ask("PUT", "/s/a")
    await node.ask("DELETE", "/t/a")
    assert (await node.ask("GET", "/s/a")).body == b"true"
    assert (await node.ask("GET", "/t/a")).body == b"false"


# Merging.


async def test_a_merge_answers_null_and_takes_every_map(node: LivingNode) -> None:
    state = {
        "lwwAdded": {"a": 5},
        "lwwRemoved": {"b": 6},
        "lwwAddedBase64": {"/w==": 7},
        "lwwRemovedBase64": {"/g==": 8},
    }
    answer = await node.say("POST", "/s", state)
    assert (answer.status, answer.body) == (200, b"null")
    assert await node.state("s") == state


async def test_a_merge_takes_the_greater_time_of_each_element(node: LivingNode) -> None:
    await node.say("POST", "/s", {"lwwAdded": {"a": 5, "b": 5}, "lwwRemoved": {"c": 5}})
    await node.say("POST", "/s", {"lwwAdded": {"a": 6, "c": 4}, "lwwRemoved": {"b": 6}})
    assert await node.state("s") == {"lwwAdded": {"a": 6}, "lwwRemoved": {"b": 6, "c": 5}}


async def test_at_equal_times_remove_wins(node: LivingNode) -> None:
    await node.say("POST", "/s", {"lwwAdded": {"a": 5}, "lwwRemoved": {"a": 5, "b": 5}})
    await node.say("POST", "/s", {"lwwAdded": {"b": 5}})
    assert await node.state("s") == {"lwwAdded": {}, "lwwRemoved": {"a": 5, "b": 5}}


async def test_a_merge_twice_is_the_same_as_once(node: LivingNode) -> None:
    state = {"lwwAdded": {"a": 5}, "lwwRemoved": {"b": 6}}
    await node.say("POST", "/s", state)
    before = node.held()
    assert (await node.say("POST", "/s", state)).status == 200
    assert node.held() == before


async def test_a_state_that_was_read_can_be_merged_into_another_set(node: LivingNode) -> None:
    await node.say("PATCH", "/s", {"add": ["a"], "addBase64": ["/w=="], "remove": ["b"]})
    await node.ask("POST", "/t", (await node.ask("GET", "/s")).body)
    assert await node.state("t") == await node.state("s")


async def test_a_merge_of_several_slices_is_merged_whole(node: LivingNode) -> None:
    times = {str(number): 5 for number in range(2 * MERGE_SLICE_ELEMENTS + 1)}
    await node.say("POST", "/s", {"lwwRemoved": times})
    assert await node.state("s") == {"lwwAdded": {}, "lwwRemoved": times}


@pytest.mark.parametrize("empty", [{}, NO_ENTRIES])
async def test_a_merge_of_nothing_changes_nothing(
    node: LivingNode, empty: dict[str, object]
) -> None:
    assert (await node.say("POST", "/s", empty)).status == 200
    assert (await node.ask("GET", "/s")).status == 404


# Several at once.


async def test_put_of_a_list_adds_all_and_removes_none(node: LivingNode) -> None:
    await node.ask("PUT", "/s/kept")
    answer = await node.say("PUT", "/s", ["a", "b", "a"])
    assert (answer.status, answer.body) == (200, b"null")
    assert (await node.state("s"))["lwwAdded"].keys() == {"kept", "a", "b"}


async def test_put_takes_elements_that_are_not_text_in_base64(node: LivingNode) -> None:
    await node.say("PUT", "/s", {"members": ["a"], "membersBase64": ["/w=="]})
    assert (await node.ask("GET", "/s/a")).body == b"true"
    assert (await node.ask("GET", "/s/%FF")).body == b"true"


async def test_patch_adds_and_removes_in_one_commit(node: LivingNode) -> None:
    await node.say("PUT", "/s", ["gone", "kept"])
    before = node.store.commits
    answer = await node.say("PATCH", "/s", {"add": ["a"], "remove": ["gone", "never"]})
    assert (answer.status, answer.body) == (200, b"null")
    assert node.store.commits == before + 1
    state = await node.state("s")
    assert state["lwwAdded"].keys() == {"a", "kept"}
    assert state["lwwRemoved"].keys() == {"gone", "never"}


async def test_patch_with_one_bad_element_applies_none(node: LivingNode) -> None:
    before = node.held()
    many = [str(number) for number in range(100)]
    bad = b64encode(b"x" * 65_537).decode()
    answer = await node.say("PATCH", "/s", {"add": many, "removeBase64": [bad]})
    assert answer.status == 400
    assert node.held() == before


async def test_ten_thousand_elements_go_in_one_request(node: LivingNode) -> None:
    elements = [str(number) for number in range(10_000)]
    assert (await node.say("PUT", "/s", elements)).status == 200
    assert len((await node.state("s"))["lwwAdded"]) == 10_000


@pytest.mark.parametrize(("method", "nothing"), [("PUT", []), ("PUT", {}), ("PATCH", {})])
async def test_writing_no_elements_changes_nothing(
    node: LivingNode, method: str, nothing: object
) -> None:
    assert (await node.say(method, "/s", nothing)).status == 200
    assert (await node.ask("GET", "/s")).status == 404


async def test_writes_of_one_connection_are_seen_by_its_next_read(node: LivingNode) -> None:
    client = await node.client(
        node.request("PUT", "/s/a")
        + node.request("GET", "/s/a")
        + node.request("DELETE", "/s/a")
        + node.request("GET", "/s/a")
    )
    assert [(await client.read_answer()).body for _ in range(4)] == [
        b"null",
        b"true",
        b"null",
        b"false",
    ]


# HEAD and OPTIONS.


@pytest.mark.parametrize("path", ["/", "/s", "/s/a", "/nothing", "/nothing/a", "/_/converged"])
async def test_head_is_get_without_the_body(node: LivingNode, path: str) -> None:
    await node.ask("PUT", "/s/a")
    got = await node.ask("GET", path)
    head = await node.ask("HEAD", path)
    volatile = {b"date"}
    assert head.status == got.status
    assert {k: v for k, v in head.headers.items() if k not in volatile} == {
        k: v for k, v in got.headers.items() if k not in volatile
    }
    assert int(head.headers[b"content-length"]) == len(got.body)


@pytest.mark.parametrize(
    ("path", "allow"),
    [
        ("/", b"GET, HEAD, OPTIONS"),
        ("/s", b"GET, HEAD, POST, PUT, PATCH, OPTIONS"),
        ("/s/a", b"GET, HEAD, PUT, DELETE, OPTIONS"),
        ("/_peers_/a:1", b"GET, HEAD, PUT, DELETE, OPTIONS"),
        ("/_/ready", b"GET, HEAD, OPTIONS"),
        ("/_/metrics", b"GET, HEAD, OPTIONS"),
        ("/_/peer", b"POST, OPTIONS"),
        ("/_/bulk", b"POST, OPTIONS"),
        ("/_/sets", b"GET, HEAD, OPTIONS"),
        ("/_/openapi.json", b"GET, HEAD, OPTIONS"),
        ("*", b"GET, HEAD, POST, PUT, PATCH, OPTIONS"),
    ],
)
async def test_options_lists_what_a_path_takes(node: LivingNode, path: str, allow: bytes) -> None:
    answer = await node.ask("OPTIONS", path)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers[b"allow"] == allow


# What a node says of itself.


async def test_the_root_says_in_one_line_what_this_is_and_where_to_look(
    node: LivingNode,
) -> None:
    answer = await node.ask("GET", "/")
    assert answer.status == 200
    assert answer.body.count(b"\n") == 1
    assert answer.body.endswith(b"\n")
    said = json.loads(answer.body)
    assert said["name"] == "lastword"
    assert said["version"] == version("lastword")
    assert said["sets"] == "/<set>"
    for where in ("listing", "ready", "metrics", "openapi"):
        assert (await node.ask("GET", said[where])).status == 200


async def test_ready_says_which_run_and_how_much(node: LivingNode) -> None:
    await node.ask("PUT", "/_peers_/b:1")
    await node.ask("PUT", "/_peers_/a:1")
    answer = await node.ask("GET", "/_/ready")
    assert answer.status == 200
    assert json.loads(answer.body) == {
        "ready": True,
        "reasons": [],
        "run": f"{node.store.run:016x}",
        "address": "",
        "members": ["a:1", "b:1"],
        "copying": None,
        "backingUp": None,
        "damage": {"pages": 0, "sets": [], "facts": [], "scrubbed": None, "log_frames_unread": 0},
        "sets": 1,
        "logEnd": 2,
        "digest": "".join(f"{lane:016x}" for lane in node.store.sums()),
    }


async def test_ready_has_a_digest_that_is_the_same_where_the_same_is_held(
    node: LivingNode,
) -> None:
    async def digest() -> str:
        return str(json.loads((await node.ask("GET", "/_/ready")).body)["digest"])

    assert await digest() == "0" * 32
    await node.ask("PUT", "/s/a?time=1")
    once = await digest()
    assert re.fullmatch("[0-9a-f]{32}", once)
    await node.ask("PUT", "/s/a?time=2")
    assert await digest() != once
    await node.ask("PUT", "/s/a?time=1")
    assert await digest() != once


async def test_metrics_are_in_the_form_that_prometheus_reads(node: LivingNode) -> None:
    await node.ask("PUT", "/s/a")
    await node.ask("DELETE", "/s/b")
    answer = await node.ask("GET", "/_/metrics")
    assert answer.status == 200
    assert answer.headers[b"content-type"] == b"text/plain; version=0.0.4; charset=utf-8"
    families = list(text_string_to_metric_families(answer.body.decode()))
    values = {sample.name: sample.value for family in families for sample in family.samples}
    assert all(family.documentation for family in families)
    assert values["lastword_sets"] == 1
    assert values["lastword_elements"] == 1
    assert values["lastword_tombstones"] == 1
    assert values["lastword_log_end"] == 2
    assert values["lastword_commits_total"] >= 2
    assert values["lastword_rounds_total"] >= 0


async def test_every_answer_forbids_keeping_and_guessing(node: LivingNode) -> None:
    for method, path in (("GET", "/"), ("GET", "/s"), ("PUT", "/s/a"), ("GET", "/_foo")):
        answer = await node.ask(method, path)
        assert answer.headers[b"cache-control"] == b"no-store"
        assert answer.headers[b"x-content-type-options"] == b"nosniff"
        assert b"access-control-allow-origin" not in answer.headers
