"""A node with a damaged file says so, serves what is sound, and comes right by its members."""

import json
import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.calls import call
from tests.eventually import eventually
from tests.stores import checksummed
from tools.files import check_file
from tools.processes import LASTWORD, NodeProcess, Process

pytestmark = pytest.mark.slow  # every test starts processes

ELEMENTS = [f"element {index}" for index in range(3_000)]
QUICK = ("-r", "0.05", "--redis-port", "0")


def ran(tmp_path: Path, *arguments: str) -> tuple[int, str]:
    """Return exit code and all that a command said."""
    errors = tmp_path / "errors"
    errors.unlink(missing_ok=True)
    with Process(LASTWORD, *arguments, stderr=errors) as process:
        output = process.read_rest()
        return process.wait(), "\n".join([*output, process.errors()])


def ready(node: NodeProcess) -> Any:
    return call(node.address, "GET", "/_/ready").json


def put(node: NodeProcess, set_name: str, elements: list[str]) -> None:
    assert call(node.address, "PUT", f"/{set_name}", json.dumps(elements).encode()).status == 200


def added(node: NodeProcess, set_name: str) -> set[str]:
    answer = call(node.address, "GET", f"/{set_name}")
    return set(answer.json["lwwAdded"]) if answer.status == 200 and answer.json else set()


def raise_a_stamp(path: Path) -> None:
    """Raise the stamp of one removed element, with all checksums made right."""
    with checksummed(path) as connection:
        connection.execute(
            "UPDATE entries SET stamp = stamp + 2001 WHERE stamp & 1 AND set_id ="
            " (SELECT id FROM sets WHERE name = CAST('lies' AS BLOB))"
        )
        assert connection.changes() == 1
    connection.close()


def test_a_stamp_that_was_raised_is_not_served_not_spread_and_comes_right(tmp_path: Path) -> None:
    path = tmp_path / "b.db"
    with NodeProcess(tmp_path / "a.db", *QUICK) as kept:
        with NodeProcess(path, *QUICK, "-i", kept.address) as node:
            put(kept, "lies", ["gone", "stays"])
            put(kept, "large", ELEMENTS)
            eventually(lambda: added(node, "large") == set(ELEMENTS), "it has caught up")
            call(kept.address, "DELETE", "/lies/gone")
            eventually(lambda: added(node, "lies") == {"stays"}, "it has heard of the removal")
            port = int(node.address.rpartition(":")[2])
        truth = call(kept.address, "GET", "/lies").json
        kept.stop()
        raise_a_stamp(path)
        with NodeProcess(path, *QUICK, port=port) as node:
            put(node, "own", ["only here"])
            code, said = ran(tmp_path, "scrub", node.address)
            assert (code, "sets do not add up: lies" in said) == (4, True)
            answer = call(node.address, "GET", "/lies/gone")
            assert (answer.status, answer.json["error"]["code"]) == (503, "corrupt_store")
            assert call(node.address, "PUT", "/lies/x").status == 503
            assert call(node.address, "GET", "/large/element%201").json is True
            assert ready(node)["damage"]["sets"] == ["lies"]
            code, said = ran(tmp_path, "verify", "--only", node.address)
            assert (code, "is sound" in said) == (4, True)
            code, said = ran(tmp_path, "rebuild", node.address)
            assert (code, "no member answers" in said) == (1, True)

            kept.start()
            eventually(lambda: not ready(node)["damage"]["sets"], "it is whole again")

            eventually(lambda: added(kept, "own") == {"only here"}, "what only it had is there")
            for one in (node, kept):
                assert call(one.address, "GET", "/lies").json == truth
            code, said = ran(tmp_path, "verify", node.address)
            assert (code, "2 nodes agree" in said) == (0, True)
            run = ready(node)["run"]
            code, said = ran(tmp_path, "rebuild", node.address, "--from", kept.address)
            assert (code, "is whole" in said) == (0, True)
            assert ready(node)["run"] != run
            assert ran(tmp_path, "scrub", node.address)[0] == 0
    check_file(path)
    refused = list(tmp_path.glob("b.db-refused-*"))
    assert len(refused) == 1
    assert "gone" in refused[0].read_text()


def root_of(path: Path, table: str) -> int:
    with sqlite3.connect(f"file:{path}?immutable=1", uri=True) as connection:
        (root,) = connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)
        ).fetchone()
    connection.close()
    return int(root)


def test_a_node_without_members_finds_its_way_out_of_a_file_on_which_it_cannot_start(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.db"
    with NodeProcess(path, *QUICK) as node:
        put(node, "large", ELEMENTS)
        put(node, "small", ["a", "b"])
        call(node.address, "DELETE", "/small/a")
        states = {name: call(node.address, "GET", f"/{name}").json for name in ("large", "small")}
    page = root_of(path, "facts")
    with path.open("r+b") as file:
        file.seek((page - 1) * 4_096 + 2_000)
        file.write(os.urandom(16))
    code, said = ran(tmp_path, "serve", "-p", "0", "-d", str(path))
    assert (code, "lastword rebuild -d FILE" in said) == (4, True)

    code, said = ran(tmp_path, "rebuild", "-d", str(path))

    assert code == 0
    assert not path.exists()
    (bundle,) = tmp_path.glob("a.db-damaged-*-rescued.ndjson")
    assert str(bundle) in said
    with NodeProcess(path, *QUICK) as node:
        assert ran(tmp_path, "import", str(bundle), "-a", node.address)[0] == 0
        for name, state in states.items():
            assert call(node.address, "GET", f"/{name}").json == state
    check_file(path)
    assert list(tmp_path.glob("a.db-damaged-*"))
