"""`GET /<set>?members`: what is in a set, page by page."""

import json
from base64 import b64decode
from typing import Any
from urllib.parse import quote_from_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastword.api.rest.paging import Seen, Span, take_page
from lastword.errors import InvalidRequest
from lastword.limits import LISTED_BYTES_MAX, LOOKED_AT_MAX
from tests.api.living_node import LivingNode
from tests.api.test_rest_names import base64
from tests.api.test_rest_refusals import refuse


async def page(node: LivingNode, query: str = "", set_name: str = "s") -> dict[str, Any]:
    """Return one page."""
    answer = await node.ask("GET", f"/{set_name}?members{query}")
    assert answer.status == 200, answer
    found: dict[str, Any] = json.loads(answer.body)
    return found


async def pages(node: LivingNode, query: str = "") -> list[list[bytes]]:
    """Return the elements of all pages, as bytes."""
    found, after = [], ""
    while True:
        shown = await page(node, f"{query}{after}")
        members = [member.encode() for member in shown["members"]]
        found.append(members + [b64decode(text) for text in shown.get("membersBase64", [])])
        if shown["after"] is None:
            return found
        after = f"&after={shown['after']}"


def flat(found: list[list[bytes]]) -> list[bytes]:
    return [element for each in found for element in each]


async def test_a_set_without_entries_is_404_null(node: LivingNode) -> None:
    answer = await node.ask("GET", "/s?members")
    assert (answer.status, answer.body) == (404, b"null")


async def test_the_pages_of_a_set_have_what_is_in_it_each_element_once(node: LivingNode) -> None:
    names = [f"element {number}" for number in range(2_345)]
    await node.say("PUT", "/s", names)
    await node.say("PATCH", "/s", {"remove": names[:345], "addBase64": ["/w==", "/g=="]})
    found = await pages(node, "&limit=100")
    assert all(len(each) == 100 for each in found[:-1])
    assert sorted(flat(found)) == sorted([b"\xff", b"\xfe", *(n.encode() for n in names[345:])])
    texts = [element for element in flat(found) if element[0] < 0x80]
    again = [element for element in flat(await pages(node)) if element[0] < 0x80]
    assert texts == again, "the order does not follow the limit"


async def test_a_page_is_small_to_the_byte(node: LivingNode) -> None:
    await node.ask("PUT", "/s/a")
    await node.ask("DELETE", "/s/b")
    answer = await node.ask("GET", "/s?members")
    assert answer.body == b'{"members":["a"],"after":null}'
    await node.ask("PUT", "/s/%FF")
    assert (await page(node))["membersBase64"] == ["/w=="]


async def test_a_set_of_tombstones_has_no_members(node: LivingNode) -> None:
    await node.ask("DELETE", "/s/a")
    assert await page(node) == {"members": [], "after": None}


@pytest.mark.parametrize(
    ("prefix", "elements"),
    [
        ("a", {"a", "a/b", "aé"}),
        ("a/", {"a/b"}),
        ("a%2F", {"a/b"}),
        ("%C3%A9", {"é"}),
        ("a%C3", {"aé"}),
        ("+", {"+"}),
        ("%26limit=", {"&limit="}),
        ("", {"a", "a/b", "aé", "é", "+", "&limit=", "b"}),
        ("c", set()),
    ],
)
async def test_a_prefix_is_bytes_percent_decoded(
    node: LivingNode, prefix: str, elements: set[str]
) -> None:
    await node.say("PUT", "/s", ["a", "a/b", "aé", "é", "+", "&limit=", "b"])
    assert set((await page(node, f"&prefix={prefix}"))["members"]) == elements


@pytest.mark.slow
async def test_a_page_may_be_empty_and_still_lead_on(node: LivingNode) -> None:
    names = [str(number) for number in range(9_999)]
    await node.say("PUT", "/s", names)
    await node.say("PUT", "/s", [f"more {number}" for number in range(LOOKED_AT_MAX - 5_000)])
    await node.say("PATCH", "/s", {"remove": names})
    found = await pages(node, "&prefix=nothing")
    assert found == [[], []]


async def test_what_stays_is_listed_once_whatever_is_written_between_pages(
    node: LivingNode,
) -> None:
    staying = {f"stays {number}".encode() for number in range(500)}
    await node.say("PUT", "/s", [element.decode() for element in staying])
    found, after = [], ""
    for turn in range(1_000):
        shown = await page(node, f"&limit=20{after}")
        found += shown["members"]
        await node.say("PATCH", "/s", {"add": [f"new {turn}"], "remove": shown["members"][:1]})
        if shown["after"] is None:
            break
        after = f"&after={shown['after']}"
    assert len(found) == len(set(found))
    assert {name.encode() for name in found} >= staying


@pytest.mark.slow
async def test_the_longest_elements_make_short_pages_and_short_cursors(node: LivingNode) -> None:
    longest = [bytes([number]) * 65_536 for number in range(256)]
    for start in range(0, 256, 64):
        encoded = [base64(element) for element in longest[start : start + 64]]
        await node.say("PATCH", "/s", {"addBase64": encoded})
    found = await pages(node, "&limit=10000")
    assert sorted(flat(found)) == longest
    assert all(sum(map(len, each)) <= LISTED_BYTES_MAX + 65_536 for each in found)
    first = await page(node, "&limit=1")
    assert len(first["after"]) == 16
    prefix = quote_from_bytes(b"\x07" * 100, safe="")
    assert flat(await pages(node, f"&prefix={prefix}")) == [longest[7]]


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=10001",
        "limit=-1",
        "limit=",
        "limit=x",
        "limit=1.0",
        "limit=%31%30%30%30%31",
        "limit=99999999999999999999",
        "after=",
        "after=x",
        "after=0123456789ABCDEF",
        "after=0123456789abcde",
        "after=0123456789abcdef0",
        "prefix=%",
        "prefix=%zz",
        "prefix=a&prefix=b",
        "members",
        "order=asc",
        "",
    ],
)
async def test_a_query_that_cannot_be_meant_so_is_refused(node: LivingNode, query: str) -> None:
    await node.ask("PUT", "/s/a")
    assert (await refuse(node, "GET", f"/s?members&{query}")).status == 400


@pytest.mark.parametrize("query", ["limit=1", "prefix=a", "members=1", "members=x&limit=1"])
async def test_pages_are_asked_for_by_members(node: LivingNode, query: str) -> None:
    await node.ask("PUT", "/s/a")
    answer = await refuse(node, "GET", f"/s?{query}")
    assert b"?members" in answer.body


async def test_members_may_stand_anywhere_in_the_query_and_have_an_equals_sign(
    node: LivingNode,
) -> None:
    await node.ask("PUT", "/s/a")
    for query in ("members=", "limit=1&members", "prefix=a&members=&limit=10000"):
        answer = await node.ask("GET", f"/s?{query}")
        assert json.loads(answer.body)["members"] == ["a"]


async def test_a_cursor_behind_the_last_position_leads_nowhere(node: LivingNode) -> None:
    await node.ask("PUT", "/s/a")
    assert await page(node, "&after=" + "f" * 16) == {"members": [], "after": None}


# The pure part, with positions that collide.

things = st.lists(
    st.tuples(st.integers(0, 5), st.binary(max_size=2), st.booleans()), max_size=30
).map(lambda found: [Seen(*each) for each in sorted(found)])


@given(things, st.integers(1, 5))
def test_pages_part_nothing_and_lose_nothing_also_where_positions_collide(
    seen: list[Seen], limit: int
) -> None:
    found: list[bytes] = []
    after: int | None = None
    for _ in range(len(seen) + 1):
        span = Span(b"", after, limit)
        taken = take_page((each for each in seen if each.position >= span.start), span)
        found += taken.names
        if taken.after is None:
            break
        assert len(taken.names) >= limit
        after = int(taken.after, 16)
    assert found == [each.name for each in seen if each.listed]


def test_a_page_looks_at_no_more_than_it_may() -> None:
    looked_at = 0

    def endless() -> Any:
        nonlocal looked_at
        for position in range(10 * LOOKED_AT_MAX):
            looked_at += 1
            yield Seen(position, b"", listed=False)

    taken = take_page(endless(), Span(b"", None, 1))
    assert (taken.names, taken.after) == ([], f"{LOOKED_AT_MAX - 1:016x}")
    assert looked_at == LOOKED_AT_MAX + 1


def test_no_error_of_a_cursor_is_anything_but_ours() -> None:
    from lastword.api.rest.paging import position_of_cursor

    for cursor in (b"", b"\xff" * 16, b"0x" + b"0" * 14, b"1" * 10_000):
        with pytest.raises(InvalidRequest):
            position_of_cursor(cursor)
