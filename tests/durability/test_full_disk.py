"""Where a disk is full: writes are refused, reads go on, and with room all goes on by itself."""

import signal
from random import Random

import pytest

from lastword.errors import DiskFailed
from lastword.store.base import StoreOptions
from lastword.store.operations import Write
from lastword.store.sqlite.store import SqliteStore
from lastword.wall import wall_us
from tests.calls import call
from tests.durability.small_disk import SmallDisk
from tools.durability.callers import SET, RespCaller, RestCaller
from tools.durability.load import Load
from tools.resp_node import RespNode

pytestmark = pytest.mark.slow  # every test starts a node, or writes megabytes

LOG_PAGE_BYTES = 4096 + 24
INDEXED_PAGES = 4_062
"""Of the log, by the first part of its index (https://www.sqlite.org/walformat.html)."""

COMMIT_PAGES = 9
"""Enough for the log of one small write, and not for the eight of its index beside that."""


def fill(caller: RestCaller | RespCaller, kind: bytes) -> tuple[list[bytes], str]:
    """Add until one is refused; return what was acknowledged, and how that one was answered."""
    done: list[bytes] = []
    for number in range(10_000):
        element = b"%b-%d" % (kind, number) + b"x" * 500
        ((_, refusal),) = caller.write([(element, True)])
        if refusal is not None:
            return done, refusal
        done.append(element)
    raise AssertionError("it was never full")


def test_writes_are_refused_reads_go_on_and_with_room_writes_resume(
    small_disk: SmallDisk,
) -> None:
    with RespNode(small_disk.place / "a.db") as node:
        rest, resp = RestCaller(node.address), RespCaller(node.resp_address)
        resp.add([b"before"])
        small_disk.leave(100)
        by_rest, refused = fill(rest, b"rest")
        assert refused.startswith("507 ")
        assert "the disk is full; the write was not done" in refused
        by_resp, refused = fill(resp, b"resp")
        assert refused.startswith("MISCONF the disk is full; the write was not done")
        held = [b"before", *by_rest, *by_resp]

        assert all(resp.contained(held).values())
        assert resp.count() == len(held)
        assert rest.is_present(b"before")
        assert call(node.address, "GET", f"/{SET}").status == 200
        ready = call(node.address, "GET", "/_/ready")
        assert (ready.status, ready.json["reasons"][0]["code"]) == (503, "disk_failed")
        small_disk.make_room()
        assert call(node.address, "GET", "/_/ready").status == 200
        ((_, refusal),) = rest.write([(b"after", True)])
        assert refusal is None
        resp.add([b"after, too"])

        node.process.signal(signal.SIGKILL)
        node.kill()
        node.start()
        held += [b"after", b"after, too"]
        with RespCaller(node.resp_address) as again:
            assert all(again.contained(held).values())
            assert again.count() == len(held)
        rest.close()
        resp.close()


def test_a_log_that_there_is_no_room_to_copy_back_is_copied_back_later(
    small_disk: SmallDisk,
) -> None:
    path = small_disk.place / "a.db"
    with RespNode(path) as node, RespCaller(node.resp_address) as caller:
        small_disk.leave(10_500)  # the log begins to be copied back at 8,000 pages, to no avail
        done: list[bytes] = []
        refusal: str | None = None
        while refusal is None:
            elements = [b"%d-%d" % (len(done), each) + b"x" * 2_000 for each in range(500)]
            refusal = call_add(caller, elements)
            if refusal is None:
                done += elements
        assert "the disk is full" in refusal
        assert path.with_name("a.db-wal").stat().st_size > 8_000 * LOG_PAGE_BYTES
        assert all(caller.contained(done).values())

        small_disk.make_room()
        caller.add([b"after"])
        caller.add([b"after that"])
        node.process.signal(signal.SIGKILL)
        node.kill()
        node.start()
        with RespCaller(node.resp_address) as again:
            assert all(again.contained([*done, b"after", b"after that"]).values())


def call_add(caller: RespCaller, elements: list[bytes]) -> str | None:
    """Return by what a pipeline was refused first, or None."""
    answers = caller.write([(element, True) for element in elements])
    return next((refusal for _, refusal in answers if refusal is not None), None)


def test_where_the_logs_index_cannot_grow_writes_resume_with_room(
    small_disk: SmallDisk,
) -> None:
    path = small_disk.place / "a.db"
    store = SqliteStore(path, StoreOptions(wall_us, lambda: Random().getrandbits(63)))
    log = path.with_name("a.db-wal")
    number = 0
    done: list[bytes] = []
    while log.stat().st_size < (INDEXED_PAGES - 100) * LOG_PAGE_BYTES:
        store.execute(Write(b"s", add=tuple(b"%d-%d" % (number, each) for each in range(30))))
        number += 1

    def add_more() -> None:
        for _ in range(100):
            small_disk.leave(COMMIT_PAGES)
            store.execute(Write(b"t", add=(b"%d" % len(done),)))
            done.append(b"%d" % len(done))

    with pytest.raises(DiskFailed, match="the disk is full; the write is done only if"):
        add_more()
    small_disk.make_room()
    store.execute(Write(b"t", add=(b"after",)))

    store.check()
    store.close()
    store = SqliteStore(path, StoreOptions(wall_us, lambda: Random().getrandbits(63)))
    held = {element for element in (*done, b"after") if store.contains(b"t", element)}
    assert held == {*done, b"after"}
    assert store.contains(b"t", b"%d" % len(done)) is False
    store.check()
    store.close()


def test_a_backup_that_there_is_no_room_for_is_refused_and_leaves_nothing(
    small_disk: SmallDisk,
) -> None:
    path = small_disk.place / "a.db"
    with RespNode(path) as node, RespCaller(node.resp_address) as caller:
        caller.add([b"%d" % each + b"x" * 2_000 for each in range(2_000)])
        before = {at.name for at in small_disk.place.iterdir()}
        small_disk.leave(500)

        refused = call(node.address, "POST", "/_/backup")

        assert refused.status == 507
        assert refused.json["error"]["code"] == "disk_failed"
        assert "no room for the backup" in refused.json["error"]["message"]
        assert {at.name for at in small_disk.place.iterdir()} == before
        caller.add([b"after"])
        small_disk.make_room()
        assert call(node.address, "POST", "/_/backup").status == 200


def test_what_is_acknowledged_while_a_disk_is_full_now_and_then_is_there(
    small_disk: SmallDisk,
) -> None:
    with RespNode(small_disk.place / "a.db") as node:
        load = Load(node.address, node.resp_address, Random(1))
        load.begin()
        for _ in range(5):
            small_disk.leave(40)
            load.wait_for_refusal()
            small_disk.make_room()
            load.wait_for(load.acknowledged + 200)
        node.process.signal(signal.SIGKILL)
        load.wait()
        node.kill()
        node.start()
        found = load.examine()
    assert found.acknowledged >= 1_000
    assert found.lost == found.unexpected == []
    assert all("the disk is full" in refusal for refusal in load.refusals())
