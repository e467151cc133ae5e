"""`lastword export --lacking`: what another node lacks, and nothing more."""

import json
from pathlib import Path

import pytest

from lastword.client.node import AsyncNode
from tests.cli.documented import holds
from tests.cli.running import Ran, run
from tools.processes import NodeProcess

pytestmark = pytest.mark.slow  # every test starts processes

SHARED = {b"shared %d" % number: 2 * number for number in range(3_000)}


def slices(bundle: Ran) -> dict[str, dict[str, dict[str, int]]]:
    lines = [json.loads(line) for line in bundle.output.splitlines()[1:-1]]
    return {line.pop("set"): line for line in lines}


async def fill(node: NodeProcess, **sets: dict[bytes, int]) -> None:
    async with AsyncNode(node.address) as client:
        for name, stamps in sets.items():
            await client.merge(name, stamps)


async def state(node: NodeProcess, name: str) -> dict[bytes, int]:
    async with AsyncNode(node.address) as client:
        return await client.state(name)


async def test_only_what_the_other_lacks_or_has_older_is_in_it(tmp_path: Path) -> None:
    with NodeProcess(tmp_path / "a.db") as one, NodeProcess(tmp_path / "b.db") as two:
        await fill(one, same=SHARED, some=SHARED | {b"new": 20, b"gone": 31, b"newer": 40})
        await fill(one, some={b"older": 10}, alone={b"\xff": 6}, other={b"x": 8})
        await fill(two, same=SHARED, some=SHARED | {b"newer": 4, b"older": 100, b"theirs": 8})
        at = ("--lacking", two.address, "-a", one.address)
        bundle = run("export", *at)
        assert bundle.code == 0
        assert slices(bundle) == {
            "some": {"lwwAdded": {"new": 10, "newer": 20}, "lwwRemoved": {"gone": 15}},
            "alone": {"lwwAddedBase64": {"/w==": 3}},
            "other": {"lwwAdded": {"x": 4}},
        }
        assert slices(run("export", "alone", *at)).keys() == {"alone"}
        assert slices(run("export", "--prefix", "o", *at)).keys() == {"other"}
        assert run("import", "-", "-a", two.address, given=bundle.output).code == 0
        assert slices(run("export", *at)) == {}
        assert (await state(two, "some"))[b"older"] == 100


async def test_counts_are_told_as_documented(tmp_path: Path) -> None:
    bundle = str(tmp_path / "sets.bundle")
    with NodeProcess(tmp_path / "a.db") as one:
        await fill(one, some=SHARED)
        for command, file in (("export", ("-o", bundle)), ("import", (bundle,))):
            told = run(command, *file, "-a", one.address, "--json").objects
            holds(f"lastword {command}", told)
            assert told == [{"sets": 1, "slices": 3, "elements": 3_000}]


async def test_all_of_a_set_that_the_other_never_saw_is_in_it(tmp_path: Path) -> None:
    with NodeProcess(tmp_path / "a.db") as one, NodeProcess(tmp_path / "b.db") as two:
        await fill(one, many=SHARED)
        bundle = run("export", "--lacking", two.address, "-a", one.address)
        assert run("import", "-", "-a", two.address, given=bundle.output).code == 0
        assert await state(two, "many") == SHARED


def test_a_node_that_does_not_answer_is_named(tmp_path: Path) -> None:
    with NodeProcess(tmp_path / "a.db") as one:
        silent = run("export", "--lacking", "127.0.0.1:1", "-a", one.address)
    assert silent.code == 5
    assert "127.0.0.1:1" in silent.errors
