"""A decoder that is wrong is found: by its seeds at once, and by the whole way to a command."""

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import unquote_plus

import msgspec
import pytest

from lastword.access import gate, token
from lastword.access.proof import Proof
from lastword.access.secret import Keys
from lastword.api import paths
from lastword.api.http.reader import RequestReader
from lastword.api.resp.reader import CommandReader
from lastword.api.rest import lines
from lastword.cli import config_file
from lastword.client.states import StateReader
from lastword.crdt import bundle, once, wire
from lastword.replication import frames
from tools.fuzz import http, peers, plain
from tools.fuzz.structure import frame_changed, json_changed, msgpack_changed
from tools.fuzz.target import Target
from tools.fuzz.targets import TARGETS

ROOT = Path(__file__).parents[2]


def takes_plus(raw: bytes) -> bytes:
    return unquote_plus(raw.decode("latin-1"), "latin-1").encode("latin-1")


def forgets(feed: Callable[..., Any]) -> Callable[..., Any]:
    """Return a reader's `feed` that drops the first byte of a piece that is alone."""
    return lambda self, data: feed(self, data if len(data) > 1 else b"")


def packs_otherwise(time: int, *, removed: bool) -> int:
    return time * 2 + (not removed)


def takes_any_key(proof: Proof, *_: object) -> Keys:
    return proof._keys[0]


def checks_nothing(*_: object) -> int:
    return 0


def raises_otherwise(*_: object) -> None:
    raise KeyError


WRONG: list[tuple[str, object, str, Callable[..., Any]]] = [
    ("json", once, "strings_in", checks_nothing),
    ("json", wire, "pack", packs_otherwise),
    ("ndjson", lines, "check_patch_once", raises_otherwise),
    ("msgpack", wire, "element_bytes", checks_nothing),
    ("percent", http, "percent_decoded", takes_plus),
    ("percent", paths, "percent_decoded", takes_plus),
    ("http", RequestReader, "feed", forgets(RequestReader.feed)),
    ("resp", CommandReader, "feed", forgets(CommandReader.feed)),
    ("answers", StateReader, "feed", forgets(StateReader.feed)),
    ("frames", frames, "check_rows", raises_otherwise),
    ("peers", frames, "check_rows", raises_otherwise),
    ("proof", Proof, "_keys_of", takes_any_key),
    ("bundles", bundle, "check_state_once", raises_otherwise),
    ("tokens", gate, "id_of", raises_otherwise),
    ("tokens", token, "names_of", raises_otherwise),
    ("options", config_file, "_checked", raises_otherwise),
]


@pytest.mark.parametrize(
    ("name", "place", "attribute", "wrong"), WRONG, ids=[f"{row[0]}-{row[2]}" for row in WRONG]
)
def test_a_wrong_decoder_is_found(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    name: str,
    place: object,
    attribute: str,
    wrong: Callable[..., Any],
) -> None:
    seeds = list(TARGETS[name].seeds())  # made while all is right
    monkeypatch.setattr(place, attribute, wrong)
    target = replace(TARGETS[name], seeds=lambda: seeds)
    assert plain.fuzz(target, target.prepare(), tmp_path, plain.Bounds(1, runs=3_000)) == 1
    assert len(list(tmp_path.iterdir())) == 1


def picky(data: bytes) -> None:
    assert b"\xff" not in data


def test_without_a_guide_a_finding_is_kept_and_bounds_hold(tmp_path: Path) -> None:
    calm = Target("calm", lambda: lambda _: None, lambda: (b"a",))
    assert plain.fuzz(calm, calm.prepare(), tmp_path, plain.Bounds(1, runs=50)) == 0
    assert plain.fuzz(calm, calm.prepare(), tmp_path, plain.Bounds(1, seconds=0.01)) == 0
    assert not list(tmp_path.iterdir())
    afraid = Target("afraid", lambda: picky, lambda: (b"a",), (b"\xff",))
    assert plain.fuzz(afraid, picky, tmp_path, plain.Bounds(1, runs=5_000)) == 1
    (kept,) = tmp_path.iterdir()
    assert b"\xff" in kept.read_bytes()


@pytest.mark.slow
def test_what_is_kept_can_be_played_again(tmp_path: Path) -> None:
    good, bad = tmp_path / "good", tmp_path / "bad"
    good.write_bytes(b'{"lwwAdded":{}}')
    bad.write_bytes(b"x")
    command = (sys.executable, "-m", "tools.fuzz.one", "json", "--replay")
    for files_, code in (((good, bad), 0), ((tmp_path / "none",), 1)):
        ended = subprocess.run(
            (*command, *map(str, files_)), cwd=ROOT, capture_output=True, check=False, timeout=60
        )
        assert ended.returncode == code
        assert re.search(rb"\d played, %d found something" % code, ended.stdout)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_table_has_a_row_for_each_target(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tools.fuzz", "percent", "proof", "--runs", "50", "--plain"]
    ended = subprocess.run(
        (*command, "--kept", str(tmp_path)),
        cwd=ROOT,
        capture_output=True,
        check=False,
        timeout=250,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    rows = re.findall(r"^\| (percent|proof) \| 50 \|.*\| nothing \|$", ended.stdout, re.MULTILINE)
    assert rows == ["percent", "proof"]


def test_changes_of_structure_leave_whole_messages_and_reach_what_bytes_do_not() -> None:
    rng = Random(1)
    jsons = {json_changed(b'{"lwwAdded":{"a":1,"b":2}}', rng) for _ in range(500)}
    assert all(msgspec.json.decode(data) is not ... for data in jsons)
    assert any(data.count(b'"a"') == 2 for data in jsons), "a key stands twice"
    packed = msgspec.msgpack.encode({"add": [b"a"], "remove": ["b"]})
    assert len({msgpack_changed(packed, rng) for _ in range(500)}) > 50
    said = next(iter(peers.FRAMES.seeds()))
    changed = {frame_changed(said, rng) for _ in range(500)}
    assert {data[0] & frames.COMPRESSED for data in changed} == {0, frames.COMPRESSED}
