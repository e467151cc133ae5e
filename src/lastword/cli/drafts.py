"""Files that a command writes: there when they are whole, and not before."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from lastword.errors import FileUnusable

_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


@contextmanager
def draft_of(path: str, mode: int = 0o666) -> Iterator[BinaryIO]:
    """Give a file that takes the place of `path` at the end of the block, if that is reached.

    It is on disk by then. Who may use it `mode` says, less the umask. Raises FileUnusable where it
    cannot be written.
    """
    draft = Path(f"{path}.{os.getpid()}.draft")
    try:
        with os.fdopen(os.open(draft, _NEW, mode), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise FileUnusable(f"{path} cannot be written: {error.strerror}") from error
    finally:
        with suppress(OSError):
            draft.unlink()
