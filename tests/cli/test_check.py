"""The command `lastword check`: what it verifies, what it says, and that it changes no byte."""

import os
import re
import signal
from pathlib import Path

import pytest

from lastword.replication.hashing import DIGEST_KEY_DEFAULT
from lastword.store.operations import Write
from lastword.store.sqlite.file import open_or_create
from tests.calls import call
from tests.cli.test_serve import expect_one_line
from tests.stores import S, SqliteStores, add, checksummed, numbered, remove
from tools.processes import LASTWORD, NodeProcess, Process

HOLDS = re.compile(
    r"(.+) holds: (\d+) sets, (\d+) elements, (\d+) tombstones, (\d+) buckets, "
    r"root ([0-9a-f]{32}); verified in \d+\.\d s"
)


def check(folder: Path, *arguments: str) -> Process:
    command = ("env", "-C", str(folder), LASTWORD, "check", *arguments)
    return Process(*command, stderr=folder.parent / "stderr")


def found(process: Process) -> tuple[str, ...]:
    """Return what a check says of a file that holds."""
    with process:
        (line,) = process.read_rest()
        assert process.wait() == 0
        assert process.errors() == ""
    match = HOLDS.fullmatch(line)
    assert match is not None
    return match.groups()


def everything_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def files(tmp_path: Path) -> SqliteStores:
    (tmp_path / "files").mkdir()
    return SqliteStores(tmp_path / "files")


def tamper(files: SqliteStores, *statements: str) -> None:
    connection = checksummed(files.path())
    for statement in statements:
        connection.execute(statement)
        assert connection.changes() > 0
    connection.close()


# -- what holds


@pytest.mark.parametrize("locked", [True, False], ids=["with its lock", "a copy without"])
def test_a_file_that_holds_is_told_by_its_contents_and_stays_as_it_is(
    files: SqliteStores, locked: bool
) -> None:
    store = files.open()
    add(store, *numbered(600))
    remove(store, *numbered(3))
    store.execute(Write(b"small", add=(b"a",)))
    buckets, sums = len(store.ledger.buckets[S]), store.sums()
    files.close()
    if not locked:
        (files.folder / "a.lastword-lock").unlink()
    before = everything_in(files.folder)

    said = found(check(files.folder, "-d", "a.lastword"))

    root = f"{sums.first:016x}{sums.second:016x}"
    assert said == ("a.lastword", "2", "598", "3", str(buckets), root)
    assert everything_in(files.folder) == before


@pytest.mark.slow
@pytest.mark.parametrize("shared", [True, False], ids=["as it was left", "copied without index"])
def test_what_a_killed_node_left_in_its_log_is_verified_and_left_there(
    tmp_path: Path, shared: bool
) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    with NodeProcess(folder / "x.db") as node:
        for number in range(20):
            call(node.address, "PUT", f"/s/{number}")
        node.process.signal(signal.SIGKILL)
        node.kill()
    if not shared:
        (folder / "x.db-shm").unlink()
    before = everything_in(folder)
    assert before["x.db-wal"]

    _, _, elements, *_ = found(check(folder, "-d", "x.db"))

    assert int(elements) >= 20
    assert everything_in(folder) == before


def test_a_path_may_hold_what_means_something_in_an_address(files: SqliteStores) -> None:
    add(files.open(), b"a")
    files.close()
    odd = files.folder / "a%20?b=c#d.db"
    files.path().rename(odd)
    assert found(check(files.folder, "-d", odd.name))[0] == odd.name


def test_large_sets_of_a_file_of_before_may_lack_buckets(files: SqliteStores) -> None:
    add(files.open(), *numbered(600))
    files.close()
    tamper(files, "DELETE FROM buckets")
    assert found(check(files.folder, "-d", "a.lastword"))[4] == "0"


# -- what does not


def test_every_set_that_does_not_hold_is_named(files: SqliteStores) -> None:
    store = files.open()
    add(store, *numbered(600))
    for name in (b"first", b"second", b"third"):
        store.execute(Write(name, add=(b"a",)))
    files.close()
    tamper(
        files,
        "UPDATE sets SET sum_first = sum_first + 1 WHERE name = CAST('first' AS BLOB)",
        "DELETE FROM entries WHERE arrived = 603",
        "UPDATE buckets SET sum_first = sum_first + 1",
    )
    before = everything_in(files.folder)

    with check(files.folder, "-d", "a.lastword") as process:
        lines = process.read_rest()
        assert process.wait() == 4
        assert process.errors().startswith("lastword: a.lastword does not hold in ")

    named = {name for line in lines for name in re.findall(r"set b'(\w+)'", line)}
    assert named == {"first", "third", "set"}
    assert everything_in(files.folder) == before


def test_no_more_than_a_hundred_sets_are_named(files: SqliteStores) -> None:
    store = files.open()
    for number in range(120):
        store.execute(Write(b"set %d" % number, add=(b"a",)))
    files.close()
    tamper(files, "UPDATE sets SET sum_first = sum_first + 1")
    with check(files.folder, "-d", "a.lastword") as process:
        assert len(process.read_rest()) == 100
        assert process.wait() == 4
        assert "at least 100 places" in process.errors()


def test_a_page_that_does_not_match_its_checksum_is_one_clear_line(files: SqliteStores) -> None:
    add(files.open(), *numbered(600))
    files.close()
    content = bytearray(files.path().read_bytes())
    content[-100] ^= 1
    files.path().write_bytes(content)
    process = check(files.folder, "-d", "a.lastword")
    expect_one_line(process, "a.lastword is damaged", "checksum", code=4)


# -- what is not verified


def test_a_file_that_is_not_there_is_one_clear_line_and_is_not_made(files: SqliteStores) -> None:
    expect_one_line(check(files.folder, "-d", "x.db"), "x.db is not there", code=3)
    assert everything_in(files.folder) == {}


def test_a_file_of_something_else_is_one_clear_line(files: SqliteStores) -> None:
    (files.folder / "notes.txt").write_text("notes " * 100)
    process = check(files.folder, "-d", "notes.txt")
    expect_one_line(process, "notes.txt is not a database", code=3)


def test_a_file_in_use_is_one_clear_line(files: SqliteStores) -> None:
    files.open()
    process = check(files.folder, "-d", "a.lastword")
    expect_one_line(process, "a.lastword is in use by another process", code=3)
    files.finish()


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_says_what_is_verified_and_how_it_ends(flag: str) -> None:
    with Process(LASTWORD, "check", flag, stderr=Path(os.devnull)) as process:
        text = " ".join(" ".join(process.read_rest()).split())
        assert process.wait() == 0
    for said in ("changes no byte", "--database", "LASTWORD_DATABASE", "Exit code 0"):
        assert said in text


def test_a_file_whose_first_start_got_no_further_than_its_making_holds(
    files: SqliteStores,
) -> None:
    open_or_create(files.path(), DIGEST_KEY_DEFAULT).close()
    assert found(check(files.folder, "-d", files.path().name))[1:3] == ("0", "0")
