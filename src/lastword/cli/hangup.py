"""SIGHUP to `lastword serve`: the files that it was given are read again."""

import asyncio
import logging
import signal
from collections.abc import Callable

from lastword.errors import ConfigError

logger = logging.getLogger(__name__)


class Hangup:
    """Reads files again at SIGHUP; what a file cannot give stays as it was.

    A node that was given no such file ends with its terminal, as other programs do.
    """

    def __init__(self) -> None:
        self._rereads: list[tuple[str, Callable[[], None]]] = []

    def add(self, what: str, reread: Callable[[], None]) -> None:
        """Let `reread` be called; it raises ConfigError where it changed nothing of `what`."""
        self._rereads.append((what, reread))
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._read_anew)

    def _read_anew(self) -> None:
        for what, reread in self._rereads:
            try:
                reread()
            except ConfigError as error:
                logger.error("%s stays as it was: %s", what, error)  # noqa: TRY400 - no fault of ours
            else:
                logger.warning("%s was read anew", what)
