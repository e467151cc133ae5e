"""The names of a copy beside its file, and how it takes that file's place.

A copy is `FILE-lastword-copy` while it is made. When it holds everything, and is closed with its
log copied back, it is named `FILE-lastword-whole`: that is the moment from which it stands for
FILE. All that follows can be done again, and is done again by the next start where a crash kept it
from being ended: FILE's log and shared index are taken away, which must not be met beside the new
file, and the new file is given the name FILE. The folder is synced after each step, so that no
later step survives a crash that an earlier one did not. So a crash leaves either FILE with its log
and, perhaps, a copy that nobody needs, or a whole copy that stands for it.

A copy names the file that it was begun for, by the run that this one began with: a whole copy
takes the place of no other file.
"""

from pathlib import Path

import apsw

from lastword.errors import FileUnusable
from lastword.store.sqlite.file import (
    FileLock,
    disk_errors,
    has_content,
    opened_to_read,
    opened_unlocked,
    recognise,
    sync_folder,
)

_PUT_ORIGINAL = "INSERT OR REPLACE INTO facts VALUES ('copy_of', ?)"
_ORIGINAL = "SELECT value FROM facts WHERE name = 'copy_of'"
_FIRST_RUN = "SELECT run FROM runs WHERE began IS NOT NULL ORDER BY began, id LIMIT 1"

_LOGS = ("-wal", "-shm")


def copy_of(path: Path) -> Path:
    """Return the name of the copy that is made beside a file."""
    return Path(f"{path}-lastword-copy")


def whole_of(path: Path) -> Path:
    """Return the name that this copy has when it is whole."""
    return Path(f"{path}-lastword-whole")


def remove_copy(path: Path) -> None:
    """Remove the copy beside a file, if there is one.

    Raises ForeignFile for one that is not ours, FileInUse for one that a process has open.
    """
    copy = copy_of(path)
    recognise(copy)
    lock = FileLock(copy)
    try:
        with disk_errors(copy):
            for suffix in ("", "-journal", *_LOGS, "-lock"):
                Path(f"{copy}{suffix}").unlink(missing_ok=True)
    finally:
        lock.release()


def note_original(copy: apsw.Connection, run: int) -> None:
    """Note in a new copy that it is one of the file that began with `run`."""
    with disk_errors(Path(copy.filename)):
        copy.execute(_PUT_ORIGINAL, (run,))


def is_copy_of(path: Path, run: int) -> bool:
    """Return whether a copy is beside a file that was begun for it; `run` is that one's first.

    Raises FileInUse, ForeignFile, NewerFormat or CorruptStore.
    """
    copy = copy_of(path)
    if not has_content(copy):
        return False
    with opened_to_read(copy) as connection:
        return bool(connection.execute(_ORIGINAL).get == run)


def check_closed(path: Path) -> None:
    """Raise FileUnusable where the closing of the copy has left something in its log."""
    copy = copy_of(path)
    if any(Path(f"{copy}{suffix}").exists() for suffix in _LOGS):
        raise FileUnusable(f"the log of {copy} could not be copied back")


def name_whole(path: Path) -> None:
    """Let the copy, which is whole and closed, stand for the file from now on."""
    with disk_errors(path):
        copy_of(path).replace(whole_of(path))
        sync_folder(path)


def change_places(path: Path) -> None:
    """Give the whole copy the name of the file that it stands for."""
    with disk_errors(path):
        for suffix in _LOGS:
            Path(f"{path}{suffix}").unlink(missing_ok=True)
        sync_folder(path)
        whole_of(path).replace(path)
        sync_folder(path)
        Path(f"{copy_of(path)}-lock").unlink(missing_ok=True)


def finish_change(path: Path) -> None:
    """Give a whole copy that a crash has left the name of its file; the caller has its lock.

    Raises FileUnusable where that file is gone, or is another one.
    """
    whole = whole_of(path)
    if not whole.exists():
        return
    recognise(whole)
    if not has_content(path):
        raise FileUnusable(f"{whole} stands for a file that is gone", hint=_AWAY)
    with opened_unlocked(whole) as copy, opened_unlocked(path) as file:
        # A file whose log is gone may never have had a run of its own in itself.
        if file.execute(_FIRST_RUN).get not in {None, copy.execute(_ORIGINAL).get}:
            raise FileUnusable(f"{whole} stands for another file than {path}", hint=_AWAY)
    change_places(path)


_AWAY = "Bring the file back that it was made for, or move it away."
