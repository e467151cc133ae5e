"""The client against a real node: bytes arrive as they are, and answers mean what they say."""

import subprocess
import sys

import pytest

from lastword.client.node import AsyncNode
from lastword.crdt.stamp import pack
from lastword.errors import (
    FutureTime,
    InvalidAddress,
    InvalidElement,
    InvalidSetName,
    TargetTooLong,
    UnknownPath,
)
from lastword.limits import ELEMENT_BYTES_MAX, TIME_MAX
from tools.processes import NodeProcess

AWKWARD = [
    *(b"..", b".", b"../..", b"%", b"%2e", b"a/b", b"/", b"//", b"+", b" ", b"?", b"#", b"a?b=c"),
    *(b"\0", b"", b"\r\n", b"\xff", b"\xc3", "😀".encode(), "é".encode(), b"\\", b";", b"~", b":"),
]


@pytest.mark.parametrize("element", AWKWARD, ids=repr)
async def test_an_element_is_stored_as_the_bytes_that_it_is(
    node: AsyncNode, element: bytes
) -> None:
    name = f"awkward {element.hex()}"
    added = await node.put(name, element)
    assert await node.state(name) == {element: pack(added, removed=False)}
    assert await node.get(name, element) is True
    removed = await node.delete(name, element)
    assert removed > added
    assert await node.state(name) == {element: pack(removed, removed=True)}
    assert await node.get(name, element) is False


async def test_every_byte_makes_an_element_of_its_own(node: AsyncNode) -> None:
    elements = {bytes((number,)) for number in range(256)}
    for element in elements:
        await node.put("bytes", element)
    assert (await node.state("bytes")).keys() == elements


@pytest.mark.parametrize("name", ["..", ".", "%", "%2F", "a b", "é", "😀", "+", "?", "#", "\x00"])
async def test_a_set_is_found_under_its_name(node: AsyncNode, name: str) -> None:
    await node.put(name, name.encode())
    assert (await node.state(name)).keys() == {name.encode()}


async def test_a_set_without_entries_has_an_empty_state_and_no_presence(node: AsyncNode) -> None:
    assert await node.state("nothing") == {}
    assert await node.get("nothing", b"a") is None


async def test_a_merged_state_comes_back_to_the_stamp(node: AsyncNode) -> None:
    stamps = {b"a": pack(1_000, removed=False), b"\xff": pack(2_000, removed=True), b"": 6}
    assert await node.merge("merged", stamps) == 3
    assert await node.state("merged") == stamps
    assert await node.merge("merged", {b"a": pack(900, removed=False)}) == 900
    assert await node.state("merged") == stamps


async def test_a_large_state_comes_and_goes_whole(node: AsyncNode) -> None:
    stamps = {b"%d" % number: number * 2 for number in range(1, 20_000)}
    await node.merge("large", stamps)
    assert await node.state("large") == stamps


async def test_a_refusal_brings_the_nodes_message_and_hint(node: AsyncNode) -> None:
    with pytest.raises(UnknownPath, match="refused: nothing lives at '_no'") as caught:
        await node.put("_no", b"a")
    assert "docs/REFERENCE.md" in caught.value.hint
    with pytest.raises(FutureTime, match=r"refused: the time .* of element 'a'"):
        await node.merge("refused", {b"a": pack(TIME_MAX, removed=False)})
    assert await node.state("refused") == {}


async def test_elements_too_long_are_refused_here_or_there(node: AsyncNode) -> None:
    with pytest.raises(InvalidElement):
        await node.put("long", bytes(ELEMENT_BYTES_MAX + 1))
    with pytest.raises(TargetTooLong) as caught:
        await node.put("long", bytes(ELEMENT_BYTES_MAX))
    assert "PATCH" in caught.value.hint


@pytest.mark.parametrize("name", ["", "a/b", "é" * 128, "\ud800"])
async def test_what_is_no_name_of_a_set_is_refused(node: AsyncNode, name: str) -> None:
    with pytest.raises(InvalidSetName):
        await node.state(name)


NO_ADDRESSES = [
    *("", "a", ":1", "a:", "a:0", "a:65536", "a:x", "a:1/", "a/b:1", "u@a:1", "a\n:1", "[:]:1"),
]


@pytest.mark.parametrize("address", NO_ADDRESSES)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(InvalidAddress):
        AsyncNode(address)


@pytest.mark.parametrize("address", ["a:80", "A:3000", "[::1]:80", "1.2.3.4:1", "a_b.c-d:65535"])
def test_an_address_is_a_host_and_a_port(address: str) -> None:
    assert AsyncNode(address).address == address


async def test_a_proxy_of_the_environment_is_not_asked(
    node_process: NodeProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with AsyncNode(node_process.address) as node:
        assert await node.state("proxied") == {}


def test_the_client_and_the_monkeys_import_without_the_server() -> None:
    code = (
        "import sys, lastword.client.node, lastword.monkeys.normal, lastword.monkeys.onoff\n"
        "import lastword.monkeys.viewer\n"
        "rooms = {name.split('.')[1] for name in sys.modules if name.startswith('lastword.')}\n"
        "leaves = {'errors', 'limits', 'address', 'crdt', 'wall'}\n"
        "print(*sorted(rooms - leaves - {'client', 'monkeys'}))\n"
        "print(*sorted({'apsw', 'uvloop', 'httptools', 'prometheus_client'} & {*sys.modules}))"
    )
    ended = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True)
    assert ended.stdout.split() == []
