"""The records of `_tokens_` as replication, bundles and wrong clocks may bring them."""

import asyncio
import json
from collections.abc import AsyncIterator
from importlib.metadata import version
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote_from_bytes

import pytest

from lastword.access.gate import Gate
from lastword.access.token import ID_BYTES, SECRET_BYTES, Made, make
from lastword.api.held_tokens import HeldTokens
from lastword.api.rest import Rest
from lastword.crdt.stamp import pack
from lastword.limits import MAX_SKEW_US_DEFAULT
from tests.access.calls import ADMIN
from tests.api.http.raw_http import Answer
from tests.api.living_node import NOW_US, LivingNode

RNG = Random(11)
YEAR_US = 365 * 86_400_000_000
TOKENS = b"_tokens_"


class Guarded:
    """A node that checks tokens, within the test."""

    def __init__(self, node: LivingNode) -> None:
        self.living = node
        gate = Gate([ADMIN.encode()], HeldTokens(node.node), lambda: 0.0)
        node.rest = Rest(node.node, version("lastword"), gate=gate)

    async def ask(self, method: str, path: str, token: str, body: bytes = b"") -> Answer:
        return await self.living.ask(method, path, body, {"Authorization": f"Bearer {token}"})

    async def status(self, token: str, path: str = "/s") -> int:
        return (await self.ask("GET", path, token)).status

    async def merge(self, added: dict[bytes, int], query: str = "") -> int:
        state = {"lwwAdded": {element.decode(): time for element, time in added.items()}}
        body = json.dumps(state | {"lwwRemoved": {}}).encode()
        return (await self.ask("POST", f"/_tokens_{query}", ADMIN, body)).status


@pytest.fixture
async def open_node(tmp_path: Path) -> AsyncIterator[LivingNode]:
    node = LivingNode(tmp_path / "node.db")
    await node.start()
    yield node
    await node.close()
    assert asyncio.all_tasks() <= {asyncio.current_task()}


@pytest.fixture
def node(open_node: LivingNode) -> Guarded:
    return Guarded(open_node)


def made(*grants: tuple[Any, str]) -> Made:
    return make(RNG.randbytes(ID_BYTES + SECRET_BYTES), list(grants), "a note", 5)


def of_element(element: bytes) -> str:
    return f"/_tokens_/{quote_from_bytes(element, safe='')}"


async def test_a_token_with_a_time_far_ahead_is_taken_and_can_be_revoked(node: Guarded) -> None:
    token, record = made(("write", "*"))
    await node.living.plant([(TOKENS, record.element(), pack(NOW_US + YEAR_US, removed=False))])
    assert await node.status(token) == 404
    assert (await node.ask("DELETE", of_element(record.element()), ADMIN)).status == 200
    assert await node.status(token) == 401


async def test_a_revoked_token_stays_revoked_whatever_older_state_is_merged(node: Guarded) -> None:
    token, record = made(("write", "*"))
    assert (await node.ask("PUT", of_element(record.element()), ADMIN)).status == 200
    assert await node.status(token) == 404
    node.living.wall.now_us += 1_000_000
    assert (await node.ask("DELETE", of_element(record.element()), ADMIN)).status == 200
    for query in ("", "?ghosts=remove", "?ghosts=readd"):
        assert await node.merge({record.element(): NOW_US}, query) == 200
        assert await node.status(token) == 401, query
    too_far = NOW_US + 2 * MAX_SKEW_US_DEFAULT
    assert await node.merge({record.element(): too_far}) == 422
    assert await node.status(token) == 401


async def test_an_older_wider_record_makes_no_token_wider(node: Guarded) -> None:
    token, record = made(("read", "s"))
    wider = record.element().replace(b'["read","s"]', b'["admin","*"]')
    assert wider != record.element()
    assert (await node.ask("PUT", of_element(record.element()), ADMIN)).status == 200
    assert await node.status(token) == 404
    assert await node.merge({wider: NOW_US - YEAR_US}) == 200
    assert await node.status(token, "/_tokens_") == 401
    assert await node.status(token) == 401
    assert (await node.ask("DELETE", of_element(wider), ADMIN)).status == 200
    assert await node.status(token) == 404
    assert await node.status(token, "/_tokens_") == 403


async def test_records_with_times_far_ahead_are_listed_for_who_may_read_them(
    open_node: LivingNode,
) -> None:
    """`/_/future` shows elements of all sets: no record to who may read all sets but reserved."""
    (reader, of_reader), (keeper, of_keeper) = made(("read", "*")), made(("admin", "*"))
    ahead = pack(NOW_US + YEAR_US, removed=False)
    planted = [(TOKENS, one.element(), ahead) for one in (of_reader, of_keeper)]
    await open_node.plant([*planted, (b"_peers_", b"192.0.2.7:1", ahead), (b"s", b"x", ahead)])
    found = json.loads((await open_node.ask("GET", "/_/future")).body)["elements"]
    assert {entry["set"] for entry in found} == {"_peers_", "s"}
    node = Guarded(open_node)
    for token, sets in (
        (reader, {"s"}),
        (keeper, {"_tokens_", "_peers_", "s"}),
        (ADMIN, {"_tokens_", "_peers_", "s"}),
    ):
        page = json.loads((await node.ask("GET", "/_/future", token)).body)
        assert {entry["set"] for entry in page["elements"]} == sets
        assert page["lookedAt"] == 4
    few, of_few = made(("read", "s"))
    await open_node.plant([(TOKENS, of_few.element(), ahead)])
    assert await node.status(few, "/_/future") == 403


async def test_what_is_no_record_is_not_added_by_any_call(node: Guarded) -> None:
    before = node.living.held()
    state = b'{"lwwAdded":{"none":1},"lwwRemoved":{}}'
    for method, path, body in (
        ("PUT", "/_tokens_/none", b""),
        ("PUT", "/%5ftokens_/none", b""),
        ("PUT", "/_tokens_", b'["none"]'),
        ("PATCH", "/_tokens_", b'{"add":["none"]}'),
        ("POST", "/_tokens_", state),
        ("POST", "/_tokens_?ghosts=readd", state),
        ("POST", "/_/bulk", b'{"set":"_tokens_","add":["none"]}'),
    ):
        assert (await node.ask(method, path, ADMIN, body)).status == 400, (method, path)
    assert node.living.held() == before


async def test_records_are_reached_by_no_path_without_the_right_for_them(node: Guarded) -> None:
    """Whoever may write and read all sets may neither read nor write reserved ones."""
    token, record = made(("write", "*"), ("admin", "team*"), ("write", "_tokens_"))
    assert (await node.ask("PUT", of_element(record.element()), ADMIN)).status == 200
    before = node.living.held()
    new = made(("admin", "*")).record.element()
    listed = json.dumps([new.decode()]).encode()
    for method, path, body in (
        *((method, "/_tokens_", b"") for method in ("GET", "HEAD")),
        ("GET", "/%5Ftokens%5f", b""),
        ("GET", "/_tokens_?members", b""),
        ("GET", of_element(record.element()), b""),
        ("PUT", of_element(new), b""),
        ("DELETE", of_element(record.element()), b""),
        ("PUT", "/_tokens_", listed),
        ("PATCH", "/_tokens_", b'{"add":' + listed + b"}"),
        ("PATCH", "/_tokens_", b'{"remove":' + listed + b"}"),
        ("POST", "/_tokens_", b'{"lwwAdded":{},"lwwRemoved":{}}'),
        ("POST", "/_/bulk", b'{"set":"_tokens_","add":' + listed + b"}"),
        ("PUT", "/_peers_/a:1", b""),
        ("DELETE", "/_peers_/a:1", b""),
        ("POST", "/_/backup", b""),
        ("POST", "/_/leave", b""),
        ("POST", "/_/rejoin", b'{"address":"a:1"}'),
    ):
        answer = await node.ask(method, path, token, body)
        assert answer.status == 403, (method, path)
        assert record.sha256.encode() not in answer.body
    assert node.living.held() == before
    for path in ("/_/sets", "/_/sets?prefix=_", "/_/ready", "/_/metrics", "/_/tombstones"):
        answer = await node.ask("GET", path, token)
        assert answer.status == 200
        assert b'"_tokens_"' not in answer.body, path
        assert record.id.encode() not in answer.body, path


async def test_one_token_too_many_is_refused_and_not_left_out_by_chance(
    node: Guarded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lastword.api.rest.checks.TOKENS_MAX", 3)
    first, *others = (made(("read", "s")) for _ in range(4))
    for one in (first, *others[:2]):
        assert (await node.ask("PUT", of_element(one.record.element()), ADMIN)).status == 200
    assert (await node.ask("DELETE", of_element(first.record.element()), ADMIN)).status == 200
    refused = await node.ask("PUT", of_element(others[2].record.element()), ADMIN)
    assert (refused.status, b"at most 3 tokens" in refused.body) == (400, True)
    again = {one.record.element(): NOW_US for one in others[:2]}
    assert await node.merge(again) == 200
    assert await node.status(others[1].token) == 404
