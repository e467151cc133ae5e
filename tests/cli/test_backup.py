"""`lastword backup` with real nodes: what it writes is a file that a node can be started on."""

import json
from pathlib import Path

import pytest

from tests.calls import call
from tests.eventually import eventually
from tools.files import check_file
from tools.processes import LASTWORD, NodeProcess, Process

pytestmark = pytest.mark.slow  # every test starts processes


def ran(tmp_path: Path, *arguments: str) -> tuple[int, str, str]:
    """Return exit code, output and errors of a command."""
    errors = tmp_path / "errors"
    errors.unlink(missing_ok=True)
    with Process(LASTWORD, "backup", *arguments, stderr=errors) as process:
        output = "\n".join(process.read_rest())
        return process.wait(), output, process.errors()


def present(node: NodeProcess) -> set[str]:
    state = call(node.address, "GET", "/s").json
    return set() if state is None else set(state["lwwAdded"])


def caught_up(node: NodeProcess) -> None:
    eventually(lambda: present(node) == {"stays", "later", "own"}, "it has caught up")


def test_a_node_is_restored_from_it_and_rolls_nothing_back(tmp_path: Path) -> None:
    backup = tmp_path / "backup.db"
    with NodeProcess(tmp_path / "a.db", "-r", "0.1") as kept:
        call(kept.address, "PUT", "/s", b'["stays", "goes"]')
        with NodeProcess(tmp_path / "b.db", "-r", "0.1", "-i", kept.address) as lost:
            eventually(lambda: present(lost) == {"stays", "goes"}, "both are there")
            code, said, errors = ran(tmp_path, str(backup), "-a", lost.address, "--json")
            assert (code, errors) == (0, "")
            assert json.loads(said)["bytes"] == backup.stat().st_size
            address, port = lost.address, int(lost.address.rpartition(":")[2])
        call(kept.address, "DELETE", "/s/goes")
        call(kept.address, "PUT", "/s/later")
        check_file(backup)
        with NodeProcess(backup, "-r", "0.1", port=port) as restored:
            assert restored.address == address
            call(restored.address, "PUT", "/s/own")
            for node in (kept, restored):
                caught_up(node)
    check_file(backup)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    there = tmp_path / "there.db"
    log = tmp_path / "new.db-wal"
    for path in (there, log):
        path.write_text("mine")
    with NodeProcess(tmp_path / "a.db") as node:
        for path in (there, tmp_path / "new.db"):
            code, said, errors = ran(tmp_path, str(path), "-a", node.address)
            assert (code, said) == (3, "")
            assert "is there already" in errors
        code, _, errors = ran(tmp_path, str(tmp_path / "no" / "folder.db"), "-a", node.address)
        assert (code, "cannot be written" in errors) == (3, True)
    assert (there.read_text(), log.read_text()) == ("mine", "mine")


def test_no_half_file_stays_where_nobody_answers(tmp_path: Path) -> None:
    code, said, errors = ran(tmp_path, str(tmp_path / "new.db"), "-a", "127.0.0.1:1")
    assert (code, said) == (5, "")
    assert "does not answer" in errors
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("new.db")]
