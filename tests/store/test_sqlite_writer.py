"""The one thread that writes: what it groups, when it answers, and what its failures mean."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from random import Random
from typing import Any

import apsw
import pytest

from lastword.crdt.stamp import time_of
from lastword.errors import DiskFailed, FileUnusable, FutureTime, Unavailable
from lastword.limits import GROUP_ROWS_MAX, TIME_MAX, WRITES_PENDING_MAX
from lastword.store.ledger import Ledger
from lastword.store.operations import Write
from lastword.store.sqlite import writer
from lastword.store.sqlite.store import SqliteStore
from lastword.store.transaction import Name, Operation, Transaction
from tests.stores import S, SqliteStores, stamps

PATIENCE_S = 30


class Held:
    """A write that stays in its commit until it is let go."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.let_go = threading.Event()
        self._write = Write(S, add=(b"held",))

    def touches(self) -> list[Name]:
        return self._write.touches()

    def run(self, transaction: Transaction) -> int:
        self.entered.set()
        assert self.let_go.wait(PATIENCE_S)
        return self._write.run(transaction)


class Faulty:
    """An operation with a fault of ours."""

    def touches(self) -> list[Name]:
        return []

    def run(self, transaction: Transaction) -> None:
        raise KeyError(transaction.run)


class Untouchable:
    """An operation that cannot say what it touches."""

    def touches(self) -> list[Name]:
        raise KeyError

    def run(self, transaction: Transaction) -> None:
        raise AssertionError(transaction)


def submitted(store: SqliteStore, operation: Operation[Any]) -> "Future[Any]":
    future: Future[Any] = Future()

    def done(result: Any, error: BaseException | None) -> None:
        future.set_result(result) if error is None else future.set_exception(error)

    store.writer.submit(operation, done)
    return future


def added(element: bytes) -> Write:
    return Write(S, add=(element,))


def while_a_commit_runs(store: SqliteStore, submit: Callable[[], None]) -> None:
    held = Held()
    future = submitted(store, held)
    assert held.entered.wait(PATIENCE_S)
    submit()
    held.let_go.set()
    future.result(PATIENCE_S)


def test_whoever_waits_is_told_only_when_another_connection_can_read_it(
    files: SqliteStores,
) -> None:
    store = files.open()
    found: Future[int] = Future()

    def done(_result: Any, _error: BaseException | None) -> None:
        connection = apsw.Connection(str(files.path()))
        found.set_result(connection.execute("SELECT count(*) FROM entries").get)
        connection.close()

    store.writer.submit(added(b"a"), done)

    assert found.result(PATIENCE_S) == 1


def test_memory_knows_a_write_before_whoever_waits_is_told(files: SqliteStores) -> None:
    store = files.open()
    known: Future[int] = Future()
    store.writer.submit(
        added(b"a"), lambda _result, _error: known.set_result(store.totals()[S].present)
    )
    assert known.result(PATIENCE_S) == 1


def test_all_that_arrives_while_a_commit_runs_shares_the_next_one(files: SqliteStores) -> None:
    store = files.open()
    before = store.commits
    futures: list[Future[Any]] = []

    while_a_commit_runs(
        store,
        lambda: futures.extend(submitted(store, added(b"%d" % index)) for index in range(100)),
    )

    for future in futures:
        future.result(PATIENCE_S)
    assert store.commits - before == 2


def test_a_group_is_bounded_in_rows(files: SqliteStores) -> None:
    store = files.open()
    before = store.commits
    rows = tuple(b"%d" % index for index in range(GROUP_ROWS_MAX))
    futures: list[Future[Any]] = []

    while_a_commit_runs(
        store,
        lambda: futures.extend(submitted(store, Write(S, add=rows)) for _ in range(2)),
    )

    for future in futures:
        future.result(PATIENCE_S)
    assert store.commits - before == 3


def test_operations_of_one_group_are_done_in_order_and_see_each_other(
    files: SqliteStores,
) -> None:
    store = files.open()
    futures: list[Future[Any]] = []
    writes = [added(b"a"), Write(S, remove=(b"a",)), added(b"a"), Write(S, remove=(b"a",))]

    while_a_commit_runs(store, lambda: futures.extend(submitted(store, write) for write in writes))

    times = [future.result(PATIENCE_S) for future in futures]
    assert times == sorted(times)
    assert store.contains(S, b"a") is False
    assert time_of(stamps(store)[S, b"a"]) == times[-1]


def test_an_operation_that_is_refused_does_not_disturb_its_neighbours(
    files: SqliteStores,
) -> None:
    store = files.open()
    before = store.commits
    futures: list[Future[Any]] = []
    refused = Write(S, add=(b"refused",), time=TIME_MAX)

    while_a_commit_runs(
        store,
        lambda: futures.extend(
            submitted(store, write) for write in (added(b"a"), refused, added(b"b"))
        ),
    )

    assert isinstance(futures[1].exception(PATIENCE_S), FutureTime)
    assert [futures[index].exception(PATIENCE_S) for index in (0, 2)] == [None, None]
    assert {element for _, element in stamps(store)} == {b"held", b"a", b"b"}
    assert store.commits - before == 2


def test_a_group_of_refused_operations_commits_nothing(files: SqliteStores) -> None:
    store = files.open()
    before = store.commits
    with pytest.raises(FutureTime):
        store.execute(Write(S, add=(b"a",), time=TIME_MAX))
    assert store.commits == before


def test_a_fault_of_ours_fails_its_group_and_the_writer_goes_on(files: SqliteStores) -> None:
    store = files.open()
    with pytest.raises(KeyError):
        store.execute(Faulty())
    store.execute(added(b"a"))
    assert store.contains(S, b"a") is True


def test_an_operation_that_cannot_say_what_it_touches_is_refused_and_others_are_done(
    files: SqliteStores,
) -> None:
    store = files.open()
    futures: list[Future[Any]] = []

    def submit() -> None:
        futures.append(submitted(store, added(b"a")))
        with pytest.raises(KeyError):
            submitted(store, Untouchable())

    while_a_commit_runs(store, submit)

    assert futures[0].exception(PATIENCE_S) is None
    store.execute(added(b"b"))


def test_closing_finishes_what_was_submitted(files: SqliteStores) -> None:
    store = files.open()
    futures = [submitted(store, added(b"%d" % index)) for index in range(200)]

    files.abandon()

    assert [future.exception(0) for future in futures] == [None] * 200
    assert len(stamps(files.open())) == 200


def test_after_closing_writes_and_reads_are_refused(files: SqliteStores) -> None:
    store = files.open()
    store.execute(added(b"a"))
    files.close()
    store.close()
    with pytest.raises(Unavailable):
        store.execute(added(b"b"))
    with pytest.raises(FileUnusable):
        store.contains(S, b"a")


def test_whatever_is_submitted_while_it_closes_is_answered(files: SqliteStores) -> None:
    store = files.open()
    begun = threading.Barrier(5)

    def write(thread: int) -> tuple[int, int]:
        begun.wait(PATIENCE_S)
        for index in range(10_000):
            try:
                store.execute(added(b"%d %d" % (thread, index)))
            except Unavailable:
                return thread, index
        raise AssertionError("it was never closed")

    with ThreadPoolExecutor() as pool:
        ends = [pool.submit(write, thread) for thread in range(4)]
        begun.wait(PATIENCE_S)
        store.execute(added(b"first"))
        files.abandon()
        counts = [end.result(PATIENCE_S) for end in ends]

    held = {element for _, element in stamps(files.open())}
    assert held == {b"first"} | {
        b"%d %d" % (thread, index) for thread, count in counts for index in range(count)
    }


def test_more_than_may_wait_is_refused(
    files: SqliteStores, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert WRITES_PENDING_MAX > 10
    monkeypatch.setattr(writer, "WRITES_PENDING_MAX", 10)
    store = files.open()
    futures: list[Future[Any]] = []

    def submit() -> None:
        futures.extend(submitted(store, added(b"%d" % index)) for index in range(10))
        with pytest.raises(Unavailable, match="10 writes are waiting"):
            submitted(store, added(b"one more"))

    while_a_commit_runs(store, submit)

    assert [future.exception(PATIENCE_S) for future in futures] == [None] * 10


def test_many_threads_that_write_at_once_end_consistent(files: SqliteStores) -> None:
    store = files.open()

    def write(thread: int) -> dict[bytes, int]:
        rng = Random(thread)
        last: dict[bytes, int] = {}
        for _ in range(60):
            element = b"%d" % rng.randrange(20)
            removes = rng.random() < 0.5
            write = Write(S, remove=(element,)) if removes else added(element)
            last[element] = store.execute(write)
            assert store.contains(S, element) is not None
        return last

    with ThreadPoolExecutor(8) as pool:
        acknowledged = list(pool.map(write, range(8)))

    held = stamps(store)
    for last in acknowledged:
        assert all(time_of(held[S, element]) >= time for element, time in last.items())
    assert store.log_end == store.seen[store.run] == 8 * 60
    files.reopen()


def fill_the_disk(store: SqliteStore, pages_free: int) -> None:
    connection = store.writer._connection
    pages = connection.execute("PRAGMA page_count").get
    connection.execute(f"PRAGMA max_page_count = {pages + pages_free}")


def test_a_full_disk_refuses_the_write_and_takes_the_next_one_that_fits(
    files: SqliteStores,
) -> None:
    store = files.open()
    store.execute(added(b"before"))
    held = stamps(store)
    fill_the_disk(store, 3)

    with pytest.raises(DiskFailed, match="the disk is full; the write was not done"):
        store.execute(added(b"x" * 60_000))

    assert stamps(store) == held
    store.check()
    store.execute(added(b"after"))
    assert store.contains(S, b"after") is True


def test_sets_that_a_full_disk_refused_take_no_other_sets_place(files: SqliteStores) -> None:
    store = files.open()
    fill_the_disk(store, 3)
    with pytest.raises(DiskFailed):
        store.execute(Write(b"refused", add=(b"x" * 60_000,)))
    store.execute(Write(b"taken", add=(b"a",)))

    store = files.reopen()
    store.execute(Write(b"new", add=(b"b",)))

    assert stamps(files.reopen()).keys() == {(b"taken", b"a"), (b"new", b"b")}


def test_after_a_failed_commit_nothing_is_written_until_the_file_is_opened_again(
    files: SqliteStores,
) -> None:
    store = files.open()
    store.execute(added(b"before"))
    store.writer._connection.execute("PRAGMA query_only = ON")
    with pytest.raises(DiskFailed, match="failed"):
        store.execute(added(b"a"))
    store.writer._connection.execute("PRAGMA query_only = OFF")

    with pytest.raises(DiskFailed, match="failed") as refusal:
        store.execute(added(b"b"))

    assert "start the node again" in refusal.value.hint
    assert {element for _, element in stamps(store)} == {b"before"}
    files.reopen().execute(added(b"b"))


def test_where_memory_does_not_follow_the_file_nothing_more_is_written(
    files: SqliteStores, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = files.open()
    store.execute(Write(S, add=(b"a",)))
    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "absorb", Faulty.run)
        with pytest.raises(DiskFailed, match="memory does not follow"):
            store.execute(Write(S, add=(b"b",)))
    with pytest.raises(DiskFailed, match="memory does not follow"):
        store.execute(Write(S, add=(b"c",)))
    files.abandon()

    store = files.open()
    store.execute(Write(S, add=(b"c",)))
    assert {element for _, element in stamps(store)} == {b"a", b"b", b"c"}
