"""The version before: its published bytes, and old nodes among new ones."""

from dataclasses import replace

import pytest

from lastword.errors import InvalidFrame, UnknownProtocol
from lastword.limits import STAMP_MAX
from lastword.replication import frames, speech, version1
from lastword.replication.entries import Entry
from lastword.replication.frames import Frame, Log, PageBody, Pull, Rows, VouchedBody
from lastword.replication.hashing import PRIME
from lastword.replication.peers import OLD_VERSION_US
from lastword.replication.settings import ReplicaSettings
from lastword.replication.vectors import vector_hash
from lastword.replication.version1 import ScanBody, ScanPull
from tests.replication.net import SETTINGS, TICK_US, A, B, C, Net, assert_converged
from tests.stores import add, add_each, remove

OLD = replace(SETTINGS, version=1)
ROWS = Rows(
    [b"s", b"t"],
    [8, 2],
    [(0, b"\x00\xff", 21, 0, 9), (0, b"", 20, 0, 10), (1, b"e", STAMP_MAX, 1, 3)],
)
ONE_ROW = frames.pack_entries((Entry(b"s", b"e", 21, 8, 9),))
SEEN = {8: 9, 1 << 40: 1}
GREETING = "01980102a3613a3103c0c0c0c0"
PULL = (
    "0198cf00060a24181e4000cf7fffffffffffffffaa5b3a3a315d3a3330303007"
    "9293050607820809cf000001000000000001c0c0c0"
)
LAST_PAGE = (
    "01980102a3613a3103c096049305060703c39392c40173c40174920802939500"
    "c40200ff1500099500c40014000a9501c40165cf3fffffffffffffff01038108"
    "09c0c0"
)
PAGE = "01980102a3613a311ec096049300000003c29391c401739108919500c40165150009c0c0c0"
SCAN_PULL = "01980102a003c0c092049205cf1ffffffffffffffec0"
SCAN = "01980102a3613a3103c0c0c09404c3c29391c401739108919500c40165150009"

FRAMES = {
    GREETING: Frame(1, 2, "a:1", Log(3, 0)),
    PULL: Frame(
        1_700_000_000_000_000,
        2**63 - 1,
        "[::1]:3000",
        Log(7, vector_hash(SEEN)),
        pull=Pull((5, 6, 7), 0, SEEN),
    ),
    LAST_PAGE: Frame(
        1,
        2,
        "a:1",
        Log(3, vector_hash({8: 9})),
        page=PageBody(4, (5, 6, 7), 3, True, ROWS, VouchedBody(0, {8: 9})),
    ),
    PAGE: Frame(1, 2, "a:1", Log(30, 0), page=PageBody(4, (0, 0, 0), 3, False, ONE_ROW)),
}


@pytest.mark.parametrize(("golden", "frame"), FRAMES.items())
def test_a_frame_is_the_published_bytes(golden: str, frame: Frame) -> None:
    assert version1.decode(bytes.fromhex(golden)) == (frame, None)
    assert version1.encode(frame).hex() == golden


def test_a_scan_pull_and_a_scan_are_the_published_bytes() -> None:
    _, pull = version1.decode(bytes.fromhex(SCAN_PULL))
    assert pull == ScanPull(4, (5, PRIME - 1))
    scan = ScanBody(4, last=True, equal=False, rows=ONE_ROW)
    assert version1.encode(Frame(1, 2, "a:1", Log(3, 0)), scan).hex() == SCAN


@pytest.mark.parametrize("golden", [GREETING, PULL, LAST_PAGE, PAGE, SCAN_PULL, SCAN])
def test_every_frame_cut_short_or_with_another_byte_is_a_frame_or_refused(golden: str) -> None:
    data = bytes.fromhex(golden)
    for index in range(1, len(data)):
        with pytest.raises(InvalidFrame):
            version1.decode(data[:index])
        for byte in range(256):
            try:
                version1.decode(data[:index] + bytes([byte]) + data[index + 1 :])
            except InvalidFrame:
                continue


def test_an_old_node_refuses_the_new_version_by_name(net: Net) -> None:
    old = net.start(A, settings=OLD)
    with pytest.raises(UnknownProtocol, match="version 2"):
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


def test_a_node_that_was_brought_up_to_date_is_spoken_to_in_the_new_version(net: Net) -> None:
    a = net.start(A)
    net.start(B, A, settings=OLD)
    net.rounds(6)
    assert a.replica.version_for(B) == 1
    net.restart(B, A)
    net.rounds(6)
    assert a.replica.version_for(B) == 2


def test_new_nodes_compare_with_new_nodes_only_and_answer_the_scans_of_old_ones(net: Net) -> None:
    a, b = net.start(A, page_rows=2), net.start(B, A, settings=OLD)
    add_each(a.store, 5)
    net.rounds(3 * SETTINGS.full_interval_us // TICK_US)
    assert a.replica.counters.comparisons_begun == b.replica.counters.comparisons_begun == 0
    equal = version1.scan(a.store, ScanPull(0, a.store.sums()))
    assert (equal.equal, equal.last, equal.rows) == (True, True, Rows())

    found, after, last = [], 0, False
    while not last:
        scan = version1.scan(a.store, ScanPull(after, (1, 2)))
        found += [row[1] for row in scan.rows.rows]
        after, last = scan.reached, scan.last
    assert {b"e%d" % index for index in range(5)} <= set(found)


def test_a_node_that_was_taken_for_an_old_one_is_tried_again_in_an_hour(net: Net) -> None:
    a, _ = net.start(A), net.start(B, A)
    net.rounds(4)
    a.replica.refused(B, net.now_us)
    assert a.replica.version_for(B) == 1
    net.pass_time(OLD_VERSION_US)
    net.tick(A)
    assert a.replica.version_for(B) == 2
