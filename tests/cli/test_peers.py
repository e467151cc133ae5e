"""`lastword peers`: the members as a node sees them, whatever it tells of them."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from lastword.cli.peers import read_converged
from lastword.client.answers import Answer
from lastword.client.health import Converged, MemberHealth
from lastword.errors import Unavailable, UnknownPath
from tests.cli.documented import holds
from tests.cli.running import on_terminal, run, seen
from tests.eventually import eventually
from tools.processes import NodeProcess


@pytest.mark.slow
def test_peers_are_told_with_how_they_stand(tmp_path: Path) -> None:
    with (
        NodeProcess(tmp_path / "a.db", "-r", "0.1") as one,
        NodeProcess(tmp_path / "b.db", "-r", "0.1", "-i", one.address) as two,
    ):
        found = list[Any]()

        def is_heard() -> bool:
            found[:] = run("peers", "--json", "-a", two.address).objects
            members = found[0]["members"]
            return bool(members) and members[0]["lagSeconds"] is not None

        eventually(is_heard, "the other node is heard")
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
    member = MemberHealth("a:1", True, "clear", 4, 0.1, 1.5, 3, None, None, None, None, 0.0)
    body = msgspec.json.encode(Converged(False, [], 2.0, [member]))
    found = read_converged(Answer("b:1", 503, {}, body))
    assert (found.converged, found.members[0].lag_seconds) == (False, 1.5)
    for status, code, kind in (
        (503, "unavailable", Unavailable),
        (404, "unknown_path", UnknownPath),
    ):
        error = {"error": {"code": code, "message": "so", "hint": ""}}
        with pytest.raises(kind):
            read_converged(Answer("b:1", status, {}, msgspec.json.encode(error)))
