"""How large a file grows in a month of adds and removes, collected as a node does it.

    python -m bench.month [--days 30] [--changes 100000] [--step 60] [--folder DIR]

A SQLite file, its wall moved by hand, and the replica that ticks on it: each day of the wall
`--changes` new elements are added and as many removed, a day after they came, a part of them each
`--step` seconds. What it may take is measured on a new file: with the elements that are present at
the end (live), and by how much it grows with the tombstones that are held then (the grace
period's worth). Exit code 1 where the file was ever larger than 1.5 times both together.
"""

import argparse
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from random import Random
from typing import NamedTuple

from bench.harness import machine
from bench.stores import FILL_BATCH, identifier
from lastword.crdt.stamp import is_removed
from lastword.replication.membership import Identity
from lastword.replication.replica import Replica
from lastword.replication.settings import ReplicaSettings
from lastword.store.base import StoreOptions
from lastword.store.operations import Write
from lastword.store.sqlite.store import SqliteStore

SET = b"month"
BEGIN_US = 1_700_000_000_000_000
DAY_S = 86_400
SECOND_US = 1_000_000

TIMES = 1.5
"""How many times the size of a new file of the same elements one may be that is written to for
long: a B-tree whose keys come and go at random is filled to about two thirds."""


class Size(NamedTuple):
    """What a file holds at the end of a day, and its bytes, and those of its log."""

    day: int
    present: int
    tombstones: int
    file_bytes: int
    log_bytes: int


class Reference(NamedTuple):
    """A new file of the same elements: its bytes, and how many the tombstones are of them."""

    live_bytes: int
    grace_bytes: int

    @property
    def may_bytes(self) -> int:
        """What a file may have that has been written to for long."""
        return int(TIMES * (self.live_bytes + self.grace_bytes))


class Month:
    """A file that is written to, and the replica of its only node."""

    def __init__(self, folder: Path, *, changes: int, step_s: int, seed: int = 0) -> None:
        self.wall_us = BEGIN_US
        self._folder = folder
        self._per_day = DAY_S // step_s
        self._changes = changes
        self._step_us = step_s * SECOND_US
        self._rng = Random(seed)
        self._added = 0
        self._live: deque[bytes] = deque()
        self.store = self._opened("month")
        identity = Identity(advertise="a:1")
        self.replica = Replica(self.store, identity, ReplicaSettings(), lambda: self.wall_us)

    def play(self, days: int) -> Iterator[Size]:
        """Live through so many days; yield what the file has come to after each."""
        for day in range(1, days + 1):
            for step in range(self._per_day):
                self._write(
                    self._changes * (step + 1) // self._per_day
                    - self._changes * step // self._per_day
                )
                self.wall_us += self._step_us
                self.replica.tick(self.wall_us - BEGIN_US, self._rng)
            yield self.size(day)

    def size(self, day: int) -> Size:
        """Return what the file has come to."""
        totals = self.store.totals()[SET]
        log = self.store.path.with_name(f"{self.store.path.name}-wal")
        return Size(
            day,
            totals.present,
            totals.tombstones,
            self.store.path.stat().st_size,
            log.stat().st_size,
        )

    def reference(self) -> Reference:
        """Write what the file holds into a new one, and say how large that is."""
        stamps = {key[1]: row.stamp for key, row in self.store.all_rows() if key[0] == SET}
        elements = sorted((key[8:], is_removed(stamp)) for key, stamp in stamps.items())
        self._rng.shuffle(elements)
        with closing(self._opened("reference")) as store:
            begin_bytes = _fill(store, [])
            live_bytes = _fill(store, [Write(SET, add=at) for at in _batches(elements, 0)])
            full_bytes = _fill(store, [Write(SET, remove=at) for at in _batches(elements, 1)])
        assert begin_bytes < live_bytes < full_bytes
        return Reference(live_bytes, full_bytes - live_bytes)

    def _write(self, changes: int) -> None:
        """Add so many elements, and remove those that were added a day before."""
        if not changes:
            return
        new = tuple(map(identifier, range(self._added, self._added + changes)))
        self._added += changes
        self._live.extend(new)
        gone = max(0, len(self._live) - self._changes)
        old = tuple(self._live.popleft() for _ in range(gone))
        self.store.execute(Write(SET, add=new, remove=old))

    def _opened(self, name: str) -> SqliteStore:
        options = StoreOptions(
            wall=lambda: self.wall_us, new_run=lambda: self._rng.getrandbits(63)
        )
        return SqliteStore(self._folder / name, options)


def _batches(elements: Sequence[tuple[bytes, bool]], removed: int) -> Iterator[tuple[bytes, ...]]:
    chosen = [element for element, is_gone in elements if is_gone == bool(removed)]
    for first in range(0, len(chosen), FILL_BATCH):
        yield tuple(chosen[first : first + FILL_BATCH])


def _fill(store: SqliteStore, writes: Sequence[Write]) -> int:
    """Do all writes; return the bytes of the file, its log copied back."""
    for write in writes:
        store.execute(write)
    store.file.checkpoint()
    return store.path.stat().st_size


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the days, print a table; return 1 where the file grew beyond what it may."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--changes", type=int, default=100_000, help="adds, and removes, a day")
    parser.add_argument("--step", type=int, default=60, help="seconds between two writes")
    parser.add_argument("--folder", type=Path, default=Path(), help="on the disk to measure on")
    given = parser.parse_args(arguments)
    began = time.monotonic()
    print(machine(given.folder), end="\n\n")
    print(
        "| day | present | tombstones | file, MB | log, MB |\n| ---: | ---: | ---: | ---: | ---: |"
    )
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        month = Month(Path(folder), changes=given.changes, step_s=given.step)
        with closing(month.store):
            sizes = []
            for size in month.play(given.days):
                sizes.append(size)
                print(row(size), flush=True)
            month.store.check()
            reference = month.reference()
    largest = max(size.file_bytes for size in sizes)
    print(
        f"\nlargest file {_mb(largest)} MB; a new one: live {_mb(reference.live_bytes)} MB, the "
        f"grace period's worth {_mb(reference.grace_bytes)} MB; so it may have "
        f"{_mb(reference.may_bytes)} MB. {time.monotonic() - began:.0f} s."
    )
    return int(largest > reference.may_bytes)


def row(size: Size) -> str:
    """Return a day's row of the table."""
    return (
        f"| {size.day} | {size.present:,} | {size.tombstones:,} "
        f"| {_mb(size.file_bytes)} | {_mb(size.log_bytes)} |"
    )


def _mb(count: int) -> str:
    return f"{count / 1e6:.1f}"


if __name__ == "__main__":
    sys.exit(main())
