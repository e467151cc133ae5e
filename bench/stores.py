"""Files for benchmarks, written without a node."""

import shutil
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import blake2b
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


def fill(
    store: SqliteStore, set_name: bytes, elements: int, named: Callable[[int], bytes]
) -> None:
    """Write so many elements into a set, as `named` by their numbers."""
    for start in range(0, elements, FILL_BATCH):
        batch = range(start, min(start + FILL_BATCH, elements))
        store.execute(Write(set_name, add=tuple(map(named, batch))))


def digits(number: int) -> bytes:
    """Return 20 digits: what a load generator can make again."""
    return b"%020d" % number


def identifier(number: int) -> bytes:
    """Return 20 characters that look random, as most identifiers do, and compress as badly."""
    digest = blake2b(b"%d" % number, digest_size=15).digest()
    return b64encode(digest, b"-_")


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
