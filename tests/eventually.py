"""Waiting for what another process does: a condition, looked at until it holds or time is up."""

import time
from collections.abc import Callable
from typing import Final

PATIENCE_S: Final = 30.0
_PAUSE_S: Final = 0.01


def eventually(condition: Callable[[], bool], what: str, *, within_s: float = PATIENCE_S) -> None:
    """Return as soon as `condition` holds; fail, naming `what`, where it does not in time."""
    deadline_s = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline_s, f"{what}: not within {within_s:g} s"
        time.sleep(_PAUSE_S)
