"""`lastword watch` with real nodes: what it prints as it comes, and how it ends."""

import json
import signal
from pathlib import Path

import pytest

from tests.calls import call
from tests.cli.documented import holds
from tests.cli.running import run
from tests.eventually import eventually
from tools.processes import LASTWORD, NodeProcess, Process

pytestmark = pytest.mark.slow  # every test starts processes


def watching(tmp_path: Path, node: NodeProcess, *arguments: str) -> Process:
    command = (LASTWORD, "watch", "-a", node.address, *arguments)
    return Process(*command, stderr=tmp_path / "watch.stderr")


def test_changes_come_as_objects_and_ctrl_c_ends_it_in_order(
    node_process: NodeProcess, tmp_path: Path
) -> None:
    with watching(tmp_path, node_process, "seen", "--json") as process:
        told = [json.loads(process.read_line())]
        call(node_process.address, "PUT", "/seen/a")
        told.append(json.loads(process.read_line()))
        call(node_process.address, "PUT", "/unseen/a")
        call(node_process.address, "PATCH", "/seen", b'{"addBase64":["/xs="]}')
        told.append(json.loads(process.read_line()))
        call(node_process.address, "DELETE", "/seen/a")
        told.append(json.loads(process.read_line()))
        holds("lastword watch", told)
        process.signal(signal.SIGINT)
        assert process.wait() == 130
        assert process.errors() == ""
    assert [one["event"] for one in told] == ["open", "add", "add", "remove"]
    assert (told[1]["element"], told[2]["elementBase64"]) == ("a", "/xs=")
    assert {one["set"] for one in told[1:]} == {"seen"}


def test_a_cursor_goes_on_where_it_was_and_lines_are_escaped(
    node_process: NodeProcess, tmp_path: Path
) -> None:
    call(node_process.address, "PATCH", "/gone-on", b'{"addBase64":["/xs="]}')
    with watching(tmp_path, node_process, "gone-on", "--after", "0") as process:
        kind, name, time, element, cursor = process.read_line().split("\t")
        assert (kind, name, element) == ("add", "gone-on", "\\xff\\x1b")
        assert int(time) > 0
    call(node_process.address, "PUT", "/gone-on/b")
    with watching(tmp_path, node_process, "gone-on", "--after", cursor) as process:
        assert process.read_line().split("\t")[3] == "b"


def test_sets_are_watched_by_prefix(node_process: NodeProcess, tmp_path: Path) -> None:
    with watching(tmp_path, node_process, "--prefix", "pre-", "--json") as process:
        assert json.loads(process.read_line())["event"] == "open"
        for name in ("pre-one", "other", "pre-two"):
            call(node_process.address, "PUT", f"/{name}/a")
        assert [json.loads(process.read_line())["set"] for _ in range(2)] == ["pre-one", "pre-two"]


def test_a_reset_is_told_in_words(node_process: NodeProcess, tmp_path: Path) -> None:
    strange = "00000000000000ff-1"
    with watching(tmp_path, node_process, "reset-set", "--after", strange) as process:
        words = "another node, or of another file): read the set anew"
        eventually(lambda: words in process.errors(), "the reset is told")


def test_what_cannot_be_watched_is_refused(node_process: NodeProcess) -> None:
    at = ("-a", node_process.address)
    assert run("watch", *at).code == 2
    assert run("watch", "s", "--prefix", "s", *at).code == 2
    assert run("watch", "s", "--after", "no cursor", *at).code == 1
    assert run("watch", "_no/set", *at).code == 1
