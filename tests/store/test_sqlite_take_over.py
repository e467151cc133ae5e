"""Files that change places: under load, with copies that are another's, where a disk fails."""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from lastword.crdt.bundle import BundleReader, bundle_lines
from lastword.crdt.stamp import pack
from lastword.errors import (
    DiskFailed,
    FileInUse,
    FileUnusable,
    ForeignFile,
    LastwordError,
    StoreError,
)
from lastword.replication.entries import Entry
from lastword.replication.hashing import element_of
from lastword.store.operations import Write
from lastword.store.sqlite import places
from lastword.store.sqlite.store import SqliteStore
from tests.store.test_sqlite_file import started
from tests.stores import START_US, S, SqliteStores, add, checksummed, made_up, numbered, stamps

PATIENCE_S = 30
SOURCE = "source:1"
THEIRS = Entry(b"theirs", b"x", 2 * START_US, run=7, number=1)


def copied(store: SqliteStore) -> SqliteStore:
    """Begin a copy of a source with one entry, and make it whole."""
    copy = store.begin_copy()
    assert copy.apply(made_up(copy, THEIRS, seen={7: 1}, run=7), SOURCE) is not None
    return copy


def names(files: SqliteStores) -> set[str]:
    return {path.name.removeprefix("a.lastword") for path in files.folder.iterdir()}


def on_a_thread(work: Callable[[], object]) -> None:
    failed: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(PATIENCE_S)
    assert not thread.is_alive()
    if failed:
        raise failed[0]


# -- under load


class Load:
    """Threads that write and read until they are stopped; what failed is raised then."""

    def __init__(self, store: SqliteStore) -> None:
        self.store = store
        self.written: list[bytes] = []
        self._stop = threading.Event()
        self._failed: list[BaseException] = []
        works = [self._write(0), self._write(1), self._read, self._read_snapshots, self._page]
        self._threads = [threading.Thread(target=self._repeat, args=(work,)) for work in works]

    @contextmanager
    def running(self) -> Iterator[None]:
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in self._threads:
                thread.join(PATIENCE_S)
        if self._failed:
            raise self._failed[0]

    def wait_for_more(self, count: int) -> None:
        """Return when so many more writes were acknowledged."""
        until = len(self.written) + count
        while len(self.written) < until and not self._failed:
            add(self.store, b"one more")

    def _repeat(self, work: Callable[[], None]) -> None:
        try:
            while not self._stop.is_set():
                work()
        except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
            self._failed.append(error)

    def _write(self, writer: int) -> Callable[[], None]:
        elements = iter(range(10_000_000))

        def write() -> None:
            element = b"%d of %d" % (next(elements), writer)
            add(self.store, element)
            self.written.append(element)

        return write

    def _read(self) -> None:
        written = self.written[-50:]
        assert all(self.store.contains(S, element) for element in written)
        assert self.store.contains_each(S, written) == [True] * len(written)

    def _read_snapshots(self) -> None:
        with self.store.snapshot():
            first = self.store.entries(S, limit=1_000_000)
            assert self.store.entries(S, limit=1_000_000) == first
            assert self.store.mark_after(0) is not None

    def _page(self) -> None:
        before, found, after = set(self.written), set(), b""
        while page := self.store.entries(S, after=after, limit=100):
            found |= {element_of(key) for key, _ in page}
            after = page[-1][0]
        assert before <= found


@pytest.mark.slow
def test_under_load_nothing_acknowledged_is_lost_and_no_reading_fails(
    files: SqliteStores,
) -> None:
    store = files.open()
    load = Load(store)
    with load.running():
        for _ in range(4):
            load.wait_for_more(50)
            copied(store)
            store.take_over({}, 0, 0)
        load.wait_for_more(100)

    held = {element for _, element in stamps(store)}
    assert set(load.written) <= held
    store.check()
    assert set(load.written) <= {element for _, element in stamps(files.reopen())}


def test_what_is_submitted_during_the_change_goes_into_the_new_file(
    files: SqliteStores, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = files.open()
    add(store, b"before")
    copied(store)
    told: list[BaseException | None] = []
    done = threading.Event()
    check_closed = places.check_closed

    def hear(_: Any, error: BaseException | None) -> None:
        told.append(error)
        done.set()

    def submit_first(path: Path) -> None:
        store.writer.submit(Write(S, add=(b"meanwhile",)), hear)
        assert not told
        check_closed(path)

    monkeypatch.setattr(places, "check_closed", submit_first)
    store.take_over({}, 0, 0)

    assert done.wait(PATIENCE_S)
    assert told == [None]
    assert store.contains_each(S, [b"before", b"meanwhile"]) == [True, True]
    assert store.run == store.ledger.own_runs[-1].run


def test_a_snapshot_ends_on_the_file_that_it_began_with(files: SqliteStores) -> None:
    store = files.open()
    add(store, b"before")
    copied(store)
    with store.snapshot():
        assert store.stamp_of(b"theirs", b"x") is None
        on_a_thread(lambda: store.take_over({}, 0, 0))
        add(store, b"after")
        assert store.stamp_of(b"theirs", b"x") is None
        assert store.stamp_of(S, b"after") is None
        assert store.stamp_of(S, b"before") is not None
    assert store.stamp_of(b"theirs", b"x") == THEIRS.stamp
    assert store.stamp_of(S, b"after") is not None


def test_readers_of_the_old_file_leave_the_log_of_the_new_one_alone(files: SqliteStores) -> None:
    store = files.open()
    add(store, b"before")
    copied(store)
    with store.snapshot():
        store.stamp_of(S, b"before")
        on_a_thread(lambda: store.take_over({}, 0, 0))
        add(store, b"after")
    assert store.stamp_of(S, b"after") is not None  # which closes the last old connection

    files.snapshot("a", "twin")

    assert Path(f"{files.path()}-wal").stat().st_size > 0
    assert (S, b"after") in stamps(files.open("twin"))


def test_a_set_that_is_being_loaded_is_not_held_for_the_new_file(files: SqliteStores) -> None:
    store = files.open()
    add(store, b"before")
    copied(store)
    present = store._present

    def change_within(set_name: bytes) -> Iterator[list[bytes]]:
        on_a_thread(lambda: store.take_over({}, 0, 0))
        add(store, b"after")
        return present(set_name)

    store._present = change_within  # type: ignore[method-assign]  # a load that takes long
    store.hold(S)

    assert store.cache.elements_of(S) is None
    store._present = present  # type: ignore[method-assign]
    store.hold(S)
    assert store.cache.elements_of(S) == {b"before", b"after"}


def test_nothing_is_left_beside_the_new_file(files: SqliteStores) -> None:
    store = files.open()
    copied(store)
    store.take_over({}, 0, 0)
    files.close()
    assert names(files) == {"", "-lock"}


def open_files() -> Iterator[str]:
    for handle in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # the one of this very reading
            yield str(handle.readlink())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lists what a process has open")
def test_the_space_of_the_old_file_is_free_when_its_readers_have_read_on(
    files: SqliteStores,
) -> None:
    store = files.open()
    add(store, b"a")
    store.stamp_of(S, b"a")
    on_a_thread(lambda: store.stamp_of(S, b"a"))
    copied(store)
    store.take_over({}, 0, 0)
    store.stamp_of(S, b"a")
    assert not [name for name in open_files() if "(deleted)" in name and str(files.folder) in name]


# -- what was refused


def test_what_was_refused_is_kept_as_a_bundle_for_the_operator(files: SqliteStores) -> None:
    store = files.open()
    add(store, b"ghost", b"\xff", time=START_US - 2)
    store.execute(Write("né".encode(), add=("né\n".encode(),), time=START_US - 3))
    add(store, b"ghost too", time=START_US - 2)
    run = copied(store).run

    assert store.take_over({}, START_US - 1, START_US - 1) == 4

    (kept,) = files.folder.glob("*refused*")
    assert kept.name == f"{files.path().name}-refused-{run}.ndjson"
    with kept.open("rb") as file:
        bundle = BundleReader(bundle_lines(file))
        found = {(part.set_name, name): at for part in bundle for name, at in part.stamps.items()}
    assert (bundle.header.node, bundle.counts.elements) == (files.path().name, 4)
    ghost = pack(START_US - 2, removed=False)
    assert found == {
        ("set", b"ghost"): ghost,
        ("set", b"ghost too"): ghost,
        ("set", b"\xff"): ghost,
        ("né", "né\n".encode()): pack(START_US - 3, removed=False),
    }


def test_sets_are_named_that_rows_may_have_gone_from(
    files: SqliteStores, caplog: pytest.LogCaptureFixture
) -> None:
    store = files.open()
    add(store, b"here", b"gone")
    store.execute(Write(b"sound", add=(b"x",)))
    with checksummed(files.path()) as connection:
        connection.execute("DELETE FROM entries WHERE substr(key, 9) = CAST('gone' AS BLOB)")
        assert connection.changes() == 1
    connection.close()
    assert store.distrust(S)
    copy = copied(store)
    add(copy, b"here")
    caplog.clear()

    store.take_over({}, 0, 0)

    (record,) = caplog.records
    assert "did not add up" in record.getMessage()
    assert repr(S) in record.getMessage()
    assert "sound" not in record.getMessage()
    assert store.contains(b"sound", b"x")


# -- copies that are another's


def test_a_foreign_file_in_the_place_of_the_copy_is_left_alone(files: SqliteStores) -> None:
    place = Path(f"{files.path()}-lastword-copy")
    place.write_text("a text")
    store = files.open()
    assert store.copy is None
    with pytest.raises(ForeignFile):
        store.begin_copy()
    assert place.read_text() == "a text"
    add(store, b"a")


def test_a_copy_that_another_process_has_open_is_left_alone(files: SqliteStores) -> None:
    add(files.open(), b"a")
    files.close()
    place = Path(f"{files.path()}-lastword-copy")
    with started("open_store(); print('open', flush=True); sys.stdin.read()", place) as it:
        assert it.stdout is not None
        assert it.stdout.readline() == "open\n"
        store = files.open()
        assert store.copy is None
        with pytest.raises(FileInUse):
            store.begin_copy()
        assert place.exists()
        it.kill()
    store.begin_copy()


def test_a_copy_of_another_file_is_not_gone_on_with_but_replaced(files: SqliteStores) -> None:
    copied(files.open("other"))
    files.close("other")
    Path(f"{files.path('other')}-lastword-copy").replace(f"{files.path()}-lastword-copy")

    store = files.open()

    assert store.copy is None
    assert stamps(store.begin_copy()) == {}


@pytest.mark.parametrize("kept", [0, 1_000, 20_000])
def test_a_copy_that_was_cut_short_is_not_gone_on_with_but_replaced(
    files: SqliteStores, kept: int
) -> None:
    store = files.open()
    add(store, b"a")
    add(copied(store), *numbered(1_000))
    files.close()
    os.truncate(f"{files.path()}-lastword-copy", kept)

    store = files.open()

    assert (S, b"a") in stamps(store)
    if store.copy is None:
        assert stamps(store.begin_copy()) == {}
    else:
        with pytest.raises(StoreError):
            store.copy.check()
        store.drop_copy()


def a_whole_copy(files: SqliteStores, name: str) -> Path:
    """Leave what a crash leaves that comes when the copy is whole, and has its name as such."""
    copied(files.open(name))
    files.close(name)
    places.name_whole(files.path(name))
    return places.whole_of(files.path(name))


def test_a_whole_copy_that_a_crash_left_takes_the_place_of_its_file(files: SqliteStores) -> None:
    a_whole_copy(files, "a")
    assert stamps(files.open()) == {(b"theirs", b"x"): THEIRS.stamp}
    assert "-lastword-whole" not in names(files)


def test_a_whole_copy_takes_the_place_of_no_other_file(files: SqliteStores) -> None:
    a_whole_copy(files, "other").replace(places.whole_of(files.path()))
    with pytest.raises(FileUnusable, match="stands for a file that is gone"):
        files.open()
    a_whole_copy(files, "third").replace(files.path())  # any file
    content = files.path().read_bytes()
    with pytest.raises(FileUnusable, match="stands for another file"):
        files.open()
    assert files.path().read_bytes() == content
    places.whole_of(files.path()).unlink()
    files.open()


# -- disks that fail


def test_a_copy_whose_disk_is_full_is_dropped_and_the_store_goes_on(files: SqliteStores) -> None:
    store = files.open()
    add(store, *numbered(5_000))
    before = stamps(store)
    copy = copied(store)
    (pages,) = copy.file.writing.execute("PRAGMA page_count").fetchone() or (0,)
    copy.file.writing.execute(f"PRAGMA max_page_count = {pages + 2}")

    with pytest.raises(DiskFailed, match="full"):
        store.take_over({}, 0, 0)

    assert store.copy is None
    assert "-lastword-copy" not in names(files)
    assert stamps(store) == before
    add(store, b"after")
    copied(store)
    store.take_over({}, 0, 0)
    assert stamps(store).keys() > before.keys()


def test_a_copy_that_fails_after_it_refused_leaves_no_file_of_that(files: SqliteStores) -> None:
    store = files.open()
    add(store, b"ghost", time=START_US - 2)
    add(store, *numbered(5_000))
    copy = copied(store)
    copy.file.writing.execute("PRAGMA max_page_count = 1")

    with pytest.raises(LastwordError):
        store.take_over({}, START_US - 1, START_US - 1)

    assert not list(files.folder.glob("*refused*"))
    assert store.contains(S, b"ghost")


def test_where_the_name_cannot_be_changed_nothing_is_acknowledged_until_a_start_finds_out(
    files: SqliteStores,
) -> None:
    store = files.open()
    add(store, b"before")
    copied(store)
    in_the_way = places.whole_of(files.path()) / "in the way"
    in_the_way.mkdir(parents=True)

    with pytest.raises(FileUnusable):
        store.take_over({}, 0, 0)
    with pytest.raises(DiskFailed, match="could not be replaced"):
        add(store, b"after")
    files.abandon()

    in_the_way.rmdir()
    in_the_way.parent.rmdir()
    assert stamps(files.open()).keys() == {(S, b"before")}


def test_a_copy_that_cannot_be_begun_is_no_copy_and_the_next_one_is_begun(
    files: SqliteStores, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = files.open()
    add(store, b"a")
    before = names(files)
    with monkeypatch.context() as patch:
        patch.setattr(places, "_PUT_ORIGINAL", "INSERT INTO nowhere VALUES (?)")
        with pytest.raises(FileUnusable, match="nowhere"):
            store.begin_copy()
    assert store.copy is None
    assert names(files) == before

    copied(store)
    store.take_over({}, 0, 0)
    assert store.contains(S, b"a") is True


# -- killed


KILL_AT_EACH_LINE = """
import threading
from itertools import count
from pathlib import Path
from typing import Any
from lastword.replication.entries import Entry, Page, NO_CURSOR
from lastword.store.sqlite import open_file, places, refused, store as module

STEPS = {at.__file__ for at in (open_file, places, refused)}
NAMES = {"take_over", "_become"}

def dying_at(line):
    left = [line]
    def local(frame, event, _):
        if event in ("line", "return"):
            left[0] -= 1
            if left[0] == 0:
                die()
        return local
    def trace(frame, event, _):
        code = frame.f_code
        steps = code.co_filename in STEPS
        of_store = code.co_filename == module.__file__ and code.co_name in NAMES
        return local if steps or of_store else None
    return trace

def write(store, acknowledged):
    for number in count():
        store.execute(Write(b"set", add=(b"%d" % number,)))
        os.write(acknowledged, b"%d\\n" % number)

def run(folder, line):
    sys.argv[1] = str(folder / "a.lastword")
    store = open_store()
    store.execute(Write(b"set", add=(b"ghost",), time=5))
    copy = store.begin_copy()
    entry = Entry(b"theirs", b"x", 2, run=7, number=1)
    copy.apply(Page(7, copy.run, NO_CURSOR, 1, 1, (entry,), seen={7: 1}), "source:1")
    acknowledged = os.open(folder / "acknowledged", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    threading.Thread(target=write, args=(store, acknowledged), daemon=True).start()
    while os.fstat(acknowledged).st_size < 20:
        store.execute(Write(b"another", add=(b"x",)))
    sys.settrace(dying_at(line))
    store.take_over({}, 10, 10)
    sys.settrace(None)

base = Path(sys.argv[1])
for line in count(1, 2):
    folder = base / str(line)
    folder.mkdir()
    child = os.fork()
    if child == 0:
        try:
            run(folder, line)
        except BaseException:
            import traceback
            traceback.print_exc()
            os._exit(2)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if status != signal.SIGKILL:
        sys.exit(status)
"""


@pytest.mark.slow
def test_killed_at_any_step_it_has_lost_nothing_that_it_acknowledged(
    tmp_path: Path, files: SqliteStores
) -> None:
    files.folder = tmp_path / "killed"
    files.folder.mkdir()
    with started(KILL_AT_EACH_LINE, files.folder) as process:
        process.wait(timeout=10 * PATIENCE_S)
    assert process.returncode == 0, "the last child was to end by itself"

    outcomes = [is_new(folder) for folder in files.folder.iterdir()]

    assert len(outcomes) > 50, "every other line of the change is a step"
    assert outcomes.count(True) > 5, "from one of them on the new file stands"
    assert outcomes.count(False) > 5


def is_new(folder: Path) -> bool:
    """Open the file that a killed process left; return whether it is the copy."""
    stores = SqliteStores(folder)
    acknowledged = (folder / "acknowledged").read_bytes().split(b"\n")[:-1]
    store = stores.open()
    held = stamps(store)
    is_new = (b"theirs", b"x") in held
    assert acknowledged
    assert not [element for element in acknowledged if (S, element) not in held]
    assert ((S, b"ghost") in held) is not is_new
    refused = list(folder.glob("*refused*.ndjson"))
    assert refused or not is_new
    assert not places.whole_of(stores.path()).exists()
    add(store, b"after the start")
    assert (S, b"after the start") in stamps(stores.reopen())
    stores.finish()
    return is_new
