"""Cursors that no page ever answered: they are places like any other."""

import json

import pytest

from tests.api.living_node import LivingNode


@pytest.mark.parametrize("path", ["/_/future?", "/_/sets?", "/s?members&"])
@pytest.mark.parametrize("cursor", ["7fffffffffffffff", "8000000000000000", "ffffffffffffffff"])
async def test_behind_everything_is_nothing(node: LivingNode, path: str, cursor: str) -> None:
    await node.ask("PUT", "/s/a")
    answer = await node.ask("GET", f"{path}after={cursor}")
    assert answer.status == 200
    page = json.loads(answer.body)
    assert page["after"] is None
    if path == "/_/future?":  # where sets and elements stand is drawn by lot
        assert page == {"elements": [], "lookedAt": 0, "after": None}
