"""The version before: the present one without the fence, and old nodes among new ones."""

from dataclasses import replace

import pytest
from msgspec.structs import replace as struct_replace

from lastword.errors import InvalidFrame, UnknownProtocol
from lastword.replication import frames, speech, version2
from lastword.replication.entries import Entry
from lastword.replication.frames import (
    COMPRESSED,
    FenceBody,
    Frame,
    Log,
    PageBody,
    Pull,
    VouchedBody,
    pack_entries,
)
from lastword.replication.peers import OLD_VERSION_US
from lastword.replication.settings import ReplicaSettings
from tests.replication.net import SETTINGS, TICK_US, A, B, C, Net, assert_converged
from tests.stores import add, add_each, remove

OLD = replace(SETTINGS, version=2)
LOG = Log(3, 44)
GREETING = "02940102a3613a3192032c"
PULL = "02950102a3613a3192032c94930506072d810809c3"
PAGE = "02960102a3613a3192032cc097049305060703c39391c401739108919500c40165150009922d810809c0"
FRAMES = {
    GREETING: Frame(1, 2, "a:1", LOG),
    PULL: Frame(1, 2, "a:1", LOG, pull=Pull((5, 6, 7), 45, {8: 9})),
    PAGE: Frame(
        1,
        2,
        "a:1",
        LOG,
        page=PageBody(
            4,
            (5, 6, 7),
            3,
            from_start=True,
            rows=pack_entries((Entry(b"s", b"e", 21, 8, 9),)),
            seen=VouchedBody(45, {8: 9}),
        ),
    ),
}


@pytest.mark.parametrize(("published", "frame"), FRAMES.items())
def test_the_bytes_that_were_published_are_read_as_they_were(published: str, frame: Frame) -> None:
    assert version2.decode(bytes.fromhex(published)) == frame


@pytest.mark.parametrize("frame", FRAMES.values())
def test_a_frame_survives_its_way_and_leaves_the_fence_behind(frame: Frame) -> None:
    data = version2.encode(struct_replace(frame, fence=FenceBody(1, 2, False)))
    assert data[0] == version2.VERSION
    assert version2.decode(data) == frame


def test_a_compressed_frame_is_read_and_none_is_sent() -> None:
    rows = pack_entries(Entry(b"s", b"element %d" % index, 20, 8, 9) for index in range(1_000))
    frame = Frame(1, 2, "a:1", LOG, page=PageBody(4, (0, 0, 0), 1, True, rows))
    compressed = bytes([version2.VERSION | COMPRESSED]) + frames.encode(frame)[1:]
    assert version2.decode(compressed) == frame
    assert version2.encode(frame)[0] == version2.VERSION


@pytest.mark.parametrize("published", FRAMES)
def test_every_frame_cut_short_or_with_another_byte_is_a_frame_or_refused(published: str) -> None:
    data = bytes.fromhex(published)
    for index in range(1, len(data)):
        with pytest.raises(InvalidFrame):
            version2.decode(data[:index])
        for byte in range(256):
            try:
                version2.decode(data[:index] + bytes([byte]) + data[index + 1 :])
            except InvalidFrame:
                continue


def test_an_old_node_refuses_the_new_version_by_name(net: Net) -> None:
    old = net.start(A, settings=OLD)
    with pytest.raises(UnknownProtocol, match="version 3"):
        speech.respond(old.replica, frames.encode(Frame(1, 2)), net.now_us)


@pytest.mark.parametrize("settings", [(OLD, SETTINGS, SETTINGS), (SETTINGS, OLD, OLD)])
def test_old_and_new_nodes_find_each_other_and_converge(
    net: Net, settings: tuple[ReplicaSettings, ...]
) -> None:
    nodes = [
        net.start(A, settings=settings[0], page_rows=2),
        net.start(B, A, settings=settings[1], page_rows=2),
        net.start(C, A, settings=settings[2], page_rows=2),
    ]
    for node in nodes:
        add_each(node.store, 5, node.replica.membership.address.encode())
    net.rounds(10)
    remove(nodes[0].store, b"a:1" + b"0")
    add(nodes[2].store, b"late")
    net.rounds(10)
    assert nodes[1].store.members() == {A, B, C}
    assert_converged(nodes)
    assert sum(node.replica.counters.sends_failed for node in nodes) == 0


def test_old_and_new_nodes_compare(net: Net) -> None:
    a, b = net.start(A), net.start(B, A, settings=OLD)
    add_each(a.store, 5)
    net.rounds(3 * SETTINGS.full_interval_us // TICK_US)
    assert a.replica.counters.comparisons_equal > 0
    assert b.replica.counters.comparisons_equal > 0


def test_a_node_that_has_collected_does_not_speak_the_old_version_any_more(net: Net) -> None:
    new, old = net.start(A), net.start(B, A, settings=OLD)
    net.rounds(6)
    remove(new.store, b"gone")
    new.store.collect(dict(new.store.seen), 0, new.store.log_end, 10)
    rows, seen = len(list(old.store.all_rows())), dict(old.store.seen)
    add(new.store, b"after")
    with pytest.raises(UnknownProtocol, match="not spoken here any more"):
        speech.respond(new.replica, version2.encode(Frame(1, 2)), net.now_us)
    with pytest.raises(UnknownProtocol, match="not spoken here any more"):
        speech.hear(new.replica, B, version2.encode(Frame(1, 2)), net.now_us)
    add(old.store, b"theirs")
    net.rounds(10)
    assert len(list(old.store.all_rows())) == rows + 1
    assert old.store.seen.keys() == seen.keys()
    assert not new.store.contains(b"set", b"theirs")


def test_a_node_that_was_brought_up_to_date_is_spoken_to_in_the_new_version(net: Net) -> None:
    a = net.start(A)
    net.start(B, A, settings=OLD)
    net.rounds(6)
    assert a.replica.version_for(B) == 2
    net.restart(B, A)
    net.rounds(6)
    assert a.replica.version_for(B) == 3


def test_a_node_that_was_taken_for_an_old_one_is_tried_again_in_an_hour(net: Net) -> None:
    a, _ = net.start(A), net.start(B, A)
    net.rounds(4)
    a.replica.refused(B, net.now_us)
    assert a.replica.version_for(B) == 2
    net.pass_time(OLD_VERSION_US)
    net.tick(A)
    assert a.replica.version_for(B) == 3
