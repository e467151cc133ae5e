"""What a node tells an operator of its condition: `GET /_/condition`, for `lastword doctor`.

The node answers with these, and the client checks what it reads against them.
"""

from typing import Annotated

import msgspec

Text = Annotated[str, msgspec.Meta(max_length=1 << 12)]
Count = Annotated[int, msgspec.Meta(ge=0)]
Seconds = Annotated[float, msgspec.Meta(ge=0, description="seconds")]


class Settings(msgspec.Struct, rename="camel"):
    """What the node was started with, as far as it matters to others and to its safety.

    `digest_key` is a fingerprint: members that differ in it cannot compare what they hold.
    """

    grace_seconds: Seconds
    lapse_seconds: Seconds
    collect_seconds: Seconds
    replication_seconds: Seconds
    full_replication_seconds: Seconds
    digest_key: Text
    loopback_only: bool
    secret: bool
    tokens: bool
    tls: bool


class Disk(msgspec.Struct, rename="camel"):
    """The file, its log and its disk; `commit_mean_seconds` since the start, null before any."""

    file: Text
    file_bytes: Count
    log_bytes: Count
    free_bytes: Count
    commits: Count
    commit_mean_seconds: Seconds | None


class Used(msgspec.Struct):
    """How much of a limit is used."""

    name: Text
    used: Count
    most: Count


class Condition(msgspec.Struct, rename="camel"):
    """A node's settings, its disk, and how near it is to its limits."""

    version: Text
    protocol: int
    settings: Settings
    disk: Disk
    limits: list[Used]
