"""Elements and sets are named by bytes, kept as they were sent."""

import json
from base64 import b64decode, b64encode
from collections.abc import Iterable
from urllib.parse import quote, quote_from_bytes

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.living_node import LivingNode

ONE_NODE_FOR_ALL = settings(
    max_examples=50,
    deadline=None,  # a write waits for the disk
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
"""A property that holds whatever the node held before may be tried on one node."""

URI_CHARACTERS = [chr(code) for code in range(0x21, 0x7F) if chr(code) not in '%?#/"<>\\^`{|}']


def added(state: dict[str, dict[str, int]]) -> set[bytes]:
    """Return the elements that a state says are present, as bytes."""
    encoded = state.get("lwwAddedBase64", {})
    return {key.encode() for key in state["lwwAdded"]} | set(map(unbase64, encoded))


def base64(element: bytes) -> str:
    return b64encode(element).decode()


def unbase64(text: str) -> bytes:
    return b64decode(text, validate=True)


async def put_alone(node: LivingNode, raw: str) -> set[bytes]:
    """Put one element by its raw path, and return what the node then says it holds."""
    assert (await node.ask("PUT", f"/s/{raw}")).status == 200
    assert (await node.ask("GET", f"/s/{raw}")).body == b"true"
    return added(await node.state("s"))


@pytest.mark.parametrize(
    ("raw", "element"),
    [
        ("", b""),
        ("a/b", b"a/b"),
        ("a%2Fb", b"a/b"),
        ("a%2fb", b"a/b"),
        ("/", b"/"),
        ("//", b"//"),
        (".", b"."),
        ("..", b".."),
        ("%2e%2E", b".."),
        ("../../x", b"../../x"),
        ("./", b"./"),
        ("100%25", b"100%"),
        ("%2525", b"%25"),
        ("a%20b", b"a b"),
        ("a+b", b"a+b"),
        ("a%2Bb", b"a+b"),
        ("%3Ftime=1", b"?time=1"),
        ("%23", b"#"),
        ("a;b=c&d", b"a;b=c&d"),
        ("%00", b"\x00"),
        ("%0D%0A", b"\r\n"),
        ("%F0%9F%8D%89", "\U0001f349".encode()),
        ("%C3%A9", "\u00e9".encode()),
        ("e%CC%81", "e\u0301".encode()),
        ("%FF", b"\xff"),
        ("%C0%AF", b"\xc0\xaf"),
        ("%ED%A0%80", b"\xed\xa0\x80"),
        ("http://elsewhere/x", b"http://elsewhere/x"),
    ],
)
async def test_a_path_names_exactly_these_bytes(
    node: LivingNode, raw: str, element: bytes
) -> None:
    assert await put_alone(node, raw) == {element}


async def test_a_slash_is_the_same_element_raw_and_encoded(node: LivingNode) -> None:
    await node.ask("PUT", "/s/a/b")
    assert (await node.ask("GET", "/s/a%2Fb")).body == b"true"
    await node.ask("DELETE", "/s/a%2Fb")
    assert (await node.ask("GET", "/s/a/b")).body == b"false"


async def test_bytes_that_are_not_utf8_stay_different_elements(node: LivingNode) -> None:
    await node.ask("PUT", "/s/%FF")
    assert (await node.ask("GET", "/s/%FE")).body == b"false"
    await node.ask("PUT", "/s/%FE")
    await node.ask("DELETE", "/s/%FF")
    assert (await node.ask("GET", "/s/%FE")).body == b"true"


async def test_the_two_forms_of_an_accented_letter_stay_different_elements(
    node: LivingNode,
) -> None:
    await node.ask("PUT", "/s/%C3%A9")
    assert (await node.ask("GET", "/s/e%CC%81")).body == b"false"


async def test_the_empty_element_is_not_the_set(node: LivingNode) -> None:
    await node.ask("PUT", "/s/")
    assert (await node.ask("GET", "/s/")).body == b"true"
    assert (await node.state("s"))["lwwAdded"].keys() == {""}


@pytest.mark.parametrize("raw", ["%", "%2", "%zz", "a%2", "%%41", "%+1", "%-1", "%0x41", "%C3%"])
async def test_a_broken_escape_is_refused(node: LivingNode, raw: str) -> None:
    for path in (f"/s/{raw}", f"/{raw}/a", f"/{raw}"):
        answer = await node.ask("GET", path)
        assert answer.status == 400
        assert json.loads(answer.body)["error"]["code"] == "invalid_request"


@given(st.binary(max_size=300))
@ONE_NODE_FOR_ALL
async def test_any_bytes_come_back_from_a_path(node: LivingNode, element: bytes) -> None:
    path = f"/path/{quote_from_bytes(element, safe='')}"
    await node.ask("PUT", path)
    assert (await node.ask("GET", path)).body == b"true"
    assert element in added(await node.state("path"))
    await node.ask("DELETE", path)
    assert (await node.ask("GET", path)).body == b"false"
    assert element not in added(await node.state("path"))


@given(st.binary(max_size=300), st.data())
@ONE_NODE_FOR_ALL
async def test_how_much_of_a_path_is_escaped_makes_no_difference(
    node: LivingNode, element: bytes, data: st.DataObject
) -> None:
    safe = "/" + "".join(data.draw(st.sets(st.sampled_from(URI_CHARACTERS))))
    await node.ask("PUT", f"/forms/{quote_from_bytes(element, safe=safe)}")
    fully = "".join(f"%{byte:02x}" for byte in element)
    assert (await node.ask("GET", f"/forms/{fully}")).body == b"true"
    assert element in added(await node.state("forms"))


@given(st.sets(st.binary(max_size=300), max_size=20))
@ONE_NODE_FOR_ALL
async def test_any_bytes_come_back_from_a_patch_in_base64(
    node: LivingNode, elements: set[bytes]
) -> None:
    encoded = list(map(base64, elements))
    assert (await node.say("PATCH", "/patch", {"addBase64": encoded})).status == 200
    await expect_present(node, "patch", elements)
    assert (await node.say("PATCH", "/patch", {"removeBase64": encoded})).status == 200
    for element in elements:
        answer = await node.ask("GET", f"/patch/{quote_from_bytes(element, safe='')}")
        assert answer.body == b"false"


@given(st.sets(st.text(st.characters(exclude_categories=["Cs"])), max_size=20))
@ONE_NODE_FOR_ALL
async def test_any_text_comes_back_from_a_list(node: LivingNode, elements: set[str]) -> None:
    assert (await node.say("PUT", "/list", list(elements))).status == 200
    await expect_present(node, "list", {element.encode() for element in elements})


async def expect_present(node: LivingNode, set_name: str, elements: Iterable[bytes]) -> None:
    answer = await node.ask("GET", f"/{set_name}")
    held = added(json.loads(answer.body)) if answer.status == 200 else set()
    assert set(elements) <= held


async def test_the_longest_element_comes_back(node: LivingNode) -> None:
    longest = b"\xff" * 65_536
    await node.say("PATCH", "/s", {"addBase64": [base64(longest)]})
    assert added(await node.state("s")) == {longest}


# Names of sets.

LONGEST = "x" * 255


@pytest.mark.parametrize(
    "raw",
    ["s", ".", "..", "a%20b", "a+b", "%00", "a_", "%F0%9F%8D%89", quote("\u00e9" * 127), LONGEST],
)
async def test_any_text_of_1_to_255_bytes_names_a_set(node: LivingNode, raw: str) -> None:
    assert (await node.ask("PUT", f"/{raw}/a")).status == 200
    assert (await node.ask("GET", f"/{raw}/a")).body == b"true"
    assert (await node.state(raw))["lwwAdded"].keys() == {"a"}
    assert len(node.store.totals()) == 1


async def test_an_escaped_name_is_the_same_set(node: LivingNode) -> None:
    await node.ask("PUT", "/%73/a")
    assert (await node.ask("GET", "/s/a")).body == b"true"
    await node.ask("PUT", "/%5fpeers%5f/a:1")
    assert (await node.ask("GET", "/_peers_/a:1")).body == b"true"


@pytest.mark.parametrize("raw", ["", "a%2Fb", "%2F", "%FF", "%C3", "%ED%A0%80", LONGEST + "x"])
async def test_what_is_no_name_is_refused(node: LivingNode, raw: str) -> None:
    before = node.held()
    for method, path in (("GET", f"/{raw}/x"), ("PUT", f"/{raw}/x"), ("DELETE", f"/{raw}/x")):
        answer = await node.ask(method, path)
        assert answer.status == 400
        assert json.loads(answer.body)["error"]["code"] == "invalid_set_name"
    assert node.held() == before


@pytest.mark.parametrize(
    "path", ["/_foo", "/_foo/a", "/_", "/_/nothing", "/_/ready/", "/_peers", "/%5Ffoo"]
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"])
async def test_nothing_lives_under_reserved_names(
    node: LivingNode, path: str, method: str
) -> None:
    answer = await node.ask(method, path)
    assert answer.status == 404
    if method != "HEAD":
        error = json.loads(answer.body)["error"]
        assert error["code"] == "unknown_path"
        assert error.keys() == {"code", "message", "hint"}


async def test_an_unknown_path_of_the_node_is_named_whole(node: LivingNode) -> None:
    answer = await node.ask("GET", "/_/set")
    assert answer.status == 404
    assert json.loads(answer.body)["error"]["message"] == "nothing lives at '/_/set'"
