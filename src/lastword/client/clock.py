"""What a node says of clocks: `GET /_/clock` and a page of `GET /_/future`.

The node answers with these, and the client checks what it reads against them.
"""

from typing import Annotated

import msgspec

from lastword.limits import LISTED_MAX, LOOKED_AT_MAX, PEERS_MAX, TIME_MAX

Micros = Annotated[int, msgspec.Meta(ge=-TIME_MAX, le=TIME_MAX, description="microseconds")]
Text = Annotated[str, msgspec.Meta(max_length=1 << 17)]


class MemberSkew(msgspec.Struct, rename="camel"):
    """How far a member's clock is ahead of the node's, to half the round trip."""

    address: Annotated[str, msgspec.Meta(max_length=255)]
    skew_us: Micros
    round_trip_us: Micros
    age_us: Micros


class ClockReport(msgspec.Struct, rename="camel"):
    """A node's clock, how far it is ahead of the median, and what that comes to."""

    wall_us: Micros
    max_skew_us: Micros
    off_us: Micros
    voices: Annotated[int, msgspec.Meta(ge=1, le=PEERS_MAX + 1)]
    refuses_writes: bool
    peers: Annotated[list[MemberSkew], msgspec.Meta(max_length=PEERS_MAX)]


class FutureEntry(msgspec.Struct, rename="camel", omit_defaults=True):
    """An element whose time is too far ahead; one that is no text stands in Base64 alone."""

    set: Text
    time: Micros
    ahead_us: Micros
    removed: bool
    element: Text | None = None
    element_base64: Text | None = None


class FuturePage(msgspec.Struct, rename="camel"):
    """A page of such elements, of `looked_at` rows; `after` is where the next begins, if any."""

    elements: Annotated[list[FutureEntry], msgspec.Meta(max_length=LISTED_MAX)]
    looked_at: Annotated[int, msgspec.Meta(ge=0, le=LOOKED_AT_MAX)]
    after: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{16}$")] | None
