"""Files with secrets that others than their owner may use: they are taken, and warned of."""

import logging
from pathlib import Path

from lastword.access.secret import others_may_use

logger = logging.getLogger(__name__)


def warn_where_shared(path: Path) -> None:
    """Warn where others may read the file, or write it."""
    if others_may_use(path):
        logger.warning("%s may be read or written by others than its owner: chmod 600", path)
