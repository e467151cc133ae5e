"""What a node did during the last hour: what `GET /_/history` answers.

The node answers with these, and a client checks what it reads against them.
"""

from typing import Annotated

import msgspec

Count = Annotated[int, msgspec.Meta(ge=0)]
Seconds = Annotated[float, msgspec.Meta(ge=0, description="seconds")]


class Stretch(msgspec.Struct, rename="camel"):
    """What was done within `seconds`, up to `time`, in microseconds since 1970.

    `writes` are elements that clients changed, `reads` what they looked up: an element, or
    something of a set as a whole. `sent_bytes` and `received_bytes` are those of replication.
    Half of the commits took `commit_p50_seconds` at most, all but one of a hundred
    `commit_p99_seconds`; null where there were none.
    """

    time: int
    seconds: Seconds
    writes: Count
    reads: Count
    sent_bytes: Count
    received_bytes: Count
    commits: Count
    commit_p50_seconds: Seconds | None
    commit_p99_seconds: Seconds | None


class History(msgspec.Struct, rename="camel"):
    """Stretches of about `interval_seconds`, the oldest first, the last one still under way."""

    interval_seconds: Seconds
    stretches: list[Stretch]
