"""`lastword doctor` on real nodes: all is well, a member is gone, settings differ."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.access.calls import ADMIN, Nodes
from tests.calls import call, members
from tests.eventually import eventually
from tools.processes import LASTWORD, NodeProcess, Process

pytestmark = pytest.mark.slow  # every test starts processes


def doctor(folder: Path, *arguments: str) -> tuple[int, str]:
    before = [argument for argument in arguments if argument.startswith("--token-file")]
    rest = [argument for argument in arguments if argument not in before]
    command = (LASTWORD, *before, "doctor", *rest)
    with Process(*command, stderr=folder / "doctor.stderr") as process:
        output = "\n".join(process.read_rest())
        return process.wait(), output


def levels(report: Any) -> dict[str, str]:
    return {finding["area"]: finding["level"] for finding in report["findings"]}


@pytest.fixture
def two(tmp_path: Path) -> Iterator[list[NodeProcess]]:
    with ExitStack() as stack:
        fast = ("-r", "0.1", "-f", "1", "--collect-every", "1s")
        one = stack.enter_context(NodeProcess(tmp_path / "1.db", *fast))
        two = stack.enter_context(NodeProcess(tmp_path / "2.db", *fast, "-i", one.address))
        both = {one.address, two.address}
        eventually(lambda: members(one.address) == members(two.address) == both, "both listed")
        yield [one, two]


def may_collect(node: NodeProcess) -> bool:
    return call(node.address, "GET", "/_/tombstones").json["mayCollect"] is True


def test_of_a_healthy_cluster_all_is_ok_and_of_one_with_a_silent_member_it_is_not(
    tmp_path: Path, two: list[NodeProcess]
) -> None:
    one, other = two
    eventually(lambda: may_collect(one), "it knows what its cluster has collected")
    code, output = doctor(tmp_path, one.address, "--json")
    assert code == 0, output
    assert set(levels(json.loads(output)).values()) == {"ok"}, output
    other.stop()
    eventually(
        lambda: call(one.address, "GET", "/_/converged").status == 503, "the silence is noticed"
    )
    code, output = doctor(tmp_path, one.address)
    assert code == 0, output
    assert f"{other.address} is silent for" in output
    assert f"lastword lapse {other.address} -a {one.address}" in output
    other.start()


def test_settings_that_differ_are_found(tmp_path: Path, two: list[NodeProcess]) -> None:
    one, _ = two
    with NodeProcess(tmp_path / "3.db", "-i", one.address, "--grace", "1d", "-r", "0.1") as third:
        eventually(lambda: third.address in members(one.address), "it is listed")
        code, output = doctor(tmp_path, one.address)
        assert code == 0, output
        assert f"--grace is 7d here and 1d at {third.address}" in output


def test_without_an_admins_token_the_rest_is_examined_all_the_same(tmp_path: Path) -> None:
    with ExitStack() as stack:
        nodes = Nodes(tmp_path, stack)
        bearer = nodes.first()
        assert call(bearer.address, "GET", "/_/condition").status == 401
        assert bearer.call("GET", "/_/live").status == 200
        token, record = nodes.record([["read", "*"]])
        bearer.put_record(record)
        eventually(lambda: bearer.call("GET", "/_/ready", token=token).status == 200, "it counts")
        assert bearer.call("GET", "/_/condition", token=token).status == 403
        assert bearer.call("GET", "/_/condition", token=ADMIN).status == 200
        file = tmp_path / "reader.token"
        file.write_text(token)
        file.chmod(0o600)
        code, output = doctor(tmp_path, f"--token-file={file}", bearer.address, "--json")
        assert code == 0, output
        found = levels(json.loads(output))
        assert (found["limits"], found["clock"]) == ("look", "ok")
