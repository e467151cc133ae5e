"""Real nodes on clocks that are wrong: nothing that was acknowledged is lost, nor given twice."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from lastword.crdt.stamp import pack
from tests.calls import Reply, call, members
from tests.clocks.false_time import FalseTime, skip_without_faketime
from tests.eventually import eventually
from tools.files import check_file
from tools.processes import LASTWORD, NodeProcess, Process

pytestmark = pytest.mark.slow

HOUR_S = 3_600
TEN_YEARS_S = 315_576_000
NEAR_S = 50


@pytest.fixture
def wall(tmp_path: Path) -> FalseTime:
    skip_without_faketime()
    return FalseTime(tmp_path / "wall")


def log_end(node: NodeProcess) -> int:
    end: int = call(node.address, "GET", "/_/ready").json["logEnd"]
    return end


def off_s(time_us: int) -> float:
    return time_us / 1e6 - time.time()


class Writer:
    """Writes to one element, by turns adding and removing it, and expects all that must rise."""

    def __init__(self, node: NodeProcess) -> None:
        self._node = node
        self._present = False
        self._last_stamp = self._last_number = 0

    def write(self) -> int:
        """Write once; return the time that it got."""
        self._present = not self._present
        method = "PUT" if self._present else "DELETE"
        time_us = call(self._node.address, method, "/s/e").time
        number = log_end(self._node)
        stamp = pack(time_us, removed=not self._present)
        assert stamp > self._last_stamp
        assert number > self._last_number
        self._last_stamp, self._last_number = stamp, number
        self.find()
        return time_us

    def find(self) -> None:
        """Expect the last write to be visible."""
        shown = call(self._node.address, "GET", "/s/e").body
        assert shown == (b"true" if self._present else b"false")


@pytest.mark.parametrize("away_s", [HOUR_S, -HOUR_S, TEN_YEARS_S])
@pytest.mark.parametrize("restarts", [False, True], ids=["while it runs", "over restarts"])
def test_stamps_and_numbers_rise_whatever_the_wall_does(
    tmp_path: Path, wall: FalseTime, away_s: int, restarts: bool
) -> None:
    with wall.node(tmp_path / "a.db") as node:
        writer = Writer(node)
        writer.write()
        for step_s in (0, away_s, 0, -away_s, away_s, 0):
            wall.step(step_s)
            if restarts:
                node.restart()
                writer.find()
            for _ in range(3):
                writer.write()
            fresh = call(node.address, "PUT", f"/s/fresh{time.monotonic_ns()}").time
            # Of an element that was never written elsewhen, the time is that of the wall again.
            assert abs(off_s(fresh) - step_s) < NEAR_S + 60
    check_file(node.database)


@pytest.fixture
def three(tmp_path: Path, wall: FalseTime) -> Iterator[list[NodeProcess]]:
    """Give three nodes that know each other, the first on the false wall."""
    with ExitStack() as stack:
        first = stack.enter_context(wall.node(tmp_path / "0.db", "-r", "0.1", "-f", "1"))
        told = ("-i", first.address, "-r", "0.1", "-f", "1")
        others = [
            stack.enter_context(NodeProcess(tmp_path / f"{number}.db", *told)) for number in (1, 2)
        ]
        nodes = [first, *others]
        listed = {node.address for node in nodes}
        eventually(lambda: all(members(node.address) == listed for node in nodes), "all listed")
        eventually(lambda: clock(first)["voices"] == 3, "three voices")
        yield nodes
    for node in nodes:
        check_file(node.database)


def clock(node: NodeProcess) -> dict[str, int]:
    said: dict[str, int] = call(node.address, "GET", "/_/clock").json
    return said


def metric(node: NodeProcess, name: str) -> float:
    text = call(node.address, "GET", "/_/metrics").body.decode()
    (line,) = [line for line in text.splitlines() if line.startswith(f"{name} ")]
    return float(line.split()[1])


def doctor(folder: Path, *arguments: str) -> tuple[int, str]:
    with Process(LASTWORD, "doctor", *arguments, stderr=folder / "doctor.stderr") as process:
        output = "\n".join(process.read_rest())
        return process.wait(), output


def put(node: NodeProcess, path: str) -> Reply:
    return call(node.address, "PUT", path)


@pytest.mark.parametrize("away_s", [HOUR_S, -HOUR_S, TEN_YEARS_S])
def test_of_three_nodes_the_one_with_a_wrong_clock_refuses_writes_until_it_is_right(
    three: list[NodeProcess], wall: FalseTime, away_s: int
) -> None:
    wrong, right, _ = three
    before = metric(wrong, "lastword_rounds_total")
    wall.step(away_s)
    eventually(lambda: put(wrong, "/s/e").status == 503, "writes are refused")
    assert metric(wrong, "lastword_rounds_total") - before < 100
    refused = {
        "PUT": ("/s/e", b""),
        "DELETE": ("/s/e", b""),
        "POST": ("/s", b'{"lwwAdded": {"x": 5}, "lwwRemoved": {}}'),
        "PATCH": ("/s", b'{"add": ["x"]}'),
    }
    for method, (path, body) in refused.items():
        answer = call(wrong.address, method, path, body)
        assert (answer.status, answer.json["error"]["code"]) == (503, "clock_off"), method
    bulk = call(wrong.address, "POST", "/_/bulk", b'{"set": "s", "add": ["x"]}')
    assert (bulk.status, bulk.json["lines"]) == (503, 0)
    assert f"{abs(away_s) // 10}" in answer.json["error"]["message"]
    assert metric(wrong, "lastword_clock_refuses_writes") == 1
    # Reads go on, and so does what others wrote.
    call(right.address, "PUT", "/s/seen").time  # noqa: B018 - that it was taken
    eventually(lambda: call(wrong.address, "GET", "/s/seen").body == b"true", "it still merges")
    wall.step(0)
    eventually(lambda: put(wrong, "/s/e").status == 200, "writes are taken again")
    eventually(lambda: call(right.address, "GET", "/s/e").body == b"true", "and arrive")
    assert metric(wrong, "lastword_clock_refuses_writes") == 0


def test_what_a_wrong_clock_wrote_is_listed_and_can_be_removed_anywhere(
    tmp_path: Path, three: list[NodeProcess], wall: FalseTime
) -> None:
    wrong, right, other = three
    wrong.stop()  # alone it has no other voice
    wall.step(TEN_YEARS_S)
    alone = wall.node(wrong.database, "-r", "3600", "--no-walks")
    with alone:
        for element in ("bad", "worse"):
            assert put(alone, f"/s/{element}").status == 200
    wall.step(0)
    wrong.start()
    both = '{"add": ["bad", "worse"]}'
    for element in ("bad", "worse"):
        eventually(
            lambda element=element: call(right.address, "GET", f"/s/{element}").body == b"true",  # type: ignore[misc]
            both,
        )
    assert metric(right, "lastword_future_entries_total") >= 2
    code, output = doctor(tmp_path, right.address, "--json")
    found = json.loads(output)
    assert code == 1
    assert found["future"] >= 2
    names = {entry["element"] for entry in found["listed"] if entry["set"] == "s"}
    assert names == {"bad", "worse"}
    assert "worse" in doctor(tmp_path, right.address)[1]
    code, output = doctor(tmp_path, right.address, "--remove", "s", "bad")
    assert (code, output.startswith("bad is removed from s at time")) == (0, True)
    for node in three:
        eventually(
            lambda node=node: call(node.address, "GET", "/s/bad").body == b"false",  # type: ignore[misc]
            "it is removed everywhere",
        )
    assert call(other.address, "GET", "/s/worse").body == b"true"


def test_a_doctor_who_finds_nothing_says_so(tmp_path: Path) -> None:
    with NodeProcess(tmp_path / "a.db") as node:
        put(node, "/s/e")
        code, output = doctor(tmp_path, node.address)
        assert code == 0
        assert "takes writes of clients" in output
        put(node, "/s/odd%20%5Bred%5D")
        assert doctor(tmp_path, node.address, "--add", "s", "x")[0] == 0
        assert doctor(tmp_path, node.address, "--add", "s", "x", "--remove", "s", "x")[0] == 2
    assert doctor(tmp_path, node.address)[0] == 5
