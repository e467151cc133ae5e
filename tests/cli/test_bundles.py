"""`lastword export` and `lastword import` with real nodes: what comes back is what was there."""

import json
from pathlib import Path
from random import Random

import pytest

from lastword.client.node import AsyncNode
from lastword.crdt.stamp import pack
from lastword.limits import ELEMENT_BYTES_MAX
from lastword.store.base import StoreOptions
from lastword.store.sqlite.store import SqliteStore
from lastword.wall import wall_us
from tests.stores import NoteCollected
from tools.processes import LASTWORD, NodeProcess, Process

pytestmark = pytest.mark.slow  # every test starts processes


def ran(tmp_path: Path, *arguments: str) -> tuple[int, str, str]:
    """Return exit code, output and errors of a command."""
    errors = tmp_path / "errors"
    errors.unlink(missing_ok=True)
    with Process(LASTWORD, *arguments, stderr=errors) as process:
        output = "\n".join(process.read_rest())
        return process.wait(), output, process.errors()


async def fill(address: str, sets: dict[str, dict[bytes, int]]) -> None:
    async with AsyncNode(address) as node:
        for name, stamps in sets.items():
            entries, step = list(stamps.items()), 10 if name == "large" else 10_000
            for start in range(0, len(entries), step):
                await node.merge(name, dict(entries[start : start + step]))


async def held(address: str, names: list[str]) -> dict[str, dict[bytes, int]]:
    async with AsyncNode(address) as node:
        return {name: await node.state(name) for name in names}


def collected(path: Path, set_name: bytes, time: int) -> None:
    """Let a file be one whose node collected a tombstone of `time`."""
    store = SqliteStore(path, StoreOptions(wall_us, lambda: Random(7).getrandbits(63)))
    store.execute(NoteCollected(set_name, time))
    store.close()


POINTS = (*range(0xD800), *range(0xE000, 0x110000, 23))
SETS = {
    "many": {b"%d" % number: 2 * number + (number % 3 == 0) for number in range(1, 100_001)},
    "unicode": {chr(point).encode(): 2 for point in POINTS},
    "bytes": {bytes([one, two]): 5 for one in range(256) for two in range(0, 256, 5)},
    "large": {bytes([number]) * (ELEMENT_BYTES_MAX - number): 8 for number in range(40)},
    "a b?é%2F#": {b"": 4},
}


async def test_all_sets_come_back_from_a_file_and_again(tmp_path: Path) -> None:
    bundle = str(tmp_path / "sets.bundle")
    elements = sum(map(len, SETS.values()))
    with NodeProcess(tmp_path / "a.db") as one, NodeProcess(tmp_path / "b.db") as two:
        await fill(one.address, SETS)
        code, said, _ = ran(tmp_path, "export", "-a", one.address, "-o", bundle)
        assert (code, said) == (0, f"{elements:,} elements of 5 sets exported from {one.address}")
        for _ in range(2):
            code, said, errors = ran(tmp_path, "import", bundle, "-a", two.address, "--json")
            assert (code, errors) == (0, "")
            assert json.loads(said)["elements"] == elements
            assert await held(two.address, list(SETS)) == SETS


async def test_named_sets_go_to_standard_output_and_nothing_newer_is_overwritten(
    tmp_path: Path,
) -> None:
    bundle = tmp_path / "x.bundle"
    with NodeProcess(tmp_path / "a.db") as one, NodeProcess(tmp_path / "b.db") as two:
        await fill(one.address, {"s": {b"a": 4, b"b": 5}, "t": {b"c": 6}})
        await fill(two.address, {"s": {b"a": 9}})
        code, output, errors = ran(tmp_path, "export", "s", "-a", one.address)
        assert code == 0
        assert "2 elements of 1 sets" in errors
        bundle.write_text(output + "\n")
        assert ran(tmp_path, "import", str(bundle), "-a", two.address)[0] == 0
        assert await held(two.address, ["s", "t"]) == {"s": {b"a": 9, b"b": 5}, "t": {}}


async def test_what_is_not_whole_is_refused_before_anything_is_merged(tmp_path: Path) -> None:
    bundle = tmp_path / "x.bundle"
    with NodeProcess(tmp_path / "a.db") as node:
        await fill(node.address, {"s": {b"%d" % number: 2 for number in range(5_000)}})
        assert ran(tmp_path, "export", "-a", node.address, "-o", str(bundle))[0] == 0
        lines = bundle.read_bytes().replace(b'"set":"s"', b'"set":"t"').splitlines(keepends=True)
        newer = lines[0].replace(b'"version":1', b'"version":2')
        for wrong, said in (
            (lines[:-1], "cut short"),
            (lines[1:], "does not say that it is a bundle"),
            ([newer, *lines[1:]], "of version 2"),
            ([], "does not say that it is a bundle"),
        ):
            bundle.write_bytes(b"".join(wrong))
            code, _, errors = ran(tmp_path, "import", str(bundle), "-a", node.address)
            assert code == 3
            assert said in errors
        assert ran(tmp_path, "import", str(tmp_path / "none"), "-a", node.address)[0] == 3
        assert await held(node.address, ["t"]) == {"t": {}}


async def test_ghosts_are_named_and_chosen(tmp_path: Path) -> None:
    bundle = str(tmp_path / "x.bundle")
    state = {b"old": pack(5, removed=False), b"\xff": pack(6, removed=False), b"gone": 5}
    with NodeProcess(tmp_path / "a.db") as one:
        await fill(one.address, {"s": state})
        assert ran(tmp_path, "export", "-a", one.address, "-o", bundle)[0] == 0
    collected(tmp_path / "b.db", b"s", 1_000)
    with NodeProcess(tmp_path / "b.db") as two:
        code, _, errors = ran(tmp_path, "import", bundle, "-a", two.address, "--json")
        assert code == 6
        told = json.loads(errors.splitlines()[0])["error"]
        assert (told["elements"], told["elementsBase64"]) == (["old"], ["/w=="])
        for part in ("of set s", "old", "b'\\xff'", "--ghosts=remove", "--ghosts=readd"):
            assert part in errors
        assert await held(two.address, ["s"]) == {"s": {}}

        assert ran(tmp_path, "import", bundle, "-a", two.address, "--ghosts=remove")[0] == 0
        assert await held(two.address, ["s"]) == {"s": {b"gone": 5}}
        assert ran(tmp_path, "import", bundle, "-a", two.address, "--ghosts=readd")[0] == 0
        readded = (await held(two.address, ["s"]))["s"]
        assert min(readded[b"old"], readded[b"\xff"]) > 2_000


def test_wrong_sets_files_and_addresses_have_their_exit_codes(tmp_path: Path) -> None:
    missing = str(tmp_path / "none" / "x.bundle")
    with NodeProcess(tmp_path / "a.db") as node:
        code, _, errors = ran(tmp_path, "export", "none", "-a", node.address)
        assert code == 2
        assert "holds nothing of a set none" in errors
        assert ran(tmp_path, "export", "-a", node.address, "-o", missing)[0] == 3
        assert ran(tmp_path, "import", missing, "--ghosts", "x")[0] == 2
        address = node.address
    kept = tmp_path / "kept"
    kept.write_text("as it was")
    assert ran(tmp_path, "export", "-a", address, "-o", str(kept))[0] == 5
    assert kept.read_text() == "as it was"
    assert ran(tmp_path, "export", "-a", "nowhere")[0] == 2
