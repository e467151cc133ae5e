"""What another node, or something that is none, may send: whole and valid frames, or nothing."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lastword.api.http import HttpLimits
from lastword.crdt.stamp import pack
from lastword.limits import ELEMENT_BYTES_MAX, SET_NAME_BYTES_MAX, STAMP_MAX
from lastword.replication import frames
from lastword.replication.entries import Entry
from tests.api.conftest import StartNode
from tests.api.living_node import NOW_US, STRANGER, STRANGER_RUN, LivingNode

ENTRY = Entry(b"s", b"a", pack(5, removed=False), STRANGER_RUN, 1)
ONE_NODE_FOR_ALL = settings(
    max_examples=60,
    deadline=None,  # a frame that is taken waits for the disk
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


async def expect_refused(node: LivingNode, data: bytes, code: str = "invalid_frame") -> None:
    """Send what is no frame; it must be refused in the shape of errors, and change nothing."""
    before = node.held()
    answer = await node.send_frame(data)
    assert answer.status == 400
    error = json.loads(answer.body)["error"]
    assert error["code"] == code
    assert error.keys() == {"code", "message", "hint"}
    assert len(answer.body) < 1_000
    assert node.held() == before


async def expect_alive(node: LivingNode) -> None:
    """Verify that the node still takes frames and writes."""
    await node.plant([(b"alive", b"planted", pack(6, removed=False))])
    assert (await node.ask("PUT", "/alive/written")).status == 200
    assert (await node.state("alive"))["lwwAdded"].keys() == {"planted", "written"}


def page_data(node: LivingNode, *rows: Entry) -> bytes:
    return frames.encode(node.page_frame(rows or (ENTRY,), reached=1))


async def test_a_whole_frame_is_applied_and_answered_with_a_frame(node: LivingNode) -> None:
    answer = await node.send_frame(page_data(node))
    assert answer.status == 200
    assert answer.headers[b"content-type"] == b"application/msgpack"
    assert frames.decode(answer.body).run == node.store.run
    assert await node.state("s") == {"lwwAdded": {"a": 5}, "lwwRemoved": {}}


async def test_a_frame_applied_twice_changes_nothing_more(node: LivingNode) -> None:
    data = page_data(node)
    await node.send_frame(data)
    before = node.held()
    assert (await node.send_frame(data)).status == 200
    assert node.held() == before


async def test_a_wish_is_answered_with_what_is_held(node: LivingNode) -> None:
    await node.ask("PUT", "/s/a")
    wish = frames.Frame(NOW_US, STRANGER_RUN, pull=frames.Pull((0, 0, 0), 0, {}))
    reply = frames.decode((await node.send_frame(frames.encode(wish))).body)
    assert reply.page is not None
    assert [row[1] for row in reply.page.rows.rows] == [b"a"]
    assert reply.page.seen == frames.VouchedBody(0, dict(node.store.seen))


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"\x02", b"\x02\xc0", b"\x02\x90", b"\x02\x80", b"\x02\xc1"),
        b"\x02" + b"\x91" * 100_000,
        b"\x02" + msgspec.msgpack.encode([NOW_US]),
        b"\x02" + msgspec.msgpack.encode([-1, STRANGER_RUN, STRANGER]),
        b"\x02" + msgspec.msgpack.encode([NOW_US, STRANGER_RUN, "x" * 256]),
        *(b"\x02\xdd\xff\xff\xff\xff", b"\x02\xc6\xff\xff\xff\xffx"),
    ],
    ids=lambda data: f"{data[:12]!r}-{len(data)}",
)
async def test_what_is_no_frame_is_refused(node: LivingNode, data: bytes) -> None:
    await expect_refused(node, data)
    await expect_alive(node)


@pytest.mark.parametrize("version", [0, 1, 4, 0x7B])
async def test_a_version_that_is_not_spoken_is_named(node: LivingNode, version: int) -> None:
    data = bytes([version]) + page_data(node)[1:]
    await expect_refused(node, data, "unknown_protocol")
    answer = await node.send_frame(data)
    assert f"version {version} " in json.loads(answer.body)["error"]["message"]
    await expect_alive(node)


async def test_a_frame_cut_short_anywhere_is_refused(node: LivingNode) -> None:
    data = page_data(node)
    for length in range(1, len(data)):
        await expect_refused(node, data[:length])
    await expect_refused(node, data + b"\x00")
    await expect_alive(node)


@given(st.binary(max_size=200))
@ONE_NODE_FOR_ALL
async def test_bytes_of_any_kind_do_no_harm(node: LivingNode, data: bytes) -> None:
    await expect_refused(node, b"\x02" + data)


async def test_a_frame_with_any_bit_flipped_is_a_frame_or_refused(node: LivingNode) -> None:
    for position in range(len(page_data(node)) * 8):
        data = bytearray(page_data(node))
        data[position // 8] ^= 1 << position % 8
        assert (await node.send_frame(bytes(data))).status in {200, 400}
    node.store.check()
    await expect_alive(node)


async def test_an_address_that_is_no_text_is_refused(node: LivingNode) -> None:
    data = page_data(node).replace(STRANGER.encode(), b"\xff" * len(STRANGER))
    await expect_refused(node, data)
    await expect_alive(node)


async def test_a_page_that_reaches_beyond_its_log_is_refused(node: LivingNode) -> None:
    frame = node.page_frame((ENTRY,), reached=2)
    await expect_refused(node, frames.encode(msgspec.structs.replace(frame, log=frames.Log(1, 1))))
    await expect_alive(node)


def rows_of(**changed: Any) -> frames.Rows:
    plain: dict[str, Any] = {"sets": [b"s"], "runs": [STRANGER_RUN]}
    return frames.Rows(**plain | changed)


@pytest.mark.parametrize(
    "rows",
    [
        rows_of(rows=[(1, b"a", 10, 0, 1)]),
        rows_of(rows=[(0, b"a", 10, 1, 1)]),
        rows_of(rows=[(0, b"a", 10, 0, 1)], sets=[]),
        rows_of(rows=[(0, b"a", 10, 0, 1)], sets=[b""]),
        rows_of(rows=[(0, b"a", 10, 0, 1)], sets=[b"x" * (SET_NAME_BYTES_MAX + 1)]),
        rows_of(rows=[(0, b"x" * (ELEMENT_BYTES_MAX + 1), 10, 0, 1)]),
        rows_of(rows=[(0, b"a", STAMP_MAX + 1, 0, 1)]),
        rows_of(rows=[(0, b"a", -1, 0, 1)]),
        rows_of(rows=[(0, b"a", 1 << 63, 0, 1)]),
        rows_of(rows=[(0, b"a", 10, 0, -1)]),
        rows_of(rows=[(0, b"a", 10, 0, 0)]),
        rows_of(rows=[(0, b"a", 10, 0, 1)], runs=[-1]),
        rows_of(rows=[(0, b"a", 10, 0, 1)], runs=[1 << 63]),
        rows_of(rows=[(0, None, 10, 0, 1)]),
        rows_of(rows=[(0, b"good", 10, 0, 1), (0, b"a", 1.5, 0, 2)]),
    ],
    ids=lambda rows: str(msgspec.structs.astuple(rows))[:60],
)
async def test_a_page_with_one_impossible_row_is_refused_whole(
    node: LivingNode, rows: frames.Rows
) -> None:
    frame = node.page_frame((), reached=2)
    assert frame.page is not None
    page = msgspec.structs.replace(frame.page, rows=rows)
    await expect_refused(node, frames.encode(msgspec.structs.replace(frame, page=page)))
    await expect_alive(node)


async def test_a_page_for_another_run_or_cursor_is_not_applied(node: LivingNode) -> None:
    frame = node.page_frame((ENTRY,), reached=1)
    assert frame.page is not None
    before = node.held()
    for page in (
        msgspec.structs.replace(frame.page, for_run=node.store.run ^ 1),
        msgspec.structs.replace(frame.page, cursor=(STRANGER_RUN, 1, 1)),
    ):
        data = frames.encode(msgspec.structs.replace(frame, page=page))
        assert (await node.send_frame(data)).status == 200
        assert node.held() == before


async def test_a_frame_over_the_limit_of_bodies_is_413(start_node: StartNode) -> None:
    node = await start_node(HttpLimits(body_bytes_max=1_000))
    answer = await node.send_frame(b"\x02" + b"x" * 1_000)
    assert answer.status == 413
    assert json.loads(answer.body)["error"]["code"] == "body_too_large"
    await expect_alive(node)


async def test_a_nodes_own_frame_is_answered_and_not_applied(node: LivingNode) -> None:
    frame = msgspec.structs.replace(
        node.page_frame((ENTRY,), reached=1), run=node.store.run, address=STRANGER
    )
    before = node.held()
    answer = await node.send_frame(frames.encode(frame))
    assert frames.decode(answer.body).page is None
    assert node.held() == before


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH"])
async def test_frames_come_by_post_only(node: LivingNode, method: str) -> None:
    answer = await node.ask(method, "/_/peer")
    assert answer.status == 405
    assert answer.headers[b"allow"] == b"POST, OPTIONS"


async def test_a_member_that_cannot_be_called_stays_and_does_no_harm(node: LivingNode) -> None:
    names = [b"", b"no address", b"a:1\nb:1", b"a:1/x?y#z", b"\xff:1", b"[::1", b"user@a:1"]
    stamp = pack(5, removed=False)
    await node.plant([(b"_peers_", name, stamp) for name in names])
    failed = node.node.replica.counters.sends_failed
    for _ in range(3):
        await node.node.tick()
    await expect_alive(node)
    assert len(node.store.members()) == len(names)
    assert node.node.replica.counters.sends_failed >= failed
