"""What only a file has: whose it is, how it is made, what survives a kill."""

import signal
import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from lastword.errors import (
    FileInUse,
    FileUnusable,
    ForeignFile,
    NewerFormat,
)
from lastword.store.sqlite import schema
from lastword.store.sqlite.store import SqliteStore
from tests.stores import S, SqliteStores, add, checksummed, stamps

OPEN = """
import os, signal, sys
from random import Random
from lastword.store.base import StoreOptions
from lastword.store.operations import Write
from lastword.store.sqlite import file, schema
from lastword.store.sqlite.store import SqliteStore

def open_store():
    run = Random().getrandbits(63)
    options = StoreOptions(wall=lambda: 1_700_000_000_000_000, new_run=lambda: run)
    return SqliteStore(sys.argv[1], options)

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
"""


def started(program: str, path: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", OPEN + program, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def foreign_database(path: Path, *, application: int = 0) -> None:
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)")
    connection.execute(f"PRAGMA application_id = {application}")
    connection.close()


# -- whose file it is


@pytest.mark.parametrize(
    "content",
    [b"short", b"a text of more than a hundred bytes " * 9, b"SQLite format 3\0", b"\0" * 4096],
    ids=["short", "text", "cut", "zeros"],
)
def test_a_file_that_is_no_database_is_refused_and_left_alone(
    files: SqliteStores, content: bytes
) -> None:
    files.path().write_bytes(content)
    with pytest.raises(ForeignFile):
        files.open()
    assert files.path().read_bytes() == content


def test_another_applications_database_is_refused_and_left_alone(files: SqliteStores) -> None:
    foreign_database(files.path())
    content = files.path().read_bytes()
    with pytest.raises(ForeignFile, match="not one of lastword"):
        files.open()
    assert files.path().read_bytes() == content
    assert not list(files.folder.glob("*-wal"))


def test_a_newer_format_is_refused_by_name_and_left_alone(files: SqliteStores) -> None:
    add(files.open(), b"a")
    files.close()
    with checksummed(files.path()) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    content = files.path().read_bytes()

    with pytest.raises(NewerFormat, match=r"has format 99; .* up to 1"):
        files.open()

    assert files.path().read_bytes() == content


def test_a_file_without_page_checksums_is_refused(files: SqliteStores) -> None:
    foreign_database(files.path(), application=schema.APPLICATION_ID)
    with pytest.raises(FileUnusable, match="no page checksums"):
        files.open()


def test_a_file_cannot_be_opened_twice_in_one_process(files: SqliteStores) -> None:
    store = files.open()
    with pytest.raises(FileInUse):
        SqliteStore(files.path(), files.options())
    add(store, b"a")


def test_a_file_in_use_by_another_process_is_refused_until_that_one_ends(
    files: SqliteStores,
) -> None:
    with started("open_store(); print('open', flush=True); sys.stdin.read()", files.path()) as it:
        assert it.stdout is not None
        assert it.stdout.readline() == "open\n"
        with pytest.raises(FileInUse, match="in use by another process"):
            files.open()
        it.kill()
    files.open()


@pytest.mark.parametrize("where", ["missing/x", "file/x", "folder"])
def test_a_path_where_no_file_can_be_is_refused_in_one_line(
    files: SqliteStores, where: str
) -> None:
    (files.folder / "file").write_text("")
    (files.folder / "folder").mkdir()
    with pytest.raises(FileUnusable, match="cannot be used") as refusal:
        SqliteStore(files.folder / where, files.options())
    assert "\n" not in str(refusal.value)


def test_a_file_that_was_refused_is_not_held(files: SqliteStores) -> None:
    files.path().write_text("a text")
    with pytest.raises(ForeignFile):
        files.open()
    files.path().unlink()
    files.open()


# -- how it is made


def test_a_file_is_set_up_to_last(files: SqliteStores) -> None:
    store = files.open()
    expected = {
        "journal_mode": "wal",
        "synchronous": 2,
        "auto_vacuum": 2,
        "checksum_verification": "1",
        "fullfsync": 1,
        "checkpoint_fullfsync": 1,
        "wal_autocheckpoint": 0,
        "journal_size_limit": 128 << 20,
        "temp_store": 2,
        "trusted_schema": 0,
    }
    for connection in (store.writer._connection, store._reader):
        assert {name: connection.pragma(name) for name in expected} == expected
        assert connection.reserve_bytes("main", -1) == schema.RESERVED_BYTES == 8


def test_a_reader_cannot_write(files: SqliteStores) -> None:
    store = files.open()
    with pytest.raises(apsw.ReadOnlyError):
        store._reader.execute("DELETE FROM entries")


def test_only_the_owner_may_take_the_lock_file(files: SqliteStores) -> None:
    files.open()
    lock = files.path().with_name(files.path().name + "-lock")
    assert lock.stat().st_mode & 0o777 == 0o600


def test_closing_leaves_one_file_and_its_lock(files: SqliteStores) -> None:
    add(files.open(), b"a")
    files.close()
    name = files.path().name
    assert {path.name for path in files.folder.iterdir()} == {name, f"{name}-lock"}


def test_an_empty_file_is_made_a_store(files: SqliteStores) -> None:
    files.path().touch()
    add(files.open(), b"a")


@pytest.mark.parametrize("suffix", ["-wal", "-journal"])
def test_no_file_is_made_beside_the_log_of_one_that_is_gone(
    files: SqliteStores, suffix: str
) -> None:
    store = files.open()
    add(store, b"of the old file")
    log = Path(f"{files.path()}-wal").read_bytes()
    files.close()
    files.path().unlink()
    left = Path(f"{files.path()}{suffix}")
    left.write_bytes(log)

    with pytest.raises(FileUnusable, match="belongs to a file that is gone"):
        files.open()

    assert left.read_bytes() == log
    left.unlink()
    assert stamps(files.open()) == {}


KILLED_WHILE_MAKING = {
    "in the transaction": (
        "schema.APPLICATION_ID = type('Killer', (), {'__format__': die})()\nopen_store()"
    ),
    "before its name": "file.Path.replace = die\nopen_store()",
    "behind its name": "file._check_checksums = die\nopen_store()",
}


@pytest.mark.parametrize("program", KILLED_WHILE_MAKING.values(), ids=KILLED_WHILE_MAKING.keys())
def test_a_process_killed_while_it_makes_a_file_leaves_a_path_that_opens(
    files: SqliteStores, program: str
) -> None:
    with started(program, files.path()) as process:
        process.wait(timeout=60)
    assert process.returncode == -signal.SIGKILL

    add(files.open(), b"a")

    files.reopen()
    assert not list(files.folder.glob("*draft*"))


# -- what survives

WRITE = """
store = open_store()
number = 0
while True:
    store.execute(Write(b"set", add=(b"%d" % number,)))
    print(number, flush=True)
    number += 1
"""


@pytest.mark.parametrize("acknowledged", [1, 40, 400])
def test_a_killed_process_loses_nothing_that_it_acknowledged(
    files: SqliteStores, acknowledged: int
) -> None:
    with started(WRITE, files.path()) as process:
        assert process.stdout is not None
        told = [process.stdout.readline() for _ in range(acknowledged)]
        process.kill()
        told += process.stdout.readlines()

    held = stamps(files.open())

    assert len(told) >= acknowledged
    assert all((S, line.strip().encode()) in held for line in told if line.endswith("\n"))
    assert len(held) <= len(told) + 1
