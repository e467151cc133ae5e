"""The files that nodes leave behind."""

from pathlib import Path
from secrets import randbits

from lastword.store.base import StoreOptions
from lastword.store.sqlite.store import SqliteStore
from lastword.wall import wall_us


def check_file(path: Path) -> None:
    """Verify every invariant of a node's file; no node may have it open.

    Raises CorruptStore with what does not hold.
    """
    store = SqliteStore(path, StoreOptions(wall_us, lambda: randbits(63)))
    try:
        store.check()
    finally:
        store.close()
