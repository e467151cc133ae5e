"""Where the disk fails: once it failed to sync, nothing is acknowledged until the next start."""

import json
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from tests.calls import call
from tools.disk.cut import cut_power
from tools.disk.plan import Call, Pages, Plan, write_plan
from tools.durability.callers import RespCaller, RestCaller
from tools.durability.cuts import on_disk
from tools.durability.sweep import VARIANTS
from tools.resp_node import RespNode

pytestmark = pytest.mark.slow  # processes are started again and again

STEP = 47
STEP_OF_SYNCS = {"it fails once, pages reverted": 1}
"""Every so manyth call fails, and each sync; `make durability` lets each call."""


@pytest.mark.parametrize("pages", Pages)
def test_after_a_failed_sync_nothing_is_acknowledged_until_the_next_start(
    tmp_path: Path, pages: Pages
) -> None:
    data, notes = tmp_path / "data", tmp_path / "notes"
    data.mkdir()
    with RespNode(data / "a.db", prefix=on_disk(notes)) as node:
        rest, resp = RestCaller(node.address), RespCaller(node.resp_address)
        resp.add([b"before"])
        write_plan(notes, Plan(at=1, calls=frozenset({Call.SYNC}), pages=pages))

        for caller, refused in ((rest, "507 "), (resp, "MISCONF "), (rest, "507 ")):
            ((_, refusal),) = caller.write([(b"refused", True)])
            assert refusal is not None
            assert refusal.startswith(refused)
        assert "start the node again" in call(node.address, "PUT", "/set/x").json["error"]["hint"]
        assert resp.contained([b"before", b"x"]) == {b"before": True, b"x": False}
        rest.close()
        resp.close()

        node.kill()
        write_plan(notes, Plan())
        node.start()
        with RespCaller(node.resp_address) as again:
            again.add([b"after"])
        node.kill()
        cut_power(data, notes, Random(1))
        node.start()
        with RespCaller(node.resp_address) as again:
            held = again.contained([b"before", b"after", b"x"])
    assert held == {b"before": True, b"after": True, b"x": False}


def test_after_a_checkpoint_failed_to_sync_nothing_is_acknowledged(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    with RespNode(tmp_path / "a.db", prefix=on_disk(notes)) as node:
        write_plan(notes, Plan(at=1, calls=frozenset({Call.SYNC}), suffix="a.db"))
        with RespCaller(node.resp_address) as caller:
            refusals: list[str | None] = []
            for number in range(500):  # some of them reach the length that is copied back
                elements = [b"%d-%d" % (number, each) + b"x" * 2_000 for each in range(200)]
                answers = caller.write([(element, True) for element in elements])
                refusals += [refusal for _, refusal in answers]
                if refusals[-1] is not None:
                    break
            first = next(at for at, refusal in enumerate(refusals) if refusal is not None)
            assert first > 0
            assert all(refusal is not None for refusal in refusals[first:])
            ((_, refusal),) = caller.write([(b"later", True)])
            assert refusal is not None
            assert refusal.startswith("MISCONF ")
        node.kill()
        write_plan(notes, Plan())
        node.start()
        with RespCaller(node.resp_address) as caller:
            caller.add([b"later"])


@pytest.mark.parametrize("variant", VARIANTS)
def test_whichever_call_for_the_disk_fails_nothing_acknowledged_is_lost(
    tmp_path: Path, variant: str
) -> None:
    ended = subprocess.run(
        [
            *(sys.executable, "-m", "tools.durability.sweep", str(tmp_path)),
            *("--variant", variant, "--step", str(STEP_OF_SYNCS.get(variant, STEP))),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    assert ended.stdout, ended.stderr[-3000:]
    swept = json.loads(ended.stdout)
    assert swept["wrong"] == []
    assert swept["played"] > 1
