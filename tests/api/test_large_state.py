"""The state of a large set: whole, in bounded memory, at the client's pace, holding nothing up."""

import asyncio
import json
import tracemalloc
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from lastword.api.http import Request, Response
from lastword.api.http.forms import JSON
from lastword.api.rest import state as state_module
from lastword.api.rest.state import STREAMS_MAX, StateStreams, json_parts, msgpack_parts
from lastword.crdt.stamp import pack
from lastword.crdt.wire import decode_json, decode_msgpack
from lastword.errors import Unavailable
from lastword.store.operations import Merge
from tests.api.http.raw_http import RawClient, until
from tests.api.living_node import LivingNode

MSGPACK = {"Accept": "application/msgpack"}


def fill(node: LivingNode, stamps: dict[bytes, int], set_name: bytes = b"s") -> None:
    names = list(stamps)
    for start in range(0, len(names), 5_000):
        part = {name: stamps[name] for name in names[start : start + 5_000]}
        node.store.execute(Merge(set_name, part))


def mixture(count: int) -> dict[bytes, int]:
    """Return entries of every kind: present and removed, text and not."""
    return {
        (b"\xff" if number % 3 == 0 else b"") + b"element %d" % number: pack(
            number + 1, removed=number % 2 == 0
        )
        for number in range(count)
    }


@pytest.mark.slow
async def test_a_large_state_is_whole_in_both_forms(node: LivingNode) -> None:
    stamps = mixture(70_000)  # more than msgpack's middle kind of map holds
    fill(node, stamps)
    answer = await node.ask("GET", "/s")
    assert answer.headers[b"transfer-encoding"] == b"chunked"
    assert decode_json(answer.body) == stamps
    assert list(json.loads(answer.body)) == [
        "lwwAdded",
        "lwwRemoved",
        "lwwAddedBase64",
        "lwwRemovedBase64",
    ]
    packed = await node.ask("GET", "/s", headers=MSGPACK)
    assert packed.headers[b"content-type"] == b"application/msgpack"
    assert decode_msgpack(packed.body) == stamps


@pytest.mark.parametrize("removed", [True, False])
@pytest.mark.parametrize("prefix", [b"", b"\xff"])
async def test_a_large_state_of_one_kind_is_well_formed(
    node: LivingNode, prefix: bytes, removed: bool
) -> None:
    stamps = {prefix + b"%d" % number: pack(7, removed=removed) for number in range(600)}
    fill(node, stamps)
    shown = json.loads((await node.ask("GET", "/s")).body)
    assert {"lwwAdded", "lwwRemoved"} <= shown.keys()
    assert decode_json(json.dumps(shown).encode()) == stamps
    assert decode_msgpack((await node.ask("GET", "/s", headers=MSGPACK)).body) == stamps


@pytest.mark.parametrize("count", [0, 1, 15, 16, 65_535, 65_536])
def test_the_parts_make_a_state_of_any_size(count: int) -> None:
    stamps = mixture(count)

    def source() -> Iterator[list[tuple[bytes, int]]]:
        entries = list(stamps.items())
        for start in range(0, len(entries), 4_000):
            yield entries[start : start + 4_000]

    assert decode_json(b"".join(json_parts(source()))) == stamps
    assert decode_msgpack(b"".join(msgpack_parts(source()))) == stamps


@pytest.mark.parametrize("parts_of", [json_parts, msgpack_parts])
def test_a_step_reads_once_also_where_it_has_nothing_to_send(parts_of: Any) -> None:
    read = 0

    def source() -> Iterator[list[tuple[bytes, int]]]:
        nonlocal read
        for number in range(100):
            read += 1
            yield [(b"%d" % number, pack(1, removed=True))]

    parts = parts_of(source())
    for step in range(1, 101):
        assert next(parts) == b""
        assert read == step
    assert any(parts)


async def test_head_of_a_large_state_sends_nothing_and_holds_nothing(node: LivingNode) -> None:
    fill(node, mixture(2_000))
    answer = await node.ask("HEAD", "/s")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers[b"etag"]


@pytest.mark.slow
async def test_an_element_that_is_written_meanwhile_stands_in_one_map_with_one_of_its_times(
    node: LivingNode,
) -> None:
    stamps = {b"element %d" % number: pack(1, removed=number % 2 == 0) for number in range(20_000)}
    fill(node, stamps)
    parts = (await answer_of(node)).body
    assert not isinstance(parts, bytes)
    body, turn = b"", 0
    async for part in parts:
        body += part
        turn += 1
        flipped = {
            name: pack(1 + turn, removed=not stamp & 1)
            for name, stamp in list(stamps.items())[:500]
        }
        await node.node.commits.submit(Merge(b"s", flipped), lambda _: None)
    shown = json.loads(body)
    assert shown["lwwAdded"].keys().isdisjoint(shown["lwwRemoved"])
    assert shown["lwwAdded"].keys() | shown["lwwRemoved"].keys() == {n.decode() for n in stamps}
    assert set(shown["lwwAdded"].values()) | set(shown["lwwRemoved"].values()) <= set(
        range(1, turn + 2)
    )


async def answer_of(node: LivingNode, headers: dict[bytes, bytes] | None = None) -> Response:
    found = node.rest(Request("GET", b"/s", b"/s", headers=headers or {}))
    return found if isinstance(found, Response) else await found


@pytest.mark.slow
@pytest.mark.parametrize("accept", ["*/*", "application/msgpack"])
async def test_memory_does_not_follow_the_size_of_a_state(node: LivingNode, accept: str) -> None:
    element = 2_000
    stamps = {
        b"%d".ljust(element, b"x") % number: pack(1, removed=number % 2 == 0)
        for number in range(10_000)
    }
    fill(node, stamps)
    del stamps
    answer = await answer_of(node, {b"accept": accept.encode()})
    assert not isinstance(answer.body, bytes)
    tracemalloc.start()
    try:
        size = 0
        async for part in answer.body:
            size += len(part)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size > 10_000 * element
    assert peak < size / 4, f"{peak} bytes were held of {size}"


@pytest.mark.slow
async def test_a_client_that_stops_reading_costs_no_more_and_holds_nothing_up(
    node: LivingNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    element = 5_000
    fill(node, {b"%d".ljust(element, b"x") % n: pack(1, removed=False) for n in range(6_000)})
    read = 0
    entries = node.store.entries

    def counted(*arguments: Any, **limits: Any) -> Any:
        nonlocal read
        found = entries(*arguments, **limits)
        read += sum(len(key) for key, _ in found)
        return found

    monkeypatch.setattr(node.store, "entries", counted)
    client = await RawClient.connect(node.server.port, receive_bytes=16_384)
    try:
        await client.send(node.request("GET", "/s"))
        await client.read_some(100)
        (connection,) = node.server._shared.connections
        await until(lambda: connection._outlet.choked)  # type: ignore[attr-defined]
        stopped_at = read
        for number in range(20):
            await node.ask("PUT", f"/t/{number}")
        assert read == stopped_at, "nothing more is read until the client takes some"
        assert read < 6_000 * element / 2
        await until(lambda: checkpointed(node))  # no snapshot is held
    finally:
        client.close()
    await until(lambda: not running(node))


def checkpointed(node: LivingNode) -> bool:
    """Return whether the file's log can be reset, which no reader's snapshot then hinders."""
    writing = node.store.writer._connection
    busy = writing.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()[0][0]
    return not busy


def running(node: LivingNode) -> int:
    route = next(route for route in node.rest.routes if route.path == "/_/sets")
    get_sets: Any = route.calls["GET"].answer  # of what shows sets, large ones as well
    count: int = get_sets.__self__._streams.running
    return count


async def test_one_state_too_many_is_refused_and_there_is_room_again(
    node: LivingNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_module, "STREAMS_MAX", 2)
    fill(node, mixture(600))
    bodies: list[Any] = [(await answer_of(node)).body for _ in range(2)]
    for body in bodies:
        await anext(body)
    refused = await node.ask("GET", "/s")
    assert refused.status == 503
    assert "members" in json.loads(refused.body)["error"]["hint"]
    await bodies[0].aclose()
    assert (await node.ask("GET", "/s")).status == 200
    await bodies[1].aclose()
    assert running(node) == 0
    assert STREAMS_MAX >= 16


async def test_one_address_leaves_states_to_others(
    node: LivingNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_module, "ADDRESS_STREAMS_MAX", 1)
    fill(node, mixture(600))
    streams = StateStreams(node.node)

    def begin(client: str) -> Any:
        return streams.answer(client, b"s", JSON, ()).body

    first, other = begin("192.0.2.1"), begin("192.0.2.2")
    with pytest.raises(Unavailable, match="2 large states are being sent already, 1 to you"):
        begin("192.0.2.1")
    await first.aclose()
    await begin("192.0.2.1").aclose()
    await other.aclose()
    assert streams.running == 0


async def test_states_that_are_asked_for_at_once_are_counted_before_any_begins(
    node: LivingNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_module, "STREAMS_MAX", 2)
    fill(node, mixture(600))
    promised = [await answer_of(node) for _ in range(2)]
    assert running(node) == 2
    assert (await node.ask("GET", "/s")).status == 503
    for response in promised:  # never begun, as those of a client that has gone
        body: Any = response.body
        await body.aclose()
        await body.aclose()
    assert running(node) == 0


async def test_asking_for_the_head_of_a_large_state_takes_nobody_s_place(
    node: LivingNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_module, "STREAMS_MAX", 1)
    fill(node, mixture(600))
    client = await node.client(node.request("HEAD", "/s") * 3)
    for _ in range(3):
        answer = await client.read_answer(to_head=True)
        assert (answer.status, answer.headers[b"transfer-encoding"]) == (200, b"chunked")
    assert running(node) == 0


async def test_a_client_that_goes_leaves_no_file_and_no_count_behind(node: LivingNode) -> None:
    fill(node, {b"%d".ljust(3_000, b"x") % n: pack(1, removed=True) for n in range(3_000)})
    for headers in ({}, MSGPACK):
        client = await node.client(node.request("GET", "/s", headers=headers))
        await until(lambda: running(node) == 1)
        client.reset()
        await until(lambda: running(node) == 0)
    await asyncio.sleep(0)


def test_base64_and_msgpack_of_the_same_bytes_agree() -> None:
    stamps = {b"\xff" * 9: pack(5, removed=False)}
    shown = json.loads(b"".join(json_parts(iter([list(stamps.items())]))))
    assert shown["lwwAddedBase64"] == {b64encode(b"\xff" * 9).decode(): 5}
    packed = msgspec.msgpack.decode(b"".join(msgpack_parts(iter([list(stamps.items())]))))
    assert packed == {"lwwAdded": {b"\xff" * 9: 5}, "lwwRemoved": {}}
