"""`GET /_/sets`: the sets of a node and their counts, page by page."""

import json
from typing import Any

import pytest

from tests.api.living_node import LivingNode
from tests.api.test_rest_refusals import refuse


async def listing(node: LivingNode, query: str = "") -> dict[str, Any]:
    answer = await node.ask("GET", f"/_/sets{query}")
    assert answer.status == 200, answer
    found: dict[str, Any] = json.loads(answer.body)
    return found


async def every_page(node: LivingNode, query: str) -> list[list[dict[str, Any]]]:
    found, after = [], ""
    while True:
        shown = await listing(node, f"?{query}{after}")
        found.append(shown["sets"])
        if shown["after"] is None:
            return found
        after = f"&after={shown['after']}"


async def test_a_node_without_sets_lists_none(node: LivingNode) -> None:
    assert await listing(node) == {"sets": [], "after": None}


async def test_a_set_is_listed_with_what_is_in_it_and_its_tombstones(node: LivingNode) -> None:
    await node.say("PATCH", "/fruit", {"add": ["a", "b"], "remove": ["c"]})
    assert await listing(node) == {
        "sets": [{"name": "fruit", "present": 2, "tombstones": 1}],
        "after": None,
    }


async def test_reserved_sets_are_not_listed(node: LivingNode) -> None:
    await node.ask("PUT", "/_peers_/a:1")
    await node.ask("PUT", "/s/a")
    assert [each["name"] for each in (await listing(node))["sets"]] == ["s"]


async def test_the_pages_have_every_set_once_in_a_stable_order(node: LivingNode) -> None:
    names = {f"set {number}" for number in range(3_210)}
    lines = "\n".join(json.dumps({"set": name, "add": ["x"]}) for name in names)
    assert (await node.ask("POST", "/_/bulk", lines.encode())).status == 200
    found = await every_page(node, "limit=100")
    flat = [each["name"] for each_page in found for each in each_page]
    assert all(len(each_page) == 100 for each_page in found[:-1])
    assert len(flat) == len(names)
    assert set(flat) == names
    assert flat == [each["name"] for each in (await listing(node, "?limit=10000"))["sets"]]


async def test_a_prefix_leaves_others_out(node: LivingNode) -> None:
    for name in ("a", "a%20b", "b", "%C3%A9"):
        await node.ask("PUT", f"/{name}/x")
    for prefix, names in (("a", {"a", "a b"}), ("a%20", {"a b"}), ("%C3", {"é"}), ("c", set())):
        shown = await listing(node, f"?prefix={prefix}")
        assert {each["name"] for each in shown["sets"]} == names


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=10001", "after=x", "prefix=%", "members", "x=1", "limit=1&limit=2"]
)
async def test_a_query_that_cannot_be_meant_so_is_refused(node: LivingNode, query: str) -> None:
    assert (await refuse(node, "GET", f"/_/sets?{query}")).status == 400
