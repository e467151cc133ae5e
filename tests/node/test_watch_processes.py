"""Watching real nodes: what another took, after kills and restores, and by a thousand at once."""

import asyncio
import json
import shutil
import socket
import threading
from contextlib import ExitStack
from http.client import HTTPException
from pathlib import Path

import pytest

from tests.calls import Caller, call, members
from tests.eventually import eventually
from tests.node.many_watchers import Crowd
from tests.node.watching_processes import streaming
from tools.processes import NodeProcess

pytestmark = pytest.mark.slow

WATCHERS = 1_000


async def test_what_one_node_takes_is_told_by_another(tmp_path: Path) -> None:
    with ExitStack() as stack:
        one = stack.enter_context(NodeProcess(tmp_path / "1.db"))
        two = stack.enter_context(NodeProcess(tmp_path / "2.db", "-i", one.address))
        addresses = {one.address, two.address}
        await asyncio.to_thread(
            eventually, lambda: members(two.address) == addresses, "they know each other"
        )
        async with streaming(two.address, "/s?watch") as stream:
            await stream.next()
            await asyncio.to_thread(call, one.address, "PUT", "/s/a")
            event = await stream.next()
            assert (event["event"], event["element"]) == ("add", "a")
            await asyncio.to_thread(call, one.address, "DELETE", "/s/a")
            event = await stream.next()
            assert (event["event"], event["element"]) == ("remove", "a")


class Writer(threading.Thread):
    """Writes one element after the other until it is stopped, and notes what was answered."""

    def __init__(self, address: str) -> None:
        super().__init__(daemon=True)
        self.acknowledged: list[str] = []
        self._caller = Caller(address)
        self._stopped = threading.Event()

    def run(self) -> None:
        number = 0
        while not self._stopped.is_set():
            try:
                self._caller.call("PUT", f"/s/{number}")
            except (OSError, HTTPException):
                return  # the node was killed
            self.acknowledged.append(str(number))
            number += 1

    def stop(self) -> None:
        self._stopped.set()
        self.join(30)


async def test_nothing_acknowledged_is_missed_over_a_kill(tmp_path: Path) -> None:
    """Its reader goes on behind the last cursor that it had when the node died."""
    with NodeProcess(tmp_path / "a.db") as node:
        told: set[str] = set()
        async with streaming(node.address, "/s?watch") as stream:
            writer = Writer(node.address)
            writer.start()
            told |= set(await stream.elements(100))
            cursor = stream.cursor
            node.kill()
        writer.stop()
        node.start()
        async with streaming(node.address, f"/s?watch&after={cursor}") as stream:
            missing = set(writer.acknowledged) - told
            assert len(told) >= 100
            while missing:
                event = await stream.next()
                assert event["event"] in {"open", "add"}
                missing.discard(event.get("element", ""))


async def test_a_node_on_an_older_file_says_that_it_is_another(tmp_path: Path) -> None:
    with NodeProcess(tmp_path / "a.db") as node:
        await asyncio.to_thread(call, node.address, "PUT", "/s/a")
        node.stop()
        shutil.copyfile(tmp_path / "a.db", tmp_path / "backup")
        node.start()
        async with streaming(node.address, "/s?watch&after=0") as stream:
            await stream.elements(1)
            await asyncio.to_thread(call, node.address, "PUT", "/s/b")
            await stream.elements(1)
            cursor = stream.cursor
        node.stop()
        shutil.copyfile(tmp_path / "backup", tmp_path / "a.db")
        node.start()
        async with streaming(node.address, f"/s?watch&after={cursor}") as stream:
            assert (await stream.next())["event"] == "open"
            event = await stream.next()
            assert (event["event"], event["reason"]) == ("reset", "other_file")


async def test_streams_end_in_order_when_their_node_is_stopped(tmp_path: Path) -> None:
    with NodeProcess(tmp_path / "a.db") as node:
        async with streaming(node.address, "/s?watch") as stream:
            await stream.next()
            await asyncio.to_thread(node.stop)
            with pytest.raises(EOFError):
                await stream.next()


def resident_bytes(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4_096


async def test_a_slow_reader_holds_no_memory_and_gets_all_when_it_reads(tmp_path: Path) -> None:
    """12 MB are told to it; it takes none of them until the end."""
    with NodeProcess(tmp_path / "a.db") as node, socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        host, _, port = node.address.rpartition(":")
        slow.connect((host, int(port)))
        head = "GET /s?watch HTTP/1.1\r\nHost: a\r\nAccept: application/x-ndjson\r\n\r\n"
        slow.sendall(head.encode())
        await asyncio.to_thread(eventually, lambda: watchers(node) == 1, "it watches")
        filler = "x" * 4_000
        before = resident_bytes(node.process.pid)
        for start in range(0, 3_000, 500):
            names = [f"{at} {filler}" for at in range(start, start + 500)]
            body = json.dumps(names).encode()
            await asyncio.to_thread(call, node.address, "PUT", "/s", body)
        assert resident_bytes(node.process.pid) - before < 60 << 20
        slow.settimeout(30)
        await asyncio.to_thread(read_all, slow, [f'"element":"{at} x' for at in range(3_000)])


def watchers(node: NodeProcess) -> int:
    text = call(node.address, "GET", "/_/metrics").body.decode()
    (line,) = [line for line in text.splitlines() if line.startswith("lastword_watchers ")]
    return int(float(line.split()[1]))


def read_all(sock: socket.socket, marks: list[str]) -> None:
    """Read until each of `marks` was there, in order."""
    kept, at = b"", 0
    while at < len(marks):
        data = sock.recv(1 << 16)
        assert data, f"it ended before {marks[at]}"
        kept += data
        while at < len(marks) and (found := kept.find(marks[at].encode())) >= 0:
            kept = kept[found:]
            at += 1


async def test_a_thousand_watchers_are_told_of_all_that_is_written(tmp_path: Path) -> None:
    """Half watch the set, half of them all sets; two clients write meanwhile."""
    with NodeProcess(tmp_path / "a.db") as node:
        crowd = Crowd(node.address)
        try:
            await crowd.join("/s?watch", WATCHERS // 2)
            await crowd.join("/_/watch?prefix=s", WATCHERS // 2)
            for start in range(0, 200, 20):
                names = json.dumps([str(at) for at in range(start, start + 10)]).encode()
                await asyncio.to_thread(call, node.address, "PUT", "/s", names)
                for at in range(start + 10, start + 20):
                    await asyncio.to_thread(call, node.address, "PUT", f"/s/{at}")
            await crowd.wait(200)
            assert crowd.told() == {frozenset(str(at) for at in range(200))}
        finally:
            crowd.close()
