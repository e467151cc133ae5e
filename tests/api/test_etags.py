"""ETags: what a client has already is not sent again, and never taken for what it is not."""

import asyncio
import re

import pytest

from lastword.api.http import Request, Response
from lastword.crdt.stamp import pack
from lastword.replication.hashing import place
from lastword.store.operations import Write
from tests.api.living_node import NOW_US, LivingNode

MSGPACK = {"Accept": "application/msgpack"}


async def tag(node: LivingNode, path: str = "/s", headers: dict[str, str] | None = None) -> str:
    answer = await node.ask("GET", path, headers=headers)
    assert answer.status == 200
    return answer.headers[b"etag"].decode()


async def test_a_set_has_a_strong_tag_that_follows_its_state(node: LivingNode) -> None:
    tags = []
    for path in ("/s/a?time=1", "/s/a?time=2", "/s/b?time=1"):
        await node.ask("PUT", path)
        tags.append(await tag(node))
        assert re.fullmatch(r'"[0-9a-f]{32}\.state\.json"', tags[-1])
        assert await tag(node) == tags[-1]
    await node.ask("DELETE", "/s/a?time=3")
    tags.append(await tag(node))
    await node.ask("PUT", "/t/a")
    assert await tag(node) == tags[-1], "another set's writes are not this one's"
    assert len(set(tags)) == len(tags)


async def test_equal_states_have_equal_tags_on_every_node(
    node: LivingNode, start_node: object
) -> None:
    other = await start_node()  # type: ignore[operator]
    state = {"lwwAdded": {"a": 5, "b": 6}, "lwwRemoved": {"c": 7}}
    await node.say("POST", "/s", state)
    for part in ({"lwwRemoved": {"c": 7}}, {"lwwAdded": {"b": 6}}, {"lwwAdded": {"a": 5}}):
        await other.say("POST", "/s", part)
    assert await tag(node) == await tag(other)


async def test_what_is_shown_differently_has_another_tag(node: LivingNode) -> None:
    await node.ask("PUT", "/s/a")
    tags = {
        await tag(node),
        await tag(node, headers=MSGPACK),
        await tag(node, "/s?members"),
        await tag(node, "/s?members", MSGPACK),
    }
    assert len(tags) == 4


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", ["/s", "/s?members", "/s?members&limit=1&prefix=x"])
async def test_who_has_it_gets_304_and_nothing_else(
    node: LivingNode, path: str, method: str
) -> None:
    await node.ask("PUT", "/s/a")
    known = await tag(node, path)
    for said in (known, f"W/{known}", f'"x", {known}', f'{known},W/"y"', "*", f' "",{known} '):
        answer = await node.ask(method, path, headers={"If-None-Match": said})
        assert (answer.status, answer.body) == (304, b""), said
        assert answer.headers[b"etag"].decode() == known
        assert answer.headers[b"vary"] == b"Accept"
    await node.ask("PUT", "/s/b")
    answer = await node.ask(method, path, headers={"If-None-Match": known})
    assert answer.status == 200
    assert answer.headers[b"etag"].decode() != known


@pytest.mark.parametrize("said", ['""', '"x"', "x", "", "W/", '"', '","', "**", '"*"'])
async def test_who_has_something_else_gets_it(node: LivingNode, said: str) -> None:
    await node.ask("PUT", "/s/a")
    assert (await node.ask("GET", "/s", headers={"If-None-Match": said})).status == 200
    json_tag = await tag(node)
    packed = await node.ask("GET", "/s", headers=MSGPACK | {"If-None-Match": json_tag})
    assert packed.status == 200


async def test_a_set_without_entries_has_no_tag(node: LivingNode) -> None:
    answer = await node.ask("GET", "/s", headers={"If-None-Match": "*"})
    assert (answer.status, answer.body) == (404, b"null")
    assert b"etag" not in answer.headers


@pytest.mark.parametrize("query", [b"", b"members"])
async def test_a_tag_is_not_of_a_later_state_than_what_it_comes_with(
    node: LivingNode, query: bytes
) -> None:
    """Also where a write is on disk in the very turn of the loop in which others read before."""
    await node.ask("PUT", "/s/a")

    def get(headers: dict[bytes, bytes]) -> Response:
        answer = node.rest(Request("GET", b"/s", b"/s", query, headers))
        assert isinstance(answer, Response)
        return answer

    assert node.node.reads.contains(b"s", b"a") is True
    node.store.execute(Write(b"s", add=(b"b",)))
    shown = get({})
    await asyncio.sleep(0)
    again = get({b"if-none-match": dict(shown.headers)[b"ETag"]})
    assert again.status == 200 or shown.body == get({}).body


async def test_a_tag_tells_no_factor_of_the_sums(node: LivingNode) -> None:
    """Of a set of one element the sum is a * stamp + b: neither of the two can be read off."""
    await node.plant([(b"s", b"a", pack(NOW_US, removed=False))])
    shown = await tag(node)
    where = place(b"s", b"a", node.store.digest_key)
    for factor in (where.a_first, where.b_first, where.a_second, where.b_second):
        assert f"{factor:016x}" not in shown
