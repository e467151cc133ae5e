"""Files for benchmarks, written without a node."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import randbits

from lastword.store.base import StoreOptions
from lastword.store.operations import Write
from lastword.store.sqlite.store import SqliteStore
from lastword.wall import wall_us

FILL_BATCH = 5_000


@contextmanager
def opened(path: Path) -> Iterator[SqliteStore]:
    """Open a file, which is made if there is none, and close it at the end."""
    store = SqliteStore(path, StoreOptions(wall=wall_us, new_run=lambda: randbits(63)))
    try:
        yield store
    finally:
        store.close()


def file_of_sets(path: Path, *, sets: int, elements: int) -> None:
    """Write so many elements of 20 bytes into each of so many sets of a new file."""
    with opened(path) as store:
        for index in range(sets):
            fill(store, b"set%d" % index, elements)


def fill(store: SqliteStore, set_name: bytes, elements: int) -> None:
    """Write so many elements of 20 digits into a set."""
    for start in range(0, elements, FILL_BATCH):
        batch = range(start, min(start + FILL_BATCH, elements))
        store.execute(Write(set_name, add=tuple(b"%020d" % number for number in batch)))


def copy(source: Path, target: Path) -> Path:
    """Copy a closed file over another one."""
    _remove(target)
    shutil.copyfile(source, target)
    return target


def empty(path: Path) -> Path:
    """Make a new, empty file in the place of another one."""
    _remove(path)
    with opened(path):
        return path


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
