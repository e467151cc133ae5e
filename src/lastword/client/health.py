"""What a node says of its health: `GET /_/ready` where it is not, and `GET /_/converged`.

The node answers with these, and the client checks what it reads against them.
"""

from typing import Annotated

import msgspec

from lastword.limits import PEERS_MAX

Text = Annotated[str, msgspec.Meta(max_length=1 << 12)]
Seconds = Annotated[float, msgspec.Meta(ge=0, description="seconds")]


class Reason(msgspec.Struct, rename="camel"):
    """Why not: a stable code for programs, a sentence for people, and the member it is about."""

    code: Text
    message: Text
    member: Text | None = None


class MemberHealth(msgspec.Struct, rename="camel"):
    """How far another member and the node are behind each other.

    `lag_seconds` and `lacks` are what the node lacks of the member, `their_lag_seconds` and
    `they_lack` what the member is not known to have of the node's; null where it was not heard
    since the start. `version` is that of the protocol.
    """

    address: Text
    answers: bool
    standing: Text
    version: int
    heard_seconds: Seconds | None
    lag_seconds: Seconds | None
    lacks: int | None
    their_lag_seconds: Seconds | None
    they_lack: int | None
    digest_equal: bool | None
    compared_seconds: Seconds | None
    skew_seconds: float | None


class Converged(msgspec.Struct, rename="camel"):
    """Whether the node and all members have what the others had `max_lag_seconds` ago."""

    converged: bool
    reasons: list[Reason]
    max_lag_seconds: Seconds
    members: Annotated[list[MemberHealth], msgspec.Meta(max_length=PEERS_MAX)]
