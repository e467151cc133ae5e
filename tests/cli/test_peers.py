"""`lastword peers`: the members as a node sees them, whatever it tells of them."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from lastword.cli.peers import read_converged
from lastword.client.answers import Answer
from lastword.errors import Unavailable, UnknownPath
from tests.cli.documented import holds
from tests.cli.running import on_terminal, run, seen
from tools.processes import NodeProcess


@pytest.mark.slow
def test_peers_are_told_with_how_they_stand(tmp_path: Path) -> None:
    with (
        NodeProcess(tmp_path / "a.db", "-r", "0.1") as one,
        NodeProcess(tmp_path / "b.db", "-r", "0.1", "-i", one.address) as two,
    ):
        found = list[Any]()
        for _ in range(100):
            found = run("peers", "--json", "-a", two.address).objects
            if found[0]["members"] and found[0]["members"][0]["skewSeconds"] is not None:
                break
        holds("lastword peers", found)
        assert (found[0]["node"], len(found[0]["members"])) == (two.address, 1)
        assert found[0]["members"][0]["address"] == one.address
        assert abs(found[0]["members"][0]["skewSeconds"]) < 5
        fields = run("peers", "-a", two.address).lines[0].split("\t")
        assert fields[:3] == [one.address, "yes", "clear"]
        for columns in (80, 40):
            code, written = on_terminal("peers", "-a", two.address, columns=columns)
            assert code == 0
            assert max(map(len, seen(written))) <= columns


def test_lags_are_read_also_where_the_node_is_not_converged() -> None:
    member = {"address": "a:1", "lagSeconds": 1.5, "theirLagSeconds": None, "version": 4}
    body = msgspec.json.encode({"converged": False, "members": [member]})
    found = read_converged(Answer("b:1", 503, {}, body))
    assert (found.converged, found.members[0].lag_seconds) == (False, 1.5)
    for status, code, kind in (
        (503, "unavailable", Unavailable),
        (404, "unknown_path", UnknownPath),
    ):
        error = {"error": {"code": code, "message": "so", "hint": ""}}
        with pytest.raises(kind):
            read_converged(Answer("b:1", status, {}, msgspec.json.encode(error)))
