"""The condition of a node: its settings, its disk, and how near it is to its limits."""

import resource
from collections.abc import Iterator
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Final

from lastword.client.condition import Condition, Disk, Settings, Used
from lastword.config import Exposure
from lastword.limits import PEERS_MAX, WRITES_PENDING_MAX
from lastword.node.node import Node
from lastword.replication.frames import PROTOCOL_VERSION
from lastword.store.sqlite.room import room_of

LOG_NUMBER_MAX: Final = 1 << 62
"""Log numbers are signed integers of 64 bits in SQLite; a bit is left for sums."""

SETS_MANY: Final = 1_000_000
"""Sets are known in memory: so many take 300 MB, and a second at each start."""

_OPEN_FILES: Final = Path("/proc/self/fd")


def condition_of(node: Node, version: str, exposure: Exposure) -> Condition:
    """Return the condition of a node."""
    return Condition(
        version, PROTOCOL_VERSION, _settings(node, exposure), _disk(node), list(_limits(node))
    )


def _settings(node: Node, exposure: Exposure) -> Settings:
    ours = node.replica.settings
    return Settings(
        grace_seconds=ours.grace_us / 1e6,
        lapse_seconds=ours.lapse_us / 1e6,
        collect_seconds=ours.collect_interval_us / 1e6,
        replication_seconds=node.interval_s,
        full_replication_seconds=ours.full_interval_us / 1e6,
        digest_key=blake2b(node.store.digest_key, digest_size=8, person=b"known by").hexdigest(),
        loopback_only=exposure.loopback_only,
        secret=exposure.secret,
        tokens=exposure.tokens,
        tls=exposure.tls,
    )


def _disk(node: Node) -> Disk:
    room, commits = room_of(node.store.path), node.store.commits
    mean_s = node.store.writer.took.sum_s / commits if commits else None
    return Disk(str(node.store.path), *room, commits, mean_s)


def _limits(node: Node) -> Iterator[Used]:
    with suppress(OSError):
        most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        yield Used("open files", sum(1 for _ in _OPEN_FILES.iterdir()), most)
    yield Used("members", len(node.store.members()), PEERS_MAX)
    yield Used("sets", len(node.store.totals()), SETS_MANY)
    yield Used("log numbers", node.store.log_end, LOG_NUMBER_MAX)
    yield Used("writes that wait", node.store.writer.pending, WRITES_PENDING_MAX)
