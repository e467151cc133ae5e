"""`lastword explain`: one element, why, and whether all members say the same."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.calls import call, members
from tests.eventually import eventually
from tools.processes import LASTWORD, NodeProcess, Process

pytestmark = pytest.mark.slow  # every test starts processes


@pytest.fixture
def two(tmp_path: Path) -> Iterator[list[NodeProcess]]:
    """Give two nodes that know each other, on fast rounds."""
    with ExitStack() as stack:
        fast = ("-r", "0.05", "-f", "3600")
        one = stack.enter_context(NodeProcess(tmp_path / "1.db", *fast))
        two = stack.enter_context(NodeProcess(tmp_path / "2.db", *fast, "-i", one.address))
        both = {one.address, two.address}
        eventually(lambda: members(one.address) == members(two.address) == both, "both listed")
        yield [one, two]


def explained(folder: Path, *arguments: str) -> tuple[int, str]:
    with Process(LASTWORD, "explain", *arguments, stderr=folder / "explain.stderr") as process:
        output = "\n".join(process.read_rest())
        return process.wait(), output


def test_all_members_are_asked_and_each_is_a_row(tmp_path: Path, two: list[NodeProcess]) -> None:
    one, other = two
    assert call(one.address, "PUT", "/fruit/apple").status == 200
    eventually(lambda: call(other.address, "GET", "/fruit/apple").body == b"true", "it arrives")
    assert call(other.address, "DELETE", "/fruit/apple").status == 200
    eventually(lambda: call(one.address, "GET", "/fruit/apple").body == b"false", "it arrives")
    code, output = explained(tmp_path, one.address, "fruit", "apple")
    assert code == 0, output
    assert output.splitlines()[0] == "fruit / apple: removed"
    assert f"taken by  {other.address}" in output
    assert "it took the place of an add of" in output.splitlines()[-1]
    assert "all that answer agree" in output

    code, output = explained(tmp_path, one.address, "fruit", "apple", "--json")
    said = json.loads(output)
    assert (code, said["agree"]) == (0, True)
    assert [at["address"] for at in said["nodes"]] == [one.address, other.address]
    why = {at["explanation"]["dot"]["run"] for at in said["nodes"]}
    assert len(why) == 1


def test_a_node_that_is_behind_differs_and_one_that_is_gone_is_said_to_be(
    tmp_path: Path, two: list[NodeProcess]
) -> None:
    one, other = two
    never = explained(tmp_path, one.address, "fruit", "fig")
    assert never[0] == 0
    assert never[1].splitlines()[-1].startswith("Nothing is held of it")
    other.stop()
    other_alone = NodeProcess(
        other.database, "-r", "3600", "--no-walks", port=int(other.address.rpartition(":")[2])
    )
    with other_alone:
        one.stop()
        one_alone = NodeProcess(
            one.database, "-r", "3600", "--no-walks", port=int(one.address.rpartition(":")[2])
        )
        with one_alone:
            assert call(one.address, "PUT", "/fruit/fig").status == 200
            code, output = explained(tmp_path, one.address, "fruit", "fig")
            assert code == 1, output
            assert "they do not agree" in output
            other_alone.stop()
            code, output = explained(tmp_path, one.address, "fruit", "fig")
            assert code == 0, output
            assert "no answer" in output
            other_alone.start()
        one.start()
    other.start()


def test_a_node_that_does_not_answer_and_an_option_that_is_wrong_have_their_codes(
    tmp_path: Path,
) -> None:
    assert explained(tmp_path, "127.0.0.1:1", "fruit", "fig")[0] == 5
    assert explained(tmp_path, "nowhere", "fruit", "fig")[0] == 2
