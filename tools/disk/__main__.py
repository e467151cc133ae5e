"""`python -m tools.disk NOTES [--synchronous LEVEL] lastword serve ...`: a node on such a disk.

It is the node's own command, from its first line on; only what is below SQLite is another's.
"""

import os
import re
import sys
from pathlib import Path
from stat import S_ISDIR
from typing import Any

import apsw

from lastword.__main__ import main as lastword
from lastword.store.sqlite import schema
from tools.disk.vfs import Connection, Disk


def install(notes: Path) -> Disk:
    """Let all files of this process be on such a disk, also names that SQLite does not change."""
    disk = Disk(notes := notes.absolute())
    replace, unlink, fsync = os.replace, os.unlink, os.fsync

    def is_ours(name: Any) -> bool:
        return Path(name).parent == notes

    def noted_replace(origin: Any, name: Any, **places: Any) -> None:
        with disk.lock:
            if not is_ours(name):
                disk.names.before_rename(os.fspath(origin), os.fspath(name))
            replace(origin, name, **places)

    def noted_unlink(name: Any, **places: Any) -> None:
        with disk.lock:
            if Path(name).exists() and not is_ours(name):
                disk.names.before_removal(os.fspath(name))
            unlink(name, **places)

    def noted_fsync(fd: int) -> None:
        if S_ISDIR(os.fstat(fd).st_mode):
            with disk.lock:
                disk.names.synced()
        else:
            fsync(fd)

    vars(apsw).update(Connection=Connection)
    vars(os).update(replace=noted_replace, unlink=noted_unlink, fsync=noted_fsync)
    return disk


def weaken(level: str) -> None:
    """Let every connection sync by another level than the product's own."""
    schema.SETTINGS = re.sub(r"synchronous = \w+", f"synchronous = {level}", schema.SETTINGS)


def main() -> None:
    """Install the disk, then be the command."""
    _, notes, *command = sys.argv
    install(Path(notes))
    if command[0] == "--synchronous":
        weaken(command[1])
        del command[:2]
    sys.argv = command
    lastword()


if __name__ == "__main__":
    main()
