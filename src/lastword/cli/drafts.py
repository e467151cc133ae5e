"""Files that a command writes: there when they are whole, and not before."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from lastword.errors import FileUnusable


@contextmanager
def draft_of(path: str) -> Iterator[BinaryIO]:
    """Give a file that takes the place of `path` at the end of the block, if that is reached.

    It is on disk by then. Raises FileUnusable where it cannot be written.
    """
    draft = Path(f"{path}.{os.getpid()}.draft")
    try:
        with draft.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise FileUnusable(f"{path} cannot be written: {error.strerror}") from error
    finally:
        with suppress(OSError):
            draft.unlink()
