"""Open files: as many as the process may have, and no more connections than these allow.

A node that has no files left can open nothing: no temporary file of a large state, no connection
to another node. So connections leave some to all else.
"""

import logging
import resource
from dataclasses import replace
from typing import Final

from lastword.api.door import told_max
from lastword.api.http.limits import HttpLimits
from lastword.api.resp.limits import RespLimits
from lastword.errors import ConfigError

logger = logging.getLogger(__name__)

RESERVED: Final = 256
"""For the node's own files, connections to other nodes, and temporary files of large states."""

FILES_MIN: Final = RESERVED + 64


def fitted(http: HttpLimits, redis: RespLimits | None) -> tuple[HttpLimits, RespLimits]:
    """Return the limits with as many connections as the process may have files for.

    Raises its limit of open files as far as is allowed. `redis` is None where that is not spoken.
    Raises ConfigError where hardly any file is left.
    """
    files = _raised()
    wanted = {"http": http.connections_max, "redis": 0 if redis is None else redis.clients_max}
    room = shared(files, wanted)
    if room != wanted:
        logger.warning(
            "%d open files are allowed: %d connections of HTTP and %d of Redis clients are taken",
            files,
            room["http"],
            room["redis"],
        )
    return (
        replace(http, connections_max=room["http"]),
        RespLimits() if redis is None else replace(redis, clients_max=room["redis"]),
    )


def shared(files: int, wanted: dict[str, int]) -> dict[str, int]:
    """Return how many connections each protocol may have: what it wants, or its part of all.

    Each protocol beside has those that are told that there are too many.
    """
    if files < FILES_MIN:
        raise ConfigError(
            f"{files} open files are allowed, and a node needs {FILES_MIN}",
            hint="Raise the limit: ulimit -n, or LimitNOFILE= of systemd.",
        )
    room = files - RESERVED
    margin = sum(told_max(count) for count in wanted.values())
    if sum(wanted.values()) + margin <= room:
        return wanted
    # What is told is allowed for by halving: a connection and one that is told instead of another.
    room = max(room - margin, room // 2)
    total = sum(wanted.values())
    return {name: max(1, count * room // total) if count else 0 for name, count in wanted.items()}


def _raised() -> int:
    """Raise the limit of open files as far as is allowed, and return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY:
        hard = max(soft, 1 << 20)  # macOS says so, and takes no more than its own limit
    try:
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (hard, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
        )
    except (OSError, ValueError):
        return soft
    return hard
