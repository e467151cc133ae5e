"""How many connections a limit of open files leaves."""

from pathlib import Path

import pytest

from lastword.cli.files_limit import FILES_MIN, RESERVED, shared
from lastword.errors import ConfigError
from tests.calls import call
from tools.processes import NodeProcess

WANTED = {"http": 10_000, "redis": 10_000}


def test_with_files_enough_each_protocol_has_what_it_wants() -> None:
    assert shared(30_000, WANTED) == WANTED
    assert shared(11_000, {"http": 10_000, "redis": 0}) == {"http": 10_000, "redis": 0}


@pytest.mark.parametrize("files", [FILES_MIN, 1_024, 4_096, 20_000])
@pytest.mark.parametrize("wanted", [WANTED, {"http": 10_000, "redis": 0}])
def test_with_fewer_each_has_its_part_and_the_node_keeps_its_own(
    files: int, wanted: dict[str, int]
) -> None:
    room = shared(files, wanted)
    assert sum(room.values()) <= files - RESERVED
    assert room["http"] >= 16
    assert bool(room["redis"]) == bool(wanted["redis"])


def test_with_hardly_any_it_does_not_begin() -> None:
    with pytest.raises(ConfigError, match="open files are allowed"):
        shared(FILES_MIN - 1, WANTED)


def test_a_node_says_what_its_limit_leaves(tmp_path: Path) -> None:
    prefix = ("prlimit", "--nofile=500:500")
    with NodeProcess(tmp_path / "a.db", prefix=prefix) as node:
        assert call(node.address, "GET", "/").status == 200
        assert "500 open files are allowed: 122 connections" in node.stderr.read_text()
